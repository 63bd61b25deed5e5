"""What a page reads from the web: recorded by vcrpy the first time, and replayed from then on."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from kit.docs.run.local_services import LOCAL_HOSTS
from kit.files.write import write_whole
from kit.pages.code import text_constants
from kit.settings import load_settings, mask

_WEB = re.compile(r"https?://[^\s'\"<>]+")
_SOME = "interactions:\n- "  # how a recording with anything in it begins


@contextlib.contextmanager
def recorded_web(page: str, codes: Sequence[str], folder: Path, secrets: Sequence[str]) -> Iterator[str]:
    """The file in `folder` to replay from and to record to, for the length of a `with` block; '' when it reads nothing.

    Recordings lie in KIT_CACHE_DIR/web under the page's name and the addresses that it names; delete one to record it
    anew. Keys are masked in them.
    """
    addresses = web_addresses(codes)
    if not addresses:
        yield ""
        return
    digest = hashlib.sha256("\n".join((page, *addresses)).encode()).hexdigest()[:12]
    kept, file = load_settings().cache_dir / "web" / f"{page}-{digest}.yaml", folder / "web.yaml"
    if kept.is_file():
        shutil.copyfile(kept, file)
    yield str(file)
    with contextlib.suppress(OSError):
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if text.startswith(_SOME):
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, mask(text, secrets))


def web_addresses(codes: Sequence[str]) -> list[str]:
    """The addresses of other machines that stand in a page's code, in order."""
    found = (address for text in text_constants(codes) for address in _WEB.findall(text))
    return sorted({address for address in found if _host(address) and _host(address) not in LOCAL_HOSTS})


def _host(address: str) -> str:
    with contextlib.suppress(ValueError):
        return urlsplit(address).hostname or ""
    return ""

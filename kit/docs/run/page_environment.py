"""The environment of a page that installs for itself: an overlay of the one it runs in, kept by what it installs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.kernels.sandbox import overlay
from kit.settings import load_settings

ASK_SECONDS = 60
_ASK = (
    "import sys\nfrom importlib.metadata import version\nfrom packaging.requirements import Requirement\n"
    "for line in sys.argv[1:]:\n    version(Requirement(line).name)\n"
)


@contextlib.contextmanager
def page_environment(python: str, named: Sequence[str], folder: Path, *, keep: bool = True) -> Iterator[str]:
    """The Python of an environment in `folder` that sees what `python` sees, for the length of a `with` block.

    What the page installs there is kept in KIT_CACHE_DIR under the requirements that it names, and is there already
    the next time; `keep` is False for a page that installs what its lines do not name.
    """
    known = load_settings().cache_dir / "environments" / f"page-{_digest(python, named)}"
    if keep and (known / "whole.json").is_file():
        shutil.copytree(known, folder, symlinks=True, copy_function=_linked)
        yield str(_python_of(folder))
        return
    own = overlay(python, folder)
    yield own
    if keep and _has(own, named):
        _store(folder, known, named)


def _has(python: str, named: Sequence[str]) -> bool:
    """Whether everything that the page names is installed: a line that failed leaves nothing worth keeping."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        ask = [python, "-c", _ASK, *named]
        return subprocess.run(ask, capture_output=True, timeout=ASK_SECONDS, check=False).returncode == 0
    return False


def _store(folder: Path, known: Path, named: Sequence[str]) -> None:
    """Put the environment in its place in one step; one that another process put there stays."""
    building = known.with_name(f"{known.name}.building-{uuid.uuid4().hex[:8]}")
    with contextlib.suppress(OSError):
        shutil.copytree(folder, building, symlinks=True, copy_function=_linked)
        (building / "whole.json").write_text(json.dumps(sorted(named)), encoding="utf-8")
        building.rename(known)
    shutil.rmtree(building, ignore_errors=True)


def _linked(source: str, target: str) -> str:
    """A second name for a file where the file system gives one; a copy elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _digest(python: str, named: Sequence[str]) -> str:
    parts = (python, platform.python_version(), platform.machine(), *sorted(named))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

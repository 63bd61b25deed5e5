"""The one way a file is written: there whole or not at all, even when the process is killed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kit.errors import KitError


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step; its folder is made, and a file that exists keeps its mode.

    Text is UTF-8 with its line ends as they are; half a surrogate pair is written as its escape.
    Raises KitError when the file cannot be written.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)  # mkstemp gives 0600
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise KitError(f"{path} cannot be written: {error.strerror or error}.") from None

"""Temporary folders that go when their process ends, and that the next process sweeps when it was killed."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

_OWNED: dict[Path, FileLock] = {}


def scratch_folder(name: str = "run") -> Path:
    """A new empty folder of this process, under the system's temporary folder (TMPDIR)."""
    root = Path(tempfile.gettempdir()) / f"milvus-notebook-kit-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    # A folder is locked a moment after it was made; nobody sweeps in between.
    with FileLock(root / "sweeping"):
        _sweep(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))
        _OWNED[folder] = FileLock(_lock_of(folder))
        _OWNED[folder].acquire()
    return folder


def remove_scratch(folder: Path) -> None:
    """Remove a folder that `scratch_folder` gave."""
    shutil.rmtree(folder, ignore_errors=True)
    if lock := _OWNED.pop(folder, None):
        lock.release()
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _sweep(root: Path) -> None:
    """Remove the folders whose process is gone: a live one holds its lock."""
    for lock_file in root.glob("*.lock"):
        folder = lock_file.with_suffix("")
        if folder in _OWNED:
            continue
        with contextlib.suppress(Timeout, OSError):
            with FileLock(lock_file, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)


@atexit.register
def _remove_all() -> None:
    for folder in list(_OWNED):
        remove_scratch(folder)

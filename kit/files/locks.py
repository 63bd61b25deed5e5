"""A folder for one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from kit.errors import KitError


@contextlib.contextmanager
def alone(lock_file: Path, taken: str, instead: str) -> Iterator[None]:
    """Hold a lock for a `with` block; it goes with the process, however that ends.

    Raises KitError with `taken` when another process holds it, and with `instead` when the file cannot be written.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_file)
        lock.acquire(timeout=0)
    except Timeout:
        raise KitError(taken) from None
    except OSError as error:
        raise KitError(f"{lock_file.parent} cannot be written: {error.strerror or error}. {instead}") from None
    try:
        yield
    finally:
        lock.release()

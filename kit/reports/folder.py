"""Where a report is written: a folder that no other tour writes to, replaced in one step."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from kit.errors import KitError

MOST_AT_ONCE = 9  # tours that write reports side by side
MARK = ".milvus-notebook-kit-report"  # lies in each report: only such a folder, or an empty one, is ever replaced


@dataclass(frozen=True)
class Place:
    """The folder that the report will be, the draft that it is now, and what to tell when it is not the usual one."""

    folder: Path
    draft: Path
    note: str = ""

    def publish(self) -> Path:
        """Put the draft in the folder's place and return its index.html."""
        old = self.folder.with_name(f".{self.folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        (self.draft / MARK).touch()
        if self.folder.exists():
            self.folder.rename(old)
        self.draft.rename(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        return self.folder / "index.html"


@contextlib.contextmanager
def report_place(wanted: Path, fallback: Path | None = None) -> Iterator[Place]:
    """The place for a report at `wanted`; beside it while another tour writes there; at `fallback` if it is read-only.

    Raises KitError when nothing can be written, and when the folder holds something else than a report.
    """
    lock, place = _reserve(wanted, fallback)
    try:
        shutil.rmtree(place.draft, ignore_errors=True)  # of a tour that was killed
        place.draft.mkdir()
        yield place
    finally:
        shutil.rmtree(place.draft, ignore_errors=True)
        lock.release()


def _reserve(wanted: Path, fallback: Path | None) -> tuple[FileLock, Place]:
    number, folder = 1, wanted
    while True:
        lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            break
        except Timeout:
            number += 1
            folder = wanted.with_name(f"{wanted.name}-{number}")
            if number > MOST_AT_ONCE:
                raise KitError(
                    f"{MOST_AT_ONCE} reports are being written beside {wanted}, or no file can be made there",
                    mend="Give another folder: --out FOLDER.",
                ) from None
        except OSError as error:
            why = f"{wanted.parent} cannot be written ({error.strerror or error})"
            if fallback is None:
                raise KitError(f"{why}. Give a folder that can: --out FOLDER.") from None
            lock, place = _reserve(fallback, None)
            return lock, replace(place, note=f"{why}; the report is in {place.folder}.")
    if folder.exists() and not _is_replaceable(folder):
        lock.release()
        raise KitError(
            f"{folder} is not a report of kit tour and is not replaced", mend="Give another folder: --out FOLDER."
        )
    note = f"Another tour is writing {wanted}; this report is in {folder}." if number > 1 else ""
    return lock, Place(folder, folder.with_name(f".{folder.name}.draft"), note)


def _is_replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))

"""The files of a Milvus Lite collection: its manifest, data files and write-ahead log, read beside the engine."""

from __future__ import annotations

import json
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.errors import KitError

LITE_FORMAT = 2  # of Milvus Lite's manifest.json; another one is left alone
LOOKS = 3  # at files that the engine, open in this process, may be replacing


class Damage(Exception):
    """What is wrong with a collection's files, as the middle of a sentence."""


class AnotherFormat(Exception):
    """The files are laid out in a way that is not known here."""


def collection_folder(uri: str, collection: str, database: str | None = None) -> Path:
    """Where Milvus Lite keeps a collection of the database file `uri`."""
    root = Path(uri) if database in (None, "", "default") else Path(uri) / "databases" / database
    return root / "collections" / collection


def collection_folders(root: Path) -> Iterator[Path]:
    for place in (root / "collections", *sorted((root / "databases").glob("*/collections"))):
        if place.is_dir():
            yield from sorted(folder for folder in place.iterdir() if folder.is_dir())


def last_write(folder: Path) -> int:
    """The number of the last write that a collection's files hold; the engine numbers what it writes and deletes."""
    logged = list(_logged(folder))  # before the manifest: a flush meanwhile moves writes from the log into it
    return int(max([_manifest(folder)["current_seq"], *logged]))


def last_write_or_none(folder: Path) -> int | None:
    """As `last_write`; None in a format of Milvus Lite that is not known here."""
    try:
        return last_write(folder)
    except AnotherFormat:
        return None


def damaged(uri: str, collection: str, found: str) -> KitError:
    """The error for a damaged database."""
    old, aside = shlex.quote(uri), shlex.quote(f"{uri}.damaged")
    return KitError(
        f'{uri} is damaged: in its collection "{collection}" {found}. Searches would silently miss rows.',
        mend=f"Set it aside and ingest the documents again: mv {old} {aside}",
    )


def check_collection_files(folder: Path, ingested: bool) -> None:
    """Every file that the engine's manifest names is there and can be read; the log is read by `last_write`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not (folder / "schema.json").is_file():
        if not ingested:
            return  # a creation that was interrupted; the engine does not know it either
        raise Damage("schema.json is missing")
    if ingested and not (folder / "manifest.json").is_file():
        raise Damage("manifest.json is missing")
    for attempt in range(1, LOOKS + 1):
        manifest = _manifest(folder)
        try:
            for partition, files in manifest["partitions"].items():
                for name in (*files["data_files"], *files["delta_files"]):
                    file = folder / "partitions" / partition / name
                    pq.read_metadata(file)
            return
        except PermissionError:
            raise
        except (OSError, pa.ArrowException) as error:
            if attempt < LOOKS and _manifest(folder) != manifest:
                continue  # the engine, open in this process, has replaced files meanwhile
            what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise Damage(f"the data file {name} {what}") from None


def data_files(folder: Path) -> list[str]:
    """The data files that the engine's manifest names, as paths inside the collection's folder."""
    partitions = _manifest(folder)["partitions"]
    return [f"partitions/{name}/{file}" for name, files in partitions.items() for file in files["data_files"]]


def checksum(file: Path) -> int | None:
    """A data file's CRC-32, or None for one that the engine has replaced meanwhile."""
    crc = 0
    try:
        with file.open("rb") as opened:
            while block := opened.read(2**20):
                crc = zlib.crc32(block, crc)
    except FileNotFoundError:
        return None
    return crc


def torn_indexes(root: Path) -> list[Path]:
    """The files of FLAT indexes that were cut short: Lite 3.2 writes them in place, and a kill leaves a part of one.

    What they hold is made anew from the data files where they are missing; where they are torn the collection cannot
    be loaded any more.
    """
    if not root.exists():
        return []
    import numpy as np

    torn = []
    for folder in collection_folders(root):
        for file in folder.glob("partitions/*/indexes/*.flat.idx"):
            try:
                np.load(file, mmap_mode="r", allow_pickle=False)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, EOFError):
                torn.append(file)
    return torn


def unreadable_file(root: Path) -> tuple[str, str] | None:
    """The collection and the data file that a page of cannot be read, or None; every page of every file is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for folder in collection_folders(root):
        try:
            for name in data_files(folder):
                try:
                    pq.read_table(folder / name).validate(full=True)
                except (OSError, pa.ArrowException):
                    return folder.name, Path(name).name
        except (AnotherFormat, Damage):
            continue
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    """The engine's list of files; one that is not there is an empty one, as for a collection without a flush."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["manifest_format_version"] != LITE_FORMAT:
            raise AnotherFormat(f"format {manifest['manifest_format_version']}, not {LITE_FORMAT}")
        return {"current_seq": int(manifest["current_seq"]), "partitions": dict(manifest["partitions"])}
    except FileNotFoundError:
        if any(folder.glob("manifest.json.prev")) or any(folder.glob("partitions/*/data/*")):
            raise Damage("manifest.json is missing") from None  # the engine would start an empty one
        return {"current_seq": 0, "partitions": {}}
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Damage("manifest.json cannot be read") from None


def logged_twice(folder: Path) -> bool:
    """Whether the log still holds writes that the manifest counts as flushed."""
    try:
        flushed = _manifest(folder)["current_seq"]
    except AnotherFormat:
        return False
    return any(write <= flushed for write in _logged(folder))


def deleted_since(folder: Path, sequence: int) -> bool:
    """Whether rows were deleted after that write, as far as the files still tell; `ingest` itself deletes none."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if any(write > sequence for write in _logged(folder, "wal_delta_*.arrow")):
        return True
    try:
        partitions = _manifest(folder)["partitions"]
    except AnotherFormat:
        return True  # it cannot be told
    for partition, files in partitions.items():
        for name in files["delta_files"]:
            numbers = pq.read_table(folder / "partitions" / partition / name, columns=["_seq"])["_seq"]
            if len(numbers) and pc.max(numbers).as_py() > sequence:
                return True
    return False


def _logged(folder: Path, pattern: str = "wal_*.arrow") -> Iterator[int]:
    """The last write's number in each readable stretch of the write-ahead log."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for file in (folder / "wal").glob(pattern):
        try:
            with pa.memory_map(str(file)) as source:  # of each stretch only the numbers are read
                for batch in pa.ipc.open_stream(source):
                    if batch.num_rows:
                        yield int(pc.max(batch.column("_seq")).as_py())
        except (OSError, pa.ArrowException, KeyError):
            continue  # cut short; what it held further on is not counted as written

"""What a Milvus Lite database should hold: a count and a hash beside each collection's files, checked on opening.

Milvus Lite keeps no checksums: a lost data file, a cut write-ahead log or a broken manifest gives fewer rows and no
error, and opening such a collection deletes the files that it no longer knows. So its files are looked at first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kit.errors import KitError
from kit.files.write import write_whole

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# In the collection's own folder: dropping, renaming or copying the collection takes it along.
FILE = "kit-inventory.json"
FORMAT = 1
LITE_FORMAT = 2  # of Milvus Lite's manifest.json; another one is left alone
HASHED_ON_OPENING = 20_000  # rows; about 60 µs each
READ_ROWS = 5_000


@dataclass(frozen=True)
class Inventory:
    """Rows, their order-independent content hash, and the last write they include, as the engine numbers writes.

    `writing` while an ingest is on its way, noted anew after each batch: rows may then be more than noted, and not
    fewer. `text` and `key` name the two fields.
    """

    rows: int
    content: str
    sequence: int
    writing: bool
    key: str = "pk"
    text: str = "text"


class Content(NamedTuple):
    """How many rows, and the sum of their digests modulo 2^256: the same in any order, each row as often as it is."""

    rows: int = 0
    total: int = 0

    def plus(self, rows: Iterable[tuple[str, str]]) -> Content:
        """With these (key, text) rows too."""
        digests = [row_digest(key, text) for key, text in rows]
        return Content(self.rows + len(digests), (self.total + sum(digests)) % 2**256)

    def minus(self, rows: Iterable[tuple[str, str]]) -> Content:
        """Without these (key, text) rows."""
        digests = [row_digest(key, text) for key, text in rows]
        return Content(self.rows - len(digests), (self.total - sum(digests)) % 2**256)

    @property
    def hash(self) -> str:
        """As 64 hexadecimal digits."""
        return f"{self.total:064x}"


def row_digest(key: str, text: str) -> int:
    """A row as a number of 256 bits."""
    return int.from_bytes(hashlib.sha256(f"{key}\x00{text}".encode("utf-8", "surrogatepass")).digest(), "big")


def collection_folder(uri: str, collection: str, database: str | None = None) -> Path:
    """Where Milvus Lite keeps a collection of the database file `uri`."""
    root = Path(uri) if database in (None, "", "default") else Path(uri) / "databases" / database
    return root / "collections" / collection


def read_inventory(folder: Path) -> Inventory | None:
    """The inventory in a collection's folder, or None when nothing was ingested into it."""
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Inventory(**stored["inventory"]) if stored["format"] == FORMAT else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise _Damage(f"{FILE} cannot be read") from None


def write_inventory(folder: Path, inventory: Inventory) -> None:
    """Replace a collection's inventory, in one step and durably."""
    write_whole(folder / FILE, json.dumps({"format": FORMAT, "inventory": asdict(inventory)}, indent=2))


def note(uri: str, folder: Path, content: Content, writing: bool, key: str, text: str) -> None:
    """Write down what a collection holds now; not in a format of Milvus Lite that could not be checked either."""
    try:
        sequence = last_write(folder)
    except _AnotherFormat:
        return
    except _Damage as damage:
        raise KitError(damaged(uri, folder.name, str(damage))) from None
    write_inventory(folder, Inventory(content.rows, content.hash, sequence, writing, key, text))


def noted_content(folder: Path) -> Content | None:
    """What a collection holds according to its inventory, or None where that is not the last word."""
    noted = read_inventory(folder)
    try:
        if noted is None or noted.writing or noted.sequence != last_write(folder):
            return None
    except _AnotherFormat:
        return None
    return Content(noted.rows, int(noted.content, 16))


def check_files(uri: str) -> list[str]:
    """Look at a database's files before the engine opens it; what is noteworthy and no damage is returned.

    Raises KitError for damage, with what is wrong and how to rebuild.
    """
    notes = []
    with contextlib.suppress(PermissionError):  # the engine cannot open it either, and that is then said
        for folder in _collections(Path(uri)):
            try:
                notes += _check_collection(folder)
            except _Damage as damage:
                raise KitError(damaged(uri, folder.name, str(damage))) from None
    return notes


def check_databases(uri: str, client: MilvusClient, every_row: bool = False) -> None:
    """As `check_rows`, in each of the databases that a `.db` holds; `client` is in the default one."""
    from pymilvus import MilvusClient

    check_rows(uri, client, every_row=every_row)
    for name in client.list_databases():
        if name != "default":
            inside = MilvusClient(uri, db_name=name)
            try:
                check_rows(uri, inside, name, every_row)
            finally:
                inside.close()


def check_rows(uri: str, client: MilvusClient, database: str | None = None, every_row: bool = False) -> None:
    """Count the rows of each collection that nothing but `ingest` wrote to; up to 20,000 rows, or with `every_row`,
    compare their content hash too. An interrupted ingest has at least the rows that it noted.

    A collection whose last flush was killed between two of its steps is flushed first: its rows lie in a data file and
    in the log, and would be found twice. Raises KitError for damage, with what is wrong and how to rebuild.
    """
    for name in client.list_collections():
        folder = collection_folder(uri, name, database)
        if _logged_twice(folder):
            client.flush(name)
        noted, inventory = noted_content(folder), read_inventory(folder)
        if inventory is None or (noted is None and not inventory.writing):
            continue
        rows = client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"]
        if noted is None:  # interrupted: more rows than noted are no damage
            wrong = rows < inventory.rows and not _deleted_since(folder, inventory.sequence)
        else:
            wrong = rows != inventory.rows
        if wrong:
            raise KitError(damaged(uri, name, f"{rows} rows are left of the {inventory.rows} that were ingested"))
        if noted and (every_row or rows <= HASHED_ON_OPENING):
            client.load_collection(name)
            if read_content(client, name, inventory.key, inventory.text) != noted:
                found = f"the {rows} rows are not those that were ingested (their content hash differs)"
                raise KitError(damaged(uri, name, found))


def damaged(uri: str, collection: str, found: str) -> str:
    """The sentence for a damaged database."""
    old, aside = shlex.quote(uri), shlex.quote(f"{uri}.damaged")
    return (
        f'{uri} is damaged: in its collection "{collection}" {found}. Searches would silently miss rows. Set it aside '
        f"and ingest the documents again: mv {old} {aside}"
    )


def last_write(folder: Path) -> int:
    """The number of the last write that a collection's files hold; the engine numbers what it writes and deletes."""
    return max([_manifest(folder)["current_seq"], *_logged(folder)])


def read_content(client: MilvusClient, collection: str, key: str = "pk", text: str = "text") -> Content:
    """What a collection holds now, read row by row."""
    content = Content()
    rows = client.query_iterator(
        collection, batch_size=READ_ROWS, output_fields=[key, text], consistency_level="Strong"
    )
    try:
        while batch := rows.next():
            content = content.plus((str(row[key]), row[text]) for row in batch)
    finally:
        rows.close()
    return content


class _Damage(Exception):
    """What is wrong with a collection's files, as the middle of a sentence."""


class _AnotherFormat(Exception):
    """The files are laid out in a way that is not known here."""


def _collections(root: Path) -> Iterator[Path]:
    for place in (root / "collections", *sorted((root / "databases").glob("*/collections"))):
        if place.is_dir():
            yield from sorted(folder for folder in place.iterdir() if folder.is_dir())


def _check_collection(folder: Path) -> list[str]:
    inventory = read_inventory(folder)
    try:
        _check_files(folder, inventory)
    except _AnotherFormat as unknown:
        return [f'"{folder.name}" is in a format of Milvus Lite that the kit cannot check ({unknown})']
    if inventory is None:
        return []
    found = last_write(folder)
    if found < inventory.sequence:
        raise _Damage(f"the last {inventory.sequence - found} of {inventory.sequence} writes are lost")
    if inventory.writing:
        return [f'an ingest into "{folder.name}" was interrupted: run it again, it goes on where it stopped']
    if found > inventory.sequence:
        return [f'"{folder.name}" was changed by other code since its last ingest, so its rows are not counted']
    return []


def _check_files(folder: Path, inventory: Inventory | None) -> None:
    """Every file that the engine's manifest names is there and can be read; the log is read by `last_write`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not (folder / "schema.json").is_file():
        if inventory is None:
            return  # a creation that was interrupted; the engine does not know it either
        raise _Damage("schema.json is missing")
    if inventory is not None and not (folder / "manifest.json").is_file():
        raise _Damage("manifest.json is missing")
    for attempt in (1, 2, 3):
        manifest = _manifest(folder)
        try:
            for partition, files in manifest["partitions"].items():
                for name in (*files["data_files"], *files["delta_files"]):
                    pq.read_metadata(folder / "partitions" / partition / name)
            return
        except PermissionError:
            raise
        except (OSError, pa.ArrowException) as error:
            if attempt < 3 and _manifest(folder) != manifest:
                continue  # the engine, open in this process, has replaced files meanwhile
            what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise _Damage(f"the data file {name} {what}") from None


def _manifest(folder: Path) -> dict:
    """The engine's list of files; one that is not there is an empty one, as for a collection without a flush."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["manifest_format_version"] != LITE_FORMAT:
            raise _AnotherFormat(f"format {manifest['manifest_format_version']}, not {LITE_FORMAT}")
        return {"current_seq": int(manifest["current_seq"]), "partitions": dict(manifest["partitions"])}
    except FileNotFoundError:
        if any(folder.glob("manifest.json.prev")) or any(folder.glob("partitions/*/data/*")):
            raise _Damage("manifest.json is missing") from None  # the engine would start an empty one
        return {"current_seq": 0, "partitions": {}}
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _Damage("manifest.json cannot be read") from None


def _logged_twice(folder: Path) -> bool:
    """Whether the log still holds writes that the manifest counts as flushed."""
    try:
        flushed = _manifest(folder)["current_seq"]
    except _AnotherFormat:
        return False
    return any(write <= flushed for write in _logged(folder))


def _deleted_since(folder: Path, sequence: int) -> bool:
    """Whether rows were deleted after that write, as far as the files still tell; `ingest` itself deletes none."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if any(write > sequence for write in _logged(folder, "wal_delta_*.arrow")):
        return True
    for partition, files in _manifest(folder)["partitions"].items():
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
                        yield pc.max(batch.column("_seq")).as_py()
        except (OSError, pa.ArrowException, KeyError):
            continue  # cut short; what it held further on is not counted as written

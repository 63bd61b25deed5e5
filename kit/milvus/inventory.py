"""What a Milvus Lite database should hold: a count and a hash beside each collection's files, checked on opening.

Milvus Lite keeps no checksums: a lost data file, a cut write-ahead log or a broken manifest gives fewer rows and no
error, a changed byte other vectors, and opening such a collection deletes the files that it no longer knows. So its
files are looked at first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kit.files.write import write_whole
from kit.milvus.lite_files import (
    AnotherFormat,
    Damage,
    check_collection_files,
    checksum,
    collection_folder,
    collection_folders,
    damaged,
    data_files,
    deleted_since,
    last_write,
    logged_twice,
)
from kit.milvus.scan import pages_by_key

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# In the collection's own folder: dropping, renaming or copying the collection takes it along.
FILE = "kit-inventory.json"
FORMAT = 2  # 1 had no checksums of files
HASHED_ON_OPENING = 20_000  # rows; about 60 µs each
READ_ROWS = 5_000


@dataclass(frozen=True)
class Inventory:
    """Rows, their order-independent content hash, and the last write they include, as the engine numbers writes.

    `writing` while an ingest is on its way, noted anew after each batch: rows may then be more than noted, and not
    fewer. `text` and `key` name the two fields; `files` are the data files with the CRC-32 of each, none while writing.
    """

    rows: int
    content: str
    sequence: int
    writing: bool
    key: str = "pk"
    text: str = "text"
    files: dict[str, int] = field(default_factory=dict)


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


def read_inventory(folder: Path) -> Inventory | None:
    """The inventory in a collection's folder, or None when nothing was ingested into it."""
    try:
        stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Inventory(**stored["inventory"]) if stored["format"] in (1, FORMAT) else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise Damage(f"{FILE} cannot be read") from None


def write_inventory(folder: Path, inventory: Inventory) -> None:
    """Replace a collection's inventory, in one step and durably."""
    write_whole(folder / FILE, json.dumps({"format": FORMAT, "inventory": asdict(inventory)}, indent=2))


def note(uri: str, folder: Path, content: Content, writing: bool, key: str, text: str) -> None:
    """Write down what a collection holds now; not in a format of Milvus Lite that could not be checked either."""
    try:
        sequence = last_write(folder)
        files = {} if writing else _checksums(folder)
    except AnotherFormat:
        return
    except Damage as damage:
        raise damaged(uri, folder.name, str(damage)) from None
    write_inventory(folder, Inventory(content.rows, content.hash, sequence, writing, key, text, files))


def _checksums(folder: Path) -> dict[str, int]:
    """The checksum of each data file that is there."""
    checksums = {name: checksum(folder / name) for name in data_files(folder)}
    return {name: crc for name, crc in checksums.items() if crc is not None}


def noted_content(folder: Path) -> Content | None:
    """What a collection holds according to its inventory, or None where that is not the last word."""
    noted = read_inventory(folder)
    try:
        if noted is None or noted.writing or noted.sequence != last_write(folder):
            return None
    except AnotherFormat:
        return None
    return Content(noted.rows, int(noted.content, 16))


def check_files(uri: str) -> list[str]:
    """Look at a database's files before the engine opens it; what is noteworthy and no damage is returned.

    Raises KitError for damage, with what is wrong and how to rebuild.
    """
    notes = []
    with contextlib.suppress(PermissionError):  # the engine cannot open it either, and that is then said
        for folder in collection_folders(Path(uri)):
            try:
                notes += _check_collection(folder)
            except Damage as damage:
                raise damaged(uri, folder.name, str(damage)) from None
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
        if logged_twice(folder):
            _flush_again(uri, client, name)
        noted, inventory = noted_content(folder), read_inventory(folder)
        if inventory is None or (noted is None and not inventory.writing):
            continue
        rows = client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"]
        if noted is None:  # interrupted: more rows than noted are no damage
            wrong = rows < inventory.rows and not deleted_since(folder, inventory.sequence)
        else:
            wrong = rows != inventory.rows
        if noted != noted_content(folder):
            continue  # another writer of this process was at it between the two looks
        if wrong:
            raise damaged(uri, name, f"{rows} rows are left of the {inventory.rows} that were ingested")
        if noted and (every_row or rows <= HASHED_ON_OPENING):
            client.load_collection(name)
            held = read_content(client, name, inventory.key, inventory.text)
            if held != noted and noted == noted_content(folder):
                found = f"the {rows} rows are not those that were ingested (their content hash differs)"
                raise damaged(uri, name, found)


def _flush_again(uri: str, client: MilvusClient, name: str) -> None:
    """Write the rows of the log into a data file once more, where Lite lets it."""
    from pymilvus import MilvusException

    try:
        client.flush(name)
    except MilvusException as error:
        found = f"the log and the data files contradict each other ({error.message})"
        raise damaged(uri, name, found) from None


def read_content(client: MilvusClient, collection: str, key: str = "pk", text: str = "text") -> Content:
    """What a collection holds now, read row by row."""
    content = Content()
    for page in pages_by_key(client, collection, key, READ_ROWS, output_fields=[key, text], consistency_level="Strong"):
        content = content.plus((str(row[key]), row[text]) for row in page)
    return content


def _check_collection(folder: Path) -> list[str]:
    inventory = read_inventory(folder)
    try:
        check_collection_files(folder, ingested=inventory is not None)
    except AnotherFormat as unknown:
        return [f'"{folder.name}" is in a format of Milvus Lite that the kit cannot check ({unknown})']
    if inventory is None:
        return []
    for name in data_files(folder):
        noted, now = inventory.files.get(name), checksum(folder / name)
        if None not in (noted, now) and noted != now:
            raise Damage(f"the data file {Path(name).name} is not as it was written (its checksum differs)")
    found = last_write(folder)
    if found < inventory.sequence:
        raise Damage(f"the last {inventory.sequence - found} of {inventory.sequence} writes are lost")
    if inventory.writing:
        return [f'an ingest into "{folder.name}" was interrupted: run it again, it goes on where it stopped']
    if found > inventory.sequence:
        return [f'"{folder.name}" was changed by other code since its last ingest, so its rows are not counted']
    return []

"""The collection that is written to: made if it is not there, written to in batches, compared at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from kit.errors import KitError
from kit.milvus import inventory
from kit.milvus.connection import is_lite
from kit.milvus.filters import Filter, field
from kit.milvus.ingest.identity import Numbered
from kit.milvus.ingest.turns import turn
from kit.milvus.inventory import Content
from kit.milvus.langchain import connection_of, finish_creation, store_fields
from kit.milvus.lite_files import collection_folder, damaged, deleted_since, last_write_or_none
from kit.milvus.retry import CALL_SECONDS, away, passes, too_late
from kit.settings import without_password

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus

LOOK_UP = 1000  # ids that one query asks for
UNSURE_SECONDS = 15.0  # for an error that is not known to pass
Answer = TypeVar("Answer")
Item = TypeVar("Item")


class Compared(NamedTuple):
    """How the collection differs from what was asked for: ids that it lacks, and ids that it holds twice."""

    missing: list[str]
    twice: list[str]


class Target:
    """The collection that is written to, and on Milvus Lite the inventory in its folder."""

    def __init__(self, vector_store: Milvus, check: Callable[[], None]):
        self.store, self.client, self.name = vector_store, vector_store.client, vector_store.collection_name
        connection, names = connection_of(vector_store), store_fields(vector_store)
        self.uri = str(connection["uri"])
        self.lite = is_lite(self.uri)
        self.database: str | None = connection.get("db_name")
        self.key, self.text = names.primary, names.text
        self.check = check  # whether the documents fit the collection that is there by now
        self.made = False  # whether it was there at the beginning, or made here
        self.first_write = 0  # the number of Lite's last write before the first of these
        self.partition_key: str | None = None
        self.ready = False  # whether the collection was seen to be there, index and all
        self.unsure = False  # whether an attempt was cut off, so that what it wrote is not known

    @property
    def folder(self) -> Path:
        """The collection's folder in a Milvus Lite database."""
        return collection_folder(self.uri, self.name, self.database)

    def begin(self) -> Content:
        """What the collection holds before the first write; a damaged one is refused."""
        if not self.exists():
            return Content()
        self.made = True
        described = self.client.describe_collection(self.name, timeout=CALL_SECONDS)
        self.name = str(described["collection_name"])  # which an alias may stand for
        self.partition_key = _partition_key(described)
        if not self.lite:
            return Content()  # a server keeps its own checksums; its rows are counted at the end
        inventory.check_files(self.uri)
        inventory.check_rows(self.uri, self.client, self.database)
        content = inventory.noted_content(self.folder) or self._read()
        self.note(content)
        self.first_write = last_write_or_none(self.folder) or 0
        return content

    def call(self, do: Callable[[], Answer], seconds: float) -> Answer:
        """Do it, again and again while a server is away; every error becomes a sentence."""
        import grpc
        from pymilvus import MilvusException
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

        began = time.monotonic()

        def again(error: BaseException) -> bool:
            self.ready, self.unsure = False, True
            waited = time.monotonic() - began
            if too_late(error):
                return waited < UNSURE_SECONDS
            return not self.lite and passes(error) and (away(error) or waited < UNSURE_SECONDS)

        waiting = Retrying(
            retry=retry_if_exception(again),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(seconds),
            reraise=True,
        )
        try:
            answer: Answer = waiting(do)
            return answer
        except (MilvusException, grpc.RpcError, OSError, AssertionError, TypeError, ValueError) as error:
            raise self._why(error, seconds) from None

    def write(self, batch: list[tuple[str, Document]], there: Collection[str]) -> None:
        """Write a batch; a row that is there already, of `there` or by an attempt that was cut off, is replaced."""
        keys, documents = [key for key, _ in batch], [document for _, document in batch]
        with turn(self.store, "write"):
            self._write(keys, documents, there)

    def _write(self, keys: list[str], documents: list[Document], there: Collection[str]) -> None:
        if not self.ready:
            self._prepare(keys, documents)
        if self.partition_key and not self.lite:
            # An upsert of Milvus 2.3 puts rows into a partition that the key's filter does not look into.
            if old := keys if self.unsure else [key for key in keys if key in there]:
                self.client.delete(self.name, ids=old, timeout=CALL_SECONDS)
            self.store.add_documents(documents, ids=keys, timeout=CALL_SECONDS)
        else:
            self.store.upsert(keys, documents, timeout=CALL_SECONDS)
        self.unsure = False

    def _prepare(self, keys: list[str], documents: list[Document]) -> None:
        """Make the collection, or finish a creation that was cut off."""
        if not self.exists():
            self.store.add_documents(documents[:1], ids=keys[:1], timeout=CALL_SECONDS)  # makes the collection
            self.unsure = self.made = True
            self.note(Content())
            self.first_write = 0
        else:
            if not self.client.list_indexes(self.name, timeout=CALL_SECONDS) or not self.store.fields:
                finish_creation(self.store)
            if not self.made:  # another writer was faster: its first document made the fields
                self.check()
                self.made = True
        self.partition_key = _partition_key(self.client.describe_collection(self.name, timeout=CALL_SECONDS))
        self.ready = True

    def compare(self, chosen: dict[str, Numbered], seconds: float) -> Compared:
        """Look each of the ids up where a search for it will."""
        met: dict[str, int] = {}
        for some in batches(list(chosen), LOOK_UP):
            where = self._partitions(some, chosen)
            for row in self.call(partial(self.rows, some, where), seconds):
                met[row[self.key]] = met.get(row[self.key], 0) + 1
        return Compared([key for key in chosen if key not in met], [key for key, times in met.items() if times > 1])

    def settle(self, expected: Content, seconds: float) -> Content:
        """What the collection holds after the last write; fewer rows than were acknowledged are damage.

        Rows that another writer of this process added or deleted meanwhile are none, and are noted with the others.
        """
        if not self.lite:
            return Content(self.call(self._count, seconds))
        content = self._read()
        if content.rows < expected.rows and not deleted_since(self.folder, self.first_write):
            raise damaged(self.uri, self.name, f"{content.rows} rows are left of {expected.rows}")
        self.note(content, writing=False)
        return content

    def flush(self, seconds: float) -> None:
        """Have the engine write its data files."""
        with turn(self.store, "write"):
            self.call(lambda: self.client.flush(self.name, timeout=CALL_SECONDS), seconds)

    def _partitions(self, keys: list[str], chosen: dict[str, Numbered]) -> Filter | None:
        """A filter on the partition key, so that a row counts only where its own filter will look for it."""
        if not self.partition_key:
            return None
        values = {chosen[key].document.metadata.get(self.partition_key) for key in keys}
        return field(self.partition_key).is_in(sorted(values, key=str))

    def exists(self) -> bool:
        """Whether the collection is there."""
        return bool(self.client.has_collection(self.name, timeout=CALL_SECONDS))

    def _read(self) -> Content:
        return inventory.read_content(self.client, self.name, self.key, self.text)

    def rows(self, keys: list[str], narrower: Filter | None = None) -> list[dict[str, Any]]:
        """The rows of these keys with their text; none where there is no collection yet."""
        if not self.exists():
            return []
        condition = field(self.key).is_in(keys)
        rows: list[dict[str, Any]] = self.client.query(
            self.name,
            filter=str(condition if narrower is None else condition & narrower),
            output_fields=[self.key, self.text],
            consistency_level="Strong",
            timeout=CALL_SECONDS,
        )
        return rows

    def _count(self) -> int:
        counted = self.client.query(
            self.name, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=CALL_SECONDS
        )
        return int(counted[0]["count(*)"])

    def note(self, content: Content, writing: bool = True) -> None:
        """Write down, in a Milvus Lite database, what the collection holds now."""
        if not self.lite:
            return
        try:
            inventory.note(self.uri, self.folder, content, writing, self.key, self.text)
        except OSError as error:
            raise self._why(error, 0) from None

    def _why(self, error: Exception, seconds: float) -> KitError:
        said = f"{error} {error.__cause__ or ''}"
        again = "What was stored before is kept; run the same again and it goes on from there."
        if any(word in said.lower() for word in ("no space left", "file too large", "disk quota")):
            return KitError(f"The disk that holds {self.uri} is full.", mend=f"Free some space. {again}")
        if "permission denied" in said.lower() or "read-only" in said.lower():
            return KitError(f"{self.uri} cannot be written: no permission.", mend=f"Choose a folder of yours. {again}")
        if self.lite or not away(error):
            found = getattr(error, "message", None) or error
            kept = "What was stored before is kept."
            return KitError(f'Not all documents were written into "{self.name}": {found}.', mend=kept)
        shown = without_password(self.uri)
        return KitError(f"The server at {shown} stayed away for {seconds:g} s.", mend=again)


def _partition_key(described: dict[str, Any]) -> str | None:
    return next((one["name"] for one in described["fields"] if one.get("is_partition_key")), None)


def batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    """Lists of at most `size` items, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

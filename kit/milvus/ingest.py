"""Documents into a collection, each of them once: in batches, resumable, through a server that goes away meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError
from kit.milvus import inventory
from kit.milvus.filters import Filter, field
from kit.milvus.inventory import Content
from kit.milvus.retry import away, passes
from kit.milvus.validate import CALL_SECONDS, LONGEST, check_documents

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus

BATCH = 256  # documents that are embedded and written in one go: what a killed run does again at most
GIVE_UP_SECONDS = 120.0
LOOK_UP = 1000  # ids that one query asks for
UNSURE_SECONDS = 15.0  # for an error that is not known to pass


class Ingested(NamedTuple):
    """What an ingest did: distinct documents asked for, written now, there before; rows in the collection after it."""

    documents: int
    written: int
    there: int
    rows: int


def content_id(document: Document) -> str:
    """The document's id: the sha256 of its text and metadata, 64 hexadecimal digits."""
    try:
        content = json.dumps([document.page_content, document.metadata], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise KitError(
            f"The document {document.page_content[:40]!a} has no content id: {error}. Wanted metadata of texts, "
            "numbers, booleans, and lists and dicts of them."
        ) from None


def ingest(
    vector_store: Milvus,
    documents: Sequence[Document],
    ids: Sequence[str] | None = None,
    *,
    batch_size: int = BATCH,
    give_up_after: float = GIVE_UP_SECONDS,
    flush: bool | None = None,
    progress: bool | None = None,
) -> Ingested:
    """Write documents into the vector store's collection so that each is there once, however often this is run.

    Without `ids` the id is made from text and metadata, and what is there already is neither embedded nor written
    again: a run that was killed goes on where it stopped. With `ids` a document replaces the row of its id; under a
    server's partition key that row is not there for a moment. The vector store must be opened with `auto_id=False`
    (`Milvus(embeddings, …)`, not `from_documents` without ids). A server that goes away is waited for,
    `give_up_after` seconds a batch. `flush` writes to data files at the end: by default on Milvus Lite, where it
    makes searches fast. Progress is shown on a terminal.

    Raises:
        KitError: documents that the collection cannot hold as they are, an `auto_id` collection, a full disk, a
            server that stays away: what was stored before stays, and the same call goes on from there.
    """
    documents = list(documents)
    chosen = _chosen(documents, ids if ids is None or isinstance(ids, str) else list(ids))
    _check_batch_size(batch_size)
    target = _Target(vector_store)
    with _quiet():
        target.call(lambda: check_documents(vector_store, list(chosen.values())), give_up_after)
        before = target.call(target.begin, give_up_after)
        there = {
            row[target.key]: row[target.text]
            for some in _batches(list(chosen), LOOK_UP)
            for row in target.call(lambda some=some: target.rows(some), give_up_after)
        }
        new = [(key, document) for key, document in chosen.items() if ids is not None or key not in there]
        content = before
        with _shown(len(chosen), len(chosen) - len(new), progress) as advance:
            for batch in _batches(new, batch_size):
                target.call(lambda batch=batch: target.write(batch, there), give_up_after)
                content = content.minus((key, there[key]) for key, _ in batch if key in there)
                content = content.plus((key, document.page_content) for key, document in batch)
                target.note(content)
                advance(len(batch))
        rows = target.finish(chosen, content, target.lite if flush is None else flush, give_up_after)
    return Ingested(len(chosen), len(new), len(chosen) - len(new), rows)


def _chosen(documents: Sequence[Document], ids: Sequence[str] | None) -> dict[str, Document]:
    """Each document by its id, the same one only once."""
    for number, document in enumerate(documents, start=1):
        if not hasattr(document, "page_content"):
            raise KitError(f"Wanted LangChain documents; number {number} is a {type(document).__name__}.")
    if ids is None:
        return {content_id(document): document for document in documents}
    if isinstance(ids, str):
        raise KitError("Wanted a list of ids, one for each document; found a text.")
    if len(ids) != len(documents):
        raise KitError(f"Wanted an id for each of the {len(documents)} documents; found {len(ids)}.")
    chosen: dict[str, Document] = {}
    for key, document in zip(ids, documents, strict=True):
        if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "surrogatepass")) <= LONGEST:
            raise KitError(f"Wanted texts of 1 to {LONGEST} bytes as ids; found {ascii(key)[:40]}.")
        known = chosen.setdefault(key, document)
        if (known.page_content, known.metadata) != (document.page_content, document.metadata):
            raise KitError(f"The id {key[:40]!a} stands for two different documents. Give each its own.")
    return chosen


class _Target:
    """The collection that is written to, and on Milvus Lite the inventory in its folder."""

    def __init__(self, vector_store: Milvus):
        self.store, self.client, self.name = vector_store, vector_store.client, vector_store.collection_name
        connection = vector_store._connection_args
        self.uri: str = connection["uri"]
        self.lite = self.uri.endswith(".db")
        self.database = connection.get("db_name")
        self.key, self.text = vector_store._primary_field, vector_store._text_field
        self.partition_key: str | None = None
        self.ready = False  # whether the collection was seen to be there, index and all
        self.unsure = False  # whether an attempt was cut off, so that what it wrote is not known

    @property
    def folder(self) -> Path:
        """The collection's folder in a Milvus Lite database."""
        return inventory.collection_folder(self.uri, self.name, self.database)

    def begin(self) -> Content:
        """What the collection holds before the first write; a damaged one is refused."""
        if not self._exists():
            return Content()
        described = self.client.describe_collection(self.name, timeout=CALL_SECONDS)
        self.name = described["collection_name"]  # which an alias may stand for
        self.partition_key = _partition_key(described)
        if not self.lite:
            return Content()  # a server keeps its own checksums; its rows are counted at the end
        inventory.check_files(self.uri)
        inventory.check_rows(self.uri, self.client, self.database)
        content = inventory.noted_content(self.folder) or self._read()
        self.note(content)
        return content

    def call(self, do: Callable[[], Any], seconds: float) -> Any:
        """Do it, again and again while a server is away; every error becomes a sentence."""
        import grpc
        from pymilvus import MilvusException
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

        began = time.monotonic()

        def again(error: BaseException) -> bool:
            self.ready, self.unsure = False, True
            waited = time.monotonic() - began
            return not self.lite and passes(error) and (away(error) or waited < UNSURE_SECONDS)

        waiting = Retrying(
            retry=retry_if_exception(again),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(seconds),
            reraise=True,
        )
        try:
            return waiting(do)
        except (MilvusException, grpc.RpcError, OSError, AssertionError, TypeError, ValueError) as error:
            raise KitError(self._why(error, seconds)) from None

    def write(self, batch: list[tuple[str, Document]], there: Collection[str]) -> None:
        """Write a batch; a row that is there already, of `there` or by an attempt that was cut off, is replaced."""
        keys, documents = [key for key, _ in batch], [document for _, document in batch]
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
        if not self._exists():
            self.store.add_documents(documents[:1], ids=keys[:1], timeout=CALL_SECONDS)  # makes the collection
            self.unsure = True
            self.note(Content())
        elif not self.client.list_indexes(self.name, timeout=CALL_SECONDS) or not self.store.fields:
            self.store._init()
        self.partition_key = _partition_key(self.client.describe_collection(self.name, timeout=CALL_SECONDS))
        self.ready = True

    def finish(self, chosen: dict[str, Document], expected: Content, flush: bool, seconds: float) -> int:
        """Count what is there now, each document once, and note it; the number of the collection's rows."""
        if not self._exists():
            return 0
        if flush:
            self.call(lambda: self.client.flush(self.name, timeout=CALL_SECONDS), seconds)
        found = [
            row[self.key]
            for some in _batches(list(chosen), LOOK_UP)
            for row in self.call(lambda some=some: self.rows(some, self._partitions(some, chosen)), seconds)
        ]
        if len(found) != len(chosen) or set(found) != set(chosen):
            missing, twice = len(set(chosen) - set(found)), len(found) - len(set(found))
            raise KitError(
                f"{missing} of {len(chosen)} documents are missing in {self.name!r} and {twice} are there twice. "
                "Another program writes into it, or Milvus 2.3 put rows into a wrong partition. Run ingest again "
                "alone, in the second case into a new collection."
            )
        if not self.lite:
            return self.call(self._count, seconds)
        content = self._read()
        if content != expected:
            raise KitError(inventory.damaged(self.uri, self.name, f"{content.rows} rows are left of {expected.rows}"))
        self.note(content, writing=False)
        return content.rows

    def _partitions(self, keys: list[str], chosen: dict[str, Document]) -> Filter | None:
        """A filter on the partition key, so that a row counts only where its own filter will look for it."""
        if not self.partition_key:
            return None
        values = {chosen[key].metadata.get(self.partition_key) for key in keys}
        return field(self.partition_key).is_in(sorted(values))

    def _exists(self) -> bool:
        return self.client.has_collection(self.name, timeout=CALL_SECONDS)

    def _read(self) -> Content:
        return inventory.read_content(self.client, self.name, self.key, self.text)

    def rows(self, keys: list[str], narrower: Filter | None = None) -> list[dict]:
        """The rows of these keys with their text; none where there is no collection yet."""
        if not self._exists():
            return []
        condition = field(self.key).is_in(keys)
        return self.client.query(
            self.name,
            filter=str(condition if narrower is None else condition & narrower),
            output_fields=[self.key, self.text],
            consistency_level="Strong",
            timeout=CALL_SECONDS,
        )

    def _count(self) -> int:
        counted = self.client.query(
            self.name, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=CALL_SECONDS
        )
        return counted[0]["count(*)"]

    def note(self, content: Content, writing: bool = True) -> None:
        """Write down, in a Milvus Lite database, what the collection holds now."""
        if not self.lite:
            return
        try:
            inventory.note(self.uri, self.folder, content, writing, self.key, self.text)
        except OSError as error:
            raise KitError(self._why(error, 0)) from None

    def _why(self, error: Exception, seconds: float) -> str:
        said = f"{error} {error.__cause__ or ''}"
        again = "What was stored before is kept; run the same again and it goes on from there."
        if any(word in said.lower() for word in ("no space left", "file too large", "disk quota")):
            return f"The disk that holds {self.uri} is full. Free some space. {again}"
        if "permission denied" in said.lower() or "read-only" in said.lower():
            return f"{self.uri} cannot be written: no permission. Choose a folder of yours. {again}"
        if self.lite or not away(error):
            found = getattr(error, "message", None) or error
            return f'Not all documents were written into "{self.name}": {found}. What was stored before is kept.'
        return f"The server at {_shown_address(self.uri)} stayed away for {seconds:g} s. {again}"


def _partition_key(described: dict) -> str | None:
    return next((one["name"] for one in described["fields"] if one.get("is_partition_key")), None)


def _shown_address(uri: str) -> str:
    from kit.settings import without_password

    return without_password(uri)


def _check_batch_size(size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise KitError(f"Wanted a batch size, a whole number of at least 1; found {size!r}.")


def _batches(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """LangChain and pymilvus print each failure with the document in it, also those that a second attempt mends."""
    loggers = [logging.getLogger(name) for name in ("langchain_milvus", "pymilvus", "milvus_lite")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _shown(total: int, done: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, if that is a terminal."""
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Ingesting", total=total, completed=done)
        yield lambda count: bar.advance(task, count)

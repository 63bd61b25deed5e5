"""Documents into a collection, each of them once: in batches, resumable, through a server that goes away meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kit import inventory
from kit.errors import KitError
from kit.filters import field
from kit.inventory import Content, Inventory

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus

BATCH = 256  # documents that are embedded and written in one go: what a killed run does again at most
GIVE_UP_SECONDS = 120.0
LOOK_UP = 1000  # ids that one query asks for
CALL_SECONDS = 30  # one call to a server
LONGEST_ID = 65_535  # bytes, in Milvus' longest VARCHAR


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
        raise KitError(f"The document {document.page_content[:40]!a} has no content id: {error}. Give ids=…") from None


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
    again: a run that was killed goes on where it stopped. With `ids` a document replaces the row of its id. The
    vector store must be opened with `auto_id=False` (`Milvus(embeddings, …)`, not `from_documents` without ids).
    A server that goes away is waited for, `give_up_after` seconds a batch. `flush` writes to data files at the end:
    by default on Milvus Lite, where it makes searches fast. Progress is shown on a terminal.

    Raises:
        KitError: documents that the collection cannot hold as they are, an `auto_id` collection, a full disk, a
            server that stays away: what was stored before stays, and the same call goes on from there.
    """
    chosen = _chosen(documents, ids)
    target = _Target(vector_store)
    with _quiet():
        target.call(lambda: _check_documents(vector_store, list(chosen.values())), give_up_after)
        before = target.call(target.begin, give_up_after)
        there = {
            row[target.key]: row[target.text]
            for some in _batches(list(chosen), LOOK_UP)
            for row in target.call(lambda some=some: target.rows(some), give_up_after)
        }
        new = [(key, document) for key, document in chosen.items() if ids is not None or key not in there]
        replaced = [(key, there[key]) for key, _ in new if key in there]
        after = before.minus(replaced).plus((key, document.page_content) for key, document in new)
        with _shown(len(chosen), len(chosen) - len(new), progress) as advance:
            for batch in _batches(new, batch_size):
                target.call(lambda batch=batch: target.write(batch), give_up_after)
                advance(len(batch))
        rows = target.finish(list(chosen), after, target.lite if flush is None else flush, give_up_after)
    return Ingested(len(chosen), len(new), len(chosen) - len(new), rows)


def _chosen(documents: Sequence[Document], ids: Sequence[str] | None) -> dict[str, Document]:
    """Each document by its id, the same one only once."""
    if ids is None:
        return {content_id(document): document for document in documents}
    if len(ids) != len(documents):
        raise KitError(f"Wanted an id for each of the {len(documents)} documents; found {len(ids)}.")
    chosen: dict[str, Document] = {}
    for key, document in zip(ids, documents, strict=True):
        if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "surrogatepass")) <= LONGEST_ID:
            raise KitError(f"Wanted texts of 1 to {LONGEST_ID} bytes as ids; found {ascii(key)[:40]}.")
        known = chosen.setdefault(key, document)
        if (known.page_content, known.metadata) != (document.page_content, document.metadata):
            raise KitError(f"The id {key[:40]!a} stands for two different documents. Give each its own.")
    return chosen


def _check_documents(vector_store: Milvus, documents: list[Document]) -> None:
    """Refuse what Milvus would refuse half-way, or LangChain drop without a word."""
    if vector_store.builtin_func and not vector_store.embeddings:
        raise KitError("ingest() wants a vector store with embeddings; this one has only a built-in function.")
    client, name = vector_store.client, vector_store.collection_name
    vectors = (
        vector_store._vector_field if isinstance(vector_store._vector_field, list) else [vector_store._vector_field]
    )
    reserved = {vector_store._primary_field, vector_store._text_field, *vectors}
    optional: set[str] = set()
    if client.has_collection(name, timeout=CALL_SECONDS):
        fields = {one["name"]: one for one in client.describe_collection(name, timeout=CALL_SECONDS)["fields"]}
        primary = next(one for one in fields.values() if one.get("is_primary"))
        if primary.get("auto_id") or primary["type"].name != "VARCHAR":
            raise KitError(
                f'ingest() wants own text ids; "{name}" has {primary["name"]}: {primary["type"].name}'
                f"{', made by Milvus' if primary.get('auto_id') else ''}. Ingest into a new collection, opened with "
                "Milvus(embeddings, auto_id=False, …)."
            )
        wanted = set(fields) - reserved
        optional = {
            key for key in wanted if fields[key].get("nullable") or fields[key].get("default_value") is not None
        }
    elif vector_store.auto_id:
        raise KitError("ingest() wants own text ids; this vector store has auto_id=True. Open it with auto_id=False.")
    else:
        wanted = set(documents[0].metadata) if documents else set()
    free = vector_store.enable_dynamic_field or vector_store._metadata_field
    for number, document in enumerate(documents, start=1):
        keys = set(document.metadata)
        about = f"Document {number} of {len(documents)} ({document.page_content[:30]!a})"
        if taken := keys & reserved:
            raise KitError(f"{about} has the metadata {_list(taken)}, which Milvus uses itself. Rename it.")
        if empty := {key for key in keys - optional if document.metadata[key] is None}:
            raise KitError(
                f"{about} has None as {_list(empty)}; a field holds a value. Leave it out everywhere or fill it."
            )
        if not free and (extra := keys - wanted):
            raise KitError(
                f"{about} has the metadata {_list(extra)}, for which the collection has no field: it would be dropped. "
                "Give every document the same keys, or open the vector store with enable_dynamic_field=True."
            )
        if not free and (missing := wanted - keys - optional):
            raise KitError(f"{about} lacks the metadata {_list(missing)}, for which the collection has a field.")


def _list(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(map(str, names)))


class _Target:
    """The collection that is written to, and on Milvus Lite the inventory in its folder."""

    def __init__(self, vector_store: Milvus):
        self.store, self.client, self.name = vector_store, vector_store.client, vector_store.collection_name
        connection = vector_store._connection_args
        self.uri: str = connection["uri"]
        self.lite = self.uri.endswith(".db")
        self.key, self.text = vector_store._primary_field, vector_store._text_field
        self.folder = inventory.collection_folder(self.uri, self.name, connection.get("db_name")) if self.lite else None
        self.started = False  # whether the inventory says that rows are on their way

    def begin(self) -> Content:
        """What the collection holds before the first write; a damaged one is refused."""
        if not self._exists():
            return Content()
        if not self.lite:
            return Content()  # a server keeps its own checksums; its rows are counted at the end
        inventory.check_files(self.uri)
        inventory.check_rows(self.uri, self.client)
        content = inventory.noted_content(self.folder) or self._read()
        self._note(content, writing=True)
        return content

    def call(self, do: Callable[[], Any], seconds: float) -> Any:
        """Do it, again and again while a server is away; every error becomes a sentence."""
        import grpc
        from pymilvus import MilvusException
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

        waiting = Retrying(
            retry=retry_if_exception(lambda error: not self.lite and _passes(error)),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(seconds),
            reraise=True,
        )
        try:
            return waiting(do)
        except (MilvusException, grpc.RpcError, OSError, AssertionError, ValueError) as error:
            raise KitError(self._why(error, seconds)) from None

    def write(self, batch: list[tuple[str, Document]]) -> None:
        """Write a batch; a row that is there already, by an attempt that was cut off, is replaced."""
        keys, documents = [key for key, _ in batch], [document for _, document in batch]
        if not self._exists():
            self.store.add_documents(documents[:1], ids=keys[:1], timeout=CALL_SECONDS)  # makes the collection
        elif not self.client.list_indexes(self.name, timeout=CALL_SECONDS) or not self.store.fields:
            self.store._init()  # its creation was cut off
        if self.lite and not self.started:
            self._note(Content(), writing=True)
        self.store.upsert(keys, documents, timeout=CALL_SECONDS)

    def finish(self, keys: list[str], expected: Content, flush: bool, seconds: float) -> int:
        """Count what is there now, each document once, and note it; the number of the collection's rows."""
        if not self._exists():
            return 0
        if flush:
            self.call(lambda: self.client.flush(self.name, timeout=CALL_SECONDS), seconds)
        found = [
            row[self.key]
            for some in _batches(keys, LOOK_UP)
            for row in self.call(lambda some=some: self.rows(some), seconds)
        ]
        if len(found) != len(keys) or set(found) != set(keys):
            missing, twice = len(set(keys) - set(found)), len(found) - len(set(found))
            raise KitError(
                f"{missing} of {len(keys)} documents are missing in {self.name!r} and {twice} are there twice. Another "
                "program writes into it; run ingest again alone."
            )
        if not self.lite:
            return self.call(self._count, seconds)
        content = self._read()
        if content != expected:
            raise KitError(inventory.damaged(self.uri, self.name, f"{content.rows} rows are left of {expected.rows}"))
        self._note(content, writing=False)
        return content.rows

    def _exists(self) -> bool:
        return self.client.has_collection(self.name, timeout=CALL_SECONDS)

    def _read(self) -> Content:
        return inventory.read_content(self.client, self.name, self.key, self.text)

    def rows(self, keys: list[str]) -> list[dict]:
        """The rows of these keys with their text; none where there is no collection yet."""
        if not self._exists():
            return []
        return self.client.query(
            self.name,
            filter=str(field(self.key).is_in(keys)),
            output_fields=[self.key, self.text],
            consistency_level="Strong",
            timeout=CALL_SECONDS,
        )

    def _count(self) -> int:
        counted = self.client.query(
            self.name, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=CALL_SECONDS
        )
        return counted[0]["count(*)"]

    def _note(self, content: Content, writing: bool) -> None:
        sequence = inventory.last_write(self.folder)
        noted = Inventory(content.rows, content.hash, sequence, writing, self.key, self.text)
        try:
            inventory.write_inventory(self.folder, noted)
        except OSError as error:
            raise KitError(self._why(error, 0)) from None
        self.started = writing

    def _why(self, error: Exception, seconds: float) -> str:
        said = f"{error} {error.__cause__ or ''}"
        again = "What was stored before is kept; run the same again and it goes on from there."
        if any(word in said.lower() for word in ("no space left", "file too large", "disk quota")):
            return f"The disk that holds {self.uri} is full. Free some space. {again}"
        if "permission denied" in said.lower() or "read-only" in said.lower():
            return f"{self.uri} cannot be written: no permission. Choose a folder of yours. {again}"
        if self.lite or not _passes(error):
            found = getattr(error, "message", None) or error
            return f'Not all documents were written into "{self.name}": {found}. What was stored before is kept.'
        return f"The server at {_shown_address(self.uri)} stayed away for {seconds:g} s. {again}"


def _passes(error: BaseException) -> bool:
    """Whether an error may pass by waiting: the server is away, or just back and not ready."""
    import grpc
    from pymilvus import exceptions

    lasting = (exceptions.ParamError, exceptions.DataNotMatchException, exceptions.SchemaNotReadyException)
    if isinstance(error, lasting) or not isinstance(error, exceptions.MilvusException | grpc.RpcError):
        return False
    said = f"{error} {error.__cause__ or ''}".lower()
    refused = ("unauthenticated", "auth check", "permission", "exceeds max", "schema", "invalid", "no such field")
    return not any(words in said for words in refused)


def _shown_address(uri: str) -> str:
    from kit.settings import without_password

    return without_password(uri)


def _batches(items: list, size: int) -> Iterator[list]:
    if size < 1:
        raise KitError(f"Wanted a batch size of at least 1; found {size}.")
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

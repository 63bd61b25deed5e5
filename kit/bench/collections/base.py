"""What is searched: documents that are streamed, queries, and judgments by document id or by passage."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from kit.bench.records import Dataset, Qrel, Query
from kit.errors import KitError

RESERVED = (
    "pk",
    "text",
    "vector",
    "sparse",
    "document_id",
    "start_index",
    "bucket",
    "header",
)  # fields of the kit's own


@dataclass(frozen=True)
class Collection(ABC):
    """A checked collection; every call of `documents` reads its texts anew, one at a time."""

    dataset: Dataset
    queries: tuple[Query, ...]
    qrels: tuple[Qrel, ...]  # by document id; empty where the labels are passages
    fields: tuple[str, ...]  # metadata that every document has, in one type: what filters may name

    @abstractmethod
    def documents(self) -> Iterator[Document]:
        """The documents: `id`, `page_content`, and as metadata the values of `fields`."""

    @property
    def has_passages(self) -> bool:
        """Whether the labels are passages, which judge each chunking anew."""
        return any(query.passages for query in self.queries)

    @property
    def default_chunker(self) -> str:
        """Passages ask for chunks; judged documents are searched whole, as BEIR and MTEB do."""
        return "recursive-1000" if self.has_passages else "whole"


@dataclass(frozen=True)
class _Given(Collection):
    given: tuple[Document, ...]

    def documents(self) -> Iterator[Document]:
        """The documents as they were given."""
        return iter(self.given)


def make_collection(
    name: str, documents: Iterable[Document], queries: Iterable[Query], qrels: Iterable[Qrel] = ()
) -> Collection:
    """A collection of documents in memory: each with an `id`; judged by qrels, or by the queries' passages.

    Raises:
        KitError: a document without an id or text, an id twice, a judgment of a document or query that is not there.
    """
    given, asked, judgments = tuple(documents), tuple(queries), tuple(qrels)
    ids = Counter(document.id for document in given)
    query_ids = Counter(query.query_id for query in asked)
    for document in given:
        if not document.id or not document.page_content.strip():
            raise KitError(f"{name} has a document without {'an id' if not document.id else 'a text'}.")
    for what, counts in (("document", ids), ("query", query_ids)):
        if repeated := next((key for key, count in counts.items() if count > 1), None):
            raise KitError(f"{name} has the {what} {repeated!r} twice", wanted="each id once")
    for qrel in judgments:
        if qrel.doc_id not in ids or qrel.query_id not in query_ids:
            raise KitError(f"{name} judges {qrel.doc_id!r} for {qrel.query_id!r}, and one of the two is not there.")
    fields, digest = Fields(), hashlib.sha256()
    for document in given:
        fields.add(document.metadata)
        digest.update(f"{document.id}\0{document.page_content}\0{sorted(document.metadata.items())}".encode())
    digest.update(repr((asked, judgments)).encode())
    dataset = Dataset(
        name, "given", "", digest.hexdigest(), len(given), len(asked), judged(asked, judgments), ()
    )  # fmt: skip
    return _Given(dataset, asked, judgments, fields.shared, given)


class Fields:
    """Which metadata all documents have in one scalar type, found while they are read."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, type]] = Counter()
        self._documents = 0

    def add(self, metadata: dict[str, object]) -> None:
        """Take in one document's metadata."""
        self._documents += 1
        self._seen.update((name, type(value)) for name, value in metadata.items() if _storable(name, value))

    @property
    def shared(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(name for (name, _), count in self._seen.items() if count == self._documents))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names that only some documents have, or in several types."""
        return tuple(sorted({name for name, _ in self._seen} - set(self.shared)))


def _storable(name: str, value: object) -> bool:
    return name.isidentifier() and name.isascii() and name not in RESERVED and type(value) in (str, int, float, bool)


def judged(queries: Sequence[Query], qrels: Sequence[Qrel]) -> int:
    """How many queries have a label."""
    labelled = {qrel.query_id for qrel in qrels}
    return sum(bool(query.passages) or query.query_id in labelled for query in queries)

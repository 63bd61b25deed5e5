"""What is searched: documents that are streamed, queries, and judgments by document id or by passage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from kit.bench.records import Dataset, Qrel, Query

RESERVED = ("pk", "text", "vector", "sparse", "document_id", "start_index", "bucket")  # fields of the kit's own


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

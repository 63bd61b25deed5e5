"""A collection of the ir_datasets catalogue, by its id; an optional extra for machines with a network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from kit.bench.collections.base import Collection, judged
from kit.bench.collections.rows import Ids
from kit.bench.records import Dataset, Qrel, Query
from kit.errors import KitError


def open_ir_dataset(name: str, tolerate: tuple[str, ...]) -> Collection:
    """`beir/scifact/test` and the like: documents, queries and judgments as ir_datasets gives them."""
    try:
        import ir_datasets
    except ImportError:
        raise KitError(
            f'There is no folder "{name}", and it is no golden set. Wanted a BEIR folder, a folder of texts with '
            "questions, golden[:years], or an id of ir_datasets (pip install ir_datasets)."
        ) from None
    try:
        source = ir_datasets.load(name)
    except KeyError:
        raise KitError(f'There is no folder "{name}", and ir_datasets knows no such id.') from None
    return read_ir_dataset(source, name, tolerate)


def read_ir_dataset(source: Any, name: str, tolerate: tuple[str, ...]) -> Collection:
    """The collection of an ir_datasets Dataset, read once and found right."""
    for part in ("docs", "queries", "qrels"):
        if not getattr(source, f"has_{part}")():
            raise KitError(f"{name} of ir_datasets has no {part}; wanted an id with documents, queries and judgments.")
    digest, ids, empty = hashlib.sha256(), Ids(), 0
    for row in source.docs_iter():
        text = row.default_text().strip()
        digest.update(f"{row.doc_id}\0{text}\0".encode())
        ids.add(row.doc_id)
        empty += not text
    qrels = tuple(Qrel(row.query_id, row.doc_id, int(row.relevance)) for row in source.qrels_iter())
    asked = {qrel.query_id for qrel in qrels}
    queries = tuple(Query(q.query_id, q.default_text()) for q in source.queries_iter() if q.query_id in asked)
    digest.update(repr((qrels, queries)).encode())
    lost = ids.missing([qrel.doc_id for qrel in qrels])
    problems = {
        "documents with the id of another": (ids.has_duplicates(), None),
        f"{empty} documents without text": (empty, "empty-texts"),
        f"{len(lost)} judgments of documents that are not there, such as {lost[:1]}": (lost, "missing-documents"),
        "judgments of queries that are not there": (asked - {q.query_id for q in queries}, "missing-queries"),
    }
    notes = []
    for said, (found, tolerable) in problems.items():
        if found and tolerable not in tolerate:
            hint = f" Give --tolerate {tolerable} to go on." if tolerable else ""
            raise KitError(f"{name} of ir_datasets has {said}.{hint}")
        if found:
            notes.append(said)
    known = {query.query_id for query in queries}
    qrels = tuple(qrel for qrel in qrels if qrel.query_id in known)
    dataset = Dataset(
        name.replace("/", "-"), "ir_datasets", "", digest.hexdigest(), len(ids) - empty, len(queries),
        judged(queries, qrels), tuple(notes),
    )  # fmt: skip
    return IrDataset(dataset, queries, qrels, (), source)


@dataclass(frozen=True)
class IrDataset(Collection):
    """Documents that ir_datasets streams from its own store."""

    source: Any

    def documents(self) -> Iterator[Document]:
        """The documents in the catalogue's order; those without text are left out."""
        for row in self.source.docs_iter():
            if text := row.default_text().strip():
                yield Document(page_content=text, id=row.doc_id)

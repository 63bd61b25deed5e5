"""Queries that are documents of the collection themselves, as in ArguAna: their own text is no answer to them."""

from __future__ import annotations

from collections.abc import Sequence

from kit.bench.collections.base import Collection
from kit.bench.records import ScoredDoc


def own_documents(collection: Collection) -> frozenset[str]:
    """The ids of the queries whose own document is searched: the same id with the same text, and not judged relevant.

    BEIR leaves out every hit with the query's id. That harms collections that number queries and documents alike, so
    the texts must be the same, too; a title before a document's text does not count.
    """
    if collection.has_passages:
        return frozenset()
    judged = {qrel.query_id for qrel in collection.qrels if qrel.query_id == qrel.doc_id and qrel.relevance > 0}
    asked = {query.query_id: _plain(query.text) for query in collection.queries if query.query_id not in judged}
    return frozenset(
        str(document.id)
        for document in collection.documents()
        if (text := asked.get(str(document.id))) and _plain(document.page_content).endswith(text)
    )


def without_own(hits: Sequence[ScoredDoc], own: frozenset[str], k: int) -> list[ScoredDoc]:
    """The first k hits of a query, its own document not among them."""
    return [hit for hit in hits if hit.query_id not in own or hit.doc_id != hit.query_id][:k]


def _plain(text: str) -> str:
    return " ".join(text.lower().split())

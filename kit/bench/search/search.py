"""A retriever on a store, asked in batches: chunks become documents, filters and rerankers are applied."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from langchain_core.documents import Document

from kit.bench.grid.multi_query import MultiQuery
from kit.bench.grid.rerankers import Reranker
from kit.bench.records import Query, ScoredDoc
from kit.bench.search.request import RRF_K, Hit, Request
from kit.bench.search.retriever import RERANKED, Retriever
from kit.bench.search.store import Store, batches
from kit.milvus.filters import field as filter_field

RERANKED_QUERIES = 10  # a request that brings the texts of its hits
DEEPER = 3  # times as many chunks, when several may be of one document


@dataclass(frozen=True)
class Search:
    """A retriever on a store. `by_document`: hits are documents, each by its best chunk; else they are chunks."""

    retriever: Retriever
    store: Store
    by_document: bool
    reranker: Reranker | None = None
    search_params: dict[str, Any] | None = None
    multi_query: MultiQuery | None = None
    embed: Callable[[list[str]], Any] | None = None  # queries that a chat model worded

    def run(self, queries: Sequence[Query], vectors: np.ndarray | None, k: int) -> Iterator[list[ScoredDoc]]:
        """The k best hits of each query, in the order of the queries; `vectors` are the queries', a row each.

        Where several chunks are of one document, it asks for more until k documents are there or no more come.
        """
        size = self.retriever.method.queries_a_request
        for batch in batches(range(len(queries)), min(size, RERANKED_QUERIES) if self.retriever.reranked else size):
            yield from self._batch(queries, vectors, batch, k)

    def _batch(
        self, queries: Sequence[Query], vectors: np.ndarray | None, batch: list[int], k: int
    ) -> Iterator[list[ScoredDoc]]:
        most = self.retriever.method.most
        ranked: dict[int, list[tuple[str, float]]] = {}
        waiting, depth = batch, min(DEEPER * k if self.by_document else k, most)
        while waiting:
            hits = self._hits(queries, vectors, waiting, depth)
            ranked |= {position: self._ranked(hits[position])[:k] for position in waiting}
            more = self.by_document and depth < most
            waiting = [p for p in waiting if more and len(ranked[p]) < k and len(hits[p]) >= depth]
            depth = min(DEEPER * depth, most)
        for position in batch:
            query_id = queries[position].query_id
            yield [ScoredDoc(query_id, doc_id, score) for doc_id, score in ranked[position]]

    def _ranked(self, hits: list[Hit]) -> list[tuple[str, float]]:
        """Chunks as they are, or documents in the order of their best chunks; merged, of the ranks of all of them."""
        if not self.by_document:
            return [(hit.row_id, hit.score) for hit in hits]
        best: dict[str, float] = {}
        if self.retriever.merged:
            for rank, hit in enumerate(hits, start=1):
                document_id = hit.row_id.rpartition(":")[0]
                best[document_id] = best.get(document_id, 0.0) + 1 / (RRF_K + rank)
            return sorted(best.items(), key=lambda pair: -pair[1])
        for hit in hits:
            best.setdefault(hit.row_id.rpartition(":")[0], hit.score)
        return list(best.items())

    def _hits(
        self, queries: Sequence[Query], vectors: np.ndarray | None, positions: list[int], depth: int
    ) -> dict[int, list[Hit]]:
        """Chunks, best first, for the queries at these positions; one request a filter."""
        by_filter: dict[str, list[int]] = {}
        for position in positions:
            by_filter.setdefault(self._filter(queries[position]), []).append(position)
        fields = ("pk", "text") if self.retriever.reranked else ("pk",)
        hits: dict[int, list[Hit]] = {}
        for expression, same in by_filter.items():
            asked = [queries[p] for p in same]
            request = Request(self.store, asked, None if vectors is None else vectors[same], depth, expression, fields,
                              self.search_params)  # fmt: skip
            answers = self._worded(request) if self.multi_query else self.retriever.method.search(request)
            if self.reranker and self.retriever.reranked:
                answers = [self._reranked(self.reranker, *pair) for pair in zip(asked, answers, strict=True)]
            hits |= dict(zip(same, answers, strict=True))
        return hits

    def _worded(self, request: Request) -> list[list[Hit]]:
        """The hits of all wordings of each query, by reciprocal rank over them."""
        wordings = [self.multi_query(query.text) for query in request.queries] if self.multi_query else []
        queries = [query._replace(text=t) for query, ts in zip(request.queries, wordings, strict=True) for t in ts]
        vectors = None
        if request.vectors is not None and self.embed:
            vectors = np.asarray(self.embed([query.text for query in queries]), dtype=np.float32)
        answers = iter(self.retriever.method.search(replace(request, queries=queries, vectors=vectors)))
        return [_fused([next(answers) for _ in texts])[: request.depth] for texts in wordings]

    def _filter(self, query: Query) -> str:
        """The query's fields and values as a Milvus filter; '' when it has none, or is not filtered."""
        if not self.retriever.filtered or not query.where:
            return ""
        return str(reduce(operator.and_, (filter_field(name) == value for name, value in query.where)))

    def _reranked(self, reranker: Reranker, query: Query, hits: list[Hit]) -> list[Hit]:
        """The first hits in the reranker's order, then those that it left out and the others in theirs."""
        first = [Document(page_content=h.text, id=h.row_id, metadata={"pk": h.row_id}) for h in hits[:RERANKED]]
        order = dict.fromkeys([document.metadata["pk"] for document in reranker(query.text, first)])
        order |= dict.fromkeys(hit.row_id for hit in hits)
        by_id = {hit.row_id: hit for hit in hits}
        return [by_id[row_id]._replace(score=1 / rank) for rank, row_id in enumerate(order, start=1)]


def _fused(rankings: list[list[Hit]]) -> list[Hit]:
    """By the sum of 1 / (60 + rank) over the rankings."""
    scores: dict[str, float] = {}
    for hits in rankings:
        for rank, hit in enumerate(hits, start=1):
            scores[hit.row_id] = scores.get(hit.row_id, 0.0) + 1 / (RRF_K + rank)
    by_id = {hit.row_id: hit for hits in rankings for hit in hits}
    return [by_id[row_id]._replace(score=score) for row_id, score in sorted(scores.items(), key=lambda pair: -pair[1])]

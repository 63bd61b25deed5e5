"""A retriever on a store, asked in batches through the store's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.documents import Document

from kit.bench.grid.indexes import SPARSE_SEARCH
from kit.bench.grid.retrievers import MOST_HITS, RERANKED, Retriever, hybrid_fetch, mmr_fetch
from kit.bench.records import Query, ScoredDoc
from kit.bench.search.store import Store, batches
from kit.milvus.filters import quote

QUERIES = 100  # a request; Lite spends most of a request on what all its queries share
MMR_QUERIES = 10  # a request that brings the vectors of its hits
DEEPER = 3  # times as many chunks, when several may be of one document
Reranker = Callable[[str, list[Document]], list[Document]]


@dataclass(frozen=True)
class Search:
    """A retriever on a store. `by_document`: hits are documents, each by its best chunk; else they are chunks."""

    retriever: Retriever
    store: Store
    by_document: bool
    reranker: Reranker | None = None
    search_params: dict[str, Any] | None = None

    def run(self, queries: Sequence[Query], vectors: np.ndarray | None, k: int) -> Iterator[list[ScoredDoc]]:
        """The k best hits of each query, in the order of the queries; `vectors` are the queries', a row each.

        Where several chunks are of one document, it asks for more until k documents are there or no more come.
        """
        brings_more = self.retriever.base == "mmr" or self.retriever.reranked
        for batch in batches(range(len(queries)), MMR_QUERIES if brings_more else QUERIES):
            yield from self._batch(queries, vectors, batch, k)

    def _batch(
        self, queries: Sequence[Query], vectors: np.ndarray | None, batch: list[int], k: int
    ) -> Iterator[list[ScoredDoc]]:
        found: dict[int, list[tuple[str, float]]] = {}
        waiting, depth = batch, min(DEEPER * k if self.by_document else k, MOST_HITS)
        while waiting:
            hits = self._hits(queries, vectors, waiting, depth)
            found |= {position: self._ranked(hits[position])[:k] for position in waiting}
            more = self.by_document and depth < MOST_HITS
            waiting = [p for p in waiting if more and len(found[p]) < k and len(hits[p]) >= depth]
            depth = min(DEEPER * depth, MOST_HITS)
        for position in batch:
            query_id = queries[position].query_id
            yield [ScoredDoc(query_id, doc_id, score) for doc_id, score in found[position]]

    def _ranked(self, hits: list[tuple[str, float]]) -> list[tuple[str, float]]:
        """Chunks as they are, or documents in the order of their best chunks."""
        if not self.by_document:
            return hits
        best: dict[str, float] = {}
        for chunk_id, score in hits:
            best.setdefault(chunk_id.rpartition(":")[0], score)
        return list(best.items())

    def _hits(
        self, queries: Sequence[Query], vectors: np.ndarray | None, positions: list[int], depth: int
    ) -> dict[int, list[tuple[str, float]]]:
        """Chunk ids with scores, best first, for the queries at these positions; one request a filter."""
        by_filter: dict[str, list[int]] = {}
        for position in positions:
            by_filter.setdefault(self._filter(queries[position]), []).append(position)
        found = {}
        for expression, same in by_filter.items():
            data = _Data([queries[p] for p in same], None if vectors is None else vectors[same])
            answers = _SEARCHES[self.retriever.base](self, data, depth, expression)
            if self.retriever.reranked:
                answers = [self._reranked(q, rows) for q, rows in zip(data.queries, answers, strict=True)]
            for position, rows in zip(same, answers, strict=True):
                found[position] = [(row["pk"], row["score"]) for row in rows]
        return found

    def _filter(self, query: Query) -> str:
        return where_filter(query.where) if self.retriever.filtered else ""

    def _dense_params(self, depth: int) -> dict[str, Any]:
        """The index' search parameters; a server refuses an ef below the number of hits."""
        params = self.store.index.search_params(self.search_params)
        if "ef" in params["params"] and not self.store.lite:
            params["params"]["ef"] = max(params["params"]["ef"], depth)
        return params

    @property
    def _output(self) -> list[str]:
        return ["pk", "text"] if self.retriever.reranked else ["pk"]

    def _dense(self, data: _Data, depth: int, expression: str, fields: tuple[str, ...] = ()) -> list[list[dict]]:
        answers = self.store.vector_store.client.search(
            self.store.name,
            data=list(data.vectors),
            anns_field="vector",
            search_params=self._dense_params(depth),
            limit=depth,
            filter=expression,
            output_fields=[*self._output, *fields],
        )
        return [[_row(hit) for hit in hits] for hits in answers]

    def _bm25(self, data: _Data, depth: int, expression: str) -> list[list[dict]]:
        answers = self.store.vector_store.client.search(
            self.store.name,
            data=data.texts,
            anns_field="sparse",
            search_params=SPARSE_SEARCH,
            limit=depth,
            filter=expression,
            output_fields=self._output,
        )
        # Lite gives the negative of the score, the best the most negative.
        return [[_row(hit, -1 if self.store.lite else 1) for hit in hits] for hits in answers]

    def _hybrid(self, data: _Data, depth: int, expression: str) -> list[list[dict]]:
        from pymilvus import AnnSearchRequest, RRFRanker, WeightedRanker

        fetch, number = hybrid_fetch(depth), self.retriever.number
        answers = self.store.vector_store.client.hybrid_search(
            self.store.name,
            reqs=[
                AnnSearchRequest(
                    list(data.vectors), "vector", self._dense_params(fetch), fetch, expr=expression or None
                ),
                AnnSearchRequest(data.texts, "sparse", SPARSE_SEARCH, fetch, expr=expression or None),
            ],
            ranker=RRFRanker(number)
            if self.retriever.base == "hybrid-rrf"
            else WeightedRanker(number / 100, 1 - number / 100),
            limit=depth,
            output_fields=self._output,
        )
        return [[_row(hit) for hit in hits] for hits in answers]

    def _mmr(self, data: _Data, depth: int, expression: str) -> list[list[dict]]:
        answers = []
        for vector, rows in zip(
            data.vectors, self._dense(data, mmr_fetch(depth), expression, ("vector",)), strict=True
        ):
            order = marginal_relevance(
                vector, np.array([row["vector"] for row in rows]), self.retriever.number / 100, depth
            )
            answers.append([rows[place] | {"score": 1 / rank} for rank, place in enumerate(order, start=1)])
        return answers

    def _reranked(self, query: Query, rows: list[dict]) -> list[dict]:
        """The first hits in the reranker's order, then those that it left out and the others in theirs."""
        first = {row["pk"]: row for row in rows[:RERANKED]}
        seen = self.reranker(
            query.text, [Document(page_content=row["text"], id=pk, metadata={"pk": pk}) for pk, row in first.items()]
        )
        order = dict.fromkeys([document.metadata["pk"] for document in seen] + [row["pk"] for row in rows])
        by_id = {row["pk"]: row for row in rows}
        return [by_id[pk] | {"score": 1 / rank} for rank, pk in enumerate(order, start=1)]


@dataclass(frozen=True)
class _Data:
    """The queries of one request and their vectors."""

    queries: list[Query]
    vectors: np.ndarray | None

    @property
    def texts(self) -> list[str]:
        return [query.text for query in self.queries]


_SEARCHES = {
    "dense": Search._dense,
    "bm25": Search._bm25,
    "hybrid-rrf": Search._hybrid,
    "hybrid-weighted": Search._hybrid,
    "mmr": Search._mmr,
}


def marginal_relevance(query: np.ndarray, vectors: np.ndarray, share: float, k: int) -> list[int]:
    """The rows that LangChain's maximal_marginal_relevance picks, in its order, without its quadratic cost.

    query (dimensions,), vectors (rows, dimensions); `share` is lambda, 1 for relevance alone.
    """
    if not len(vectors):
        return []
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = vectors @ (query / np.linalg.norm(query))
    chosen = [int(np.argmax(relevance))]
    redundancy = vectors @ vectors[chosen[0]]
    while len(chosen) < min(k, len(vectors)):
        gain = share * relevance - (1 - share) * redundancy
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
        redundancy = np.maximum(redundancy, vectors @ vectors[chosen[-1]])
    return chosen


def where_filter(where: Sequence[tuple[str, str | int | float | bool]]) -> str:
    """Fields and values as a Milvus filter; texts are quoted, so that they stay values."""
    return " and ".join(
        f"{name} == {quote(value) if isinstance(value, str) else _literal(value)}" for name, value in where
    )


def _literal(value: int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _row(hit: dict[str, Any], sign: int = 1) -> dict[str, Any]:
    return {"score": sign * float(hit["distance"]), **hit["entity"], "pk": hit["pk"]}

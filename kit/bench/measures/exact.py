"""An index held against exact search: recall, short answers and speed, filtered and not, before and after a reopen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from kit.bench.collections.rows import id_hash
from kit.bench.grid.chunkers import stored_text
from kit.bench.records import IndexCheck
from kit.bench.search.store import BATCH, BUCKETS, Store, batches, bucket

K = 10
QUERIES = 200
ONE_BY_ONE = 20
SELECTIVITIES = (1.0, 0.1, 0.01)  # shares of the rows that a filter lets through
SAME_SCORE = 1e-5  # a hit that scores like the last of the exact top k is as right as that one


@dataclass(frozen=True)
class Exact:
    """What exact search over all vectors finds for each selectivity.

    scores, ids: selectivity -> (queries, k), best first, ids as hashes; rows: selectivity -> how many pass the filter.
    """

    scores: dict[float, np.ndarray]
    ids: dict[float, np.ndarray]
    rows: dict[float, int]


def exact_search(chunks: Iterable[Document], embeddings: Embeddings, queries: np.ndarray, k: int = K) -> Exact:
    """The exact top k of queries (queries, dimensions) over the chunks, whose vectors pass through in batches."""
    scores = {share: np.full((len(queries), k), -np.inf, dtype=np.float32) for share in SELECTIVITIES}
    ids = {share: np.zeros((len(queries), k), dtype=np.uint64) for share in SELECTIVITIES}
    rows = dict.fromkeys(SELECTIVITIES, 0)
    for batch in batches(chunks, BATCH):
        vectors = np.asarray(embeddings.embed_documents([stored_text(chunk) for chunk in batch]), dtype=np.float32)
        names = np.array([id_hash(chunk.id) for chunk in batch], dtype=np.uint64)
        buckets = np.array([bucket(chunk.id) for chunk in batch])
        found = queries @ vectors.T
        for share in SELECTIVITIES:
            passing = buckets < share * BUCKETS
            rows[share] += int(passing.sum())
            all_scores = np.hstack([scores[share], found[:, passing]])
            all_ids = np.hstack([ids[share], np.broadcast_to(names[passing], (len(queries), int(passing.sum())))])
            best = np.argsort(-all_scores, axis=1, kind="stable")[:, :k]
            scores[share] = np.take_along_axis(all_scores, best, axis=1)
            ids[share] = np.take_along_axis(all_ids, best, axis=1)
    return Exact(scores, ids, rows)


def check_index(
    store: Store, exact: Exact, queries: np.ndarray, reopened: bool, k: int = K, params: Sequence[dict[str, Any]] = ()
) -> Iterator[IndexCheck]:
    """One check for each of the search parameters, those of the index where none are given, and each selectivity."""
    for asked in params or store.index.search:
        for share in SELECTIVITIES:
            yield _check(store, exact, queries, asked, share, reopened, k)


def _check(
    store: Store, exact: Exact, queries: np.ndarray, params: dict[str, Any], share: float, reopened: bool, k: int
) -> IndexCheck:
    def search(vectors: Sequence[np.ndarray] | np.ndarray) -> list[list[dict[str, Any]]]:
        return store.vector_store.client.search(
            store.name,
            data=list(vectors),
            anns_field="vector",
            search_params=store.index.search_params(params),
            limit=k,
            filter="" if share == 1 else f"bucket < {round(share * BUCKETS)}",
            output_fields=["pk"],
        )

    search(queries[:1])
    started = time.perf_counter()
    answers = search(queries)
    batched = time.perf_counter() - started
    seconds = []
    for query in queries[:ONE_BY_ONE]:
        started = time.perf_counter()
        search([query])
        seconds.append(time.perf_counter() - started)
    available = min(k, exact.rows[share])
    right = short = missing = 0
    for hits, scores, ids in zip(answers, exact.scores[share], exact.ids[share], strict=True):
        known, last = set(ids[:available].tolist()), scores[available - 1] if available else np.inf
        same = sum(id_hash(hit["pk"]) in known or hit["distance"] >= last - SAME_SCORE for hit in hits)
        right += min(same, available)
        short += len(hits) < available
        missing += max(0, available - len(hits))
    wanted = available * len(queries)
    return IndexCheck(
        search_params=params,
        reopened=reopened,
        selectivity=share,
        k=k,
        queries=len(queries),
        recall=round(right / wanted, 6) if wanted else 1.0,
        short_queries=short,
        missing_rows=missing,
        queries_per_second=round(len(queries) / batched, 1),
        search_p50_ms=round(float(np.median(seconds)) * 1000, 3),
    )

"""What a store loses when its rows come and go: after each cycle they are the same, so every difference is a loss."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from langchain_core.documents import Document

from kit.bench.measures.exact import Exact, check_index
from kit.bench.records import ChurnCycle
from kit.bench.search.store import BATCH, Store, batches, stored

SHARE = 0.1  # of the rows that a cycle deletes and inserts again; as many are upserted as they were

Split = Callable[[], Iterable[Document]]
Scores = Callable[[], Mapping[str, float]]  # of each condition on the store as it is


def churn(
    store: Store, split: Split, cycles: int, exact: Exact | None, queries: np.ndarray | None, scores: Scores
) -> Iterator[dict[str, ChurnCycle]]:
    """For the store as it was filled and after each cycle: condition id -> what it gives then.

    `split` gives the stored chunks, at each call anew; `exact` and `queries` are for an index of vectors. The store
    must be settled, and is so at the end. Raises KitError when rows are missing.
    """
    rng = random.Random(7)
    for number in range(cycles + 1):
        if number:
            size = min(store.rows, 2 * max(1, round(SHARE * store.rows)))
            turn_over(store, split(), rng.sample(range(store.rows), size))
            store.settle()
        checks = {}
        if exact is not None and queries is not None:
            asked = store.index.search[:1]  # what searches are asked with
            checks = {check.selectivity: check for check in check_index(store, exact, queries, True, params=asked)}
        whole, filtered = checks.get(1.0), checks.get(0.1)
        yield {
            name: ChurnCycle(
                number,
                score,
                recall=whole.recall if whole else None,
                recall_filtered=filtered.recall if filtered else None,
                short_queries=sum(check.short_queries for check in (whole, filtered) if check),
                search_p50_ms=whole.search_p50_ms if whole else None,
                index_mb=None if store.megabytes is None else round(store.megabytes, 3),
            )
            for name, score in scores().items()
        }


def turn_over(store: Store, chunks: Iterable[Document], places: list[int]) -> None:
    """Delete the rows at the first half of the places and insert them again, upsert the other half, and compact."""
    client, anew = store.vector_store.client, set(places[: len(places) // 2])
    chosen = set(places)
    for batch in batches(((place, chunk) for place, chunk in enumerate(chunks) if place in chosen), BATCH):
        rows = [stored(chunk) for place, chunk in batch if place in anew]
        names = [str(chunk.id) for place, chunk in batch if place in anew]
        if names:
            client.delete(store.name, ids=names)
            store.vector_store.add_documents(rows, ids=names)
        kept = [chunk for place, chunk in batch if place not in anew]
        if kept:
            store.vector_store.upsert([str(chunk.id) for chunk in kept], [stored(chunk) for chunk in kept])
    client.flush(store.name)
    client.compact(store.name)

"""One condition on a filled store: search, index checks, scores and cost, as a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from kit.bench.grid.grid import Planned
from kit.bench.grid.rerankers import Reranker
from kit.bench.measures.evaluate import evaluate, trec_order, write_collection, write_run
from kit.bench.measures.exact import check_index
from kit.bench.measures.judge_model import Usage
from kit.bench.records import DEFAULT_MEASURES, ConditionResult, Cost, IndexCheck, ScoredDoc
from kit.bench.run.cost import MeteredEmbeddings, PeakMemory, embedded_so_far, embedding_cost
from kit.bench.run.latency import Timed
from kit.bench.run.no_hits import no_hit_cause
from kit.bench.run.own_documents import without_own
from kit.bench.run.resources import Resources
from kit.bench.run.tuned import PERCENTS, tune
from kit.bench.search.hybrid import HybridTuned
from kit.bench.search.retriever import Retriever
from kit.bench.search.search import Search
from kit.bench.search.store import Store
from kit.errors import KitError
from kit.milvus.connection import is_lite

Begin = Callable[[str, int | None], Callable[[int], None]]  # a step and its size -> what to call as it goes on


def measure_condition(
    one: Planned,
    row: ConditionResult,
    store: Store,
    embeddings: MeteredEmbeddings | None,
    checks: tuple[IndexCheck, ...],
    resources: Resources,
    memory: PeakMemory,
    begin: Begin,
) -> ConditionResult:
    """The row with scores, counts, costs and index checks; its run and per-query scores are written."""
    grid, queries = resources.grid, resources.collection.queries
    judged = resources.judgments(one.chunker)
    vectors = None if embeddings is None else resources.query_vectors(one.condition.embeddings)
    by_document = not one.chunker.is_whole and not judged.places
    reranker = resources.reranker(one.retriever.reranker)
    if reranker:
        reranker.asked = reranker.empty = 0
    own = resources.own_documents

    def ask(retriever: Retriever, told: Callable[[int], None]) -> list[ScoredDoc]:
        search, run = Search(retriever, store, by_document, reranker), []
        for hits in search.run(queries, vectors, min(grid.k + bool(own), retriever.method.most)):
            run += without_own(trec_order(hits), own, grid.k)
            told(1)
        return run

    if isinstance(method := one.retriever.method, HybridTuned):
        plain, told = replace(one.retriever, reranked=False), begin(f"{row.id}: tuning", len(PERCENTS) * len(queries))
        percents = tune(method, lambda weighted: ask(replace(plain, method=weighted), told), queries, judged.qrels,
                        (*grid.measures, *DEFAULT_MEASURES)[0])  # fmt: skip
        one = replace(one, retriever=replace(one.retriever, method=replace(method, percents=percents)))
    run = ask(one.retriever, begin(f"{row.id}: searching", len(queries)))
    if reranker and reranker.asked == reranker.empty:
        raise KitError(f'The reranker "{reranker.name}" gave back no text for any of {reranker.asked:,} queries',
                       wanted="the texts that it is given, in its order")  # fmt: skip

    begin(f"{row.id}: scoring", None)
    found = evaluate(
        resources.out, row.id, queries, judged, run, resources.texts(one.chunker), k=grid.k, measures=grid.measures,
        extras=grid.extras, judge=resources.judge,
    )  # fmt: skip
    write_collection(resources.out, queries, one.chunker.name, judged)
    write_run(resources.out, row.id, run)
    hits_of = Counter(hit.query_id for hit in run)
    judged_ids = {qrel.query_id for qrel in judged.qrels}
    without = [query.text for query in queries if query.query_id in judged_ids and not hits_of[query.query_id]]
    documents = resources.collection.dataset.documents
    reachable = min(grid.k, documents if by_document else store.rows)
    return replace(
        row,
        scores=found.means,
        unread=resources.unread(one.condition.embeddings, one.chunker),
        no_hit_cause=no_hit_cause(one.retriever.name, without),
        counts={
            "documents": documents,
            "chunks": store.rows,
            "queries": len(queries),
            "judged": len(judged_ids),
            "answered": len(hits_of),
            "no_hit": len(without),
            "short": sum(hits_of[query.query_id] < reachable for query in queries),
        },
        cost=_cost(one, store, embeddings, resources, memory, found.usage),
        index_checks=checks if one.checked else (),
        engine_version=store.engine_version,
        model=_model(one, embeddings, vectors),
        settings=_settings(one, store, resources),
        notes=_notes(one, store, reranker, len(own), resources),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def timed_condition(
    one: Planned, row: ConditionResult, store: Store, embeddings: MeteredEmbeddings | None, resources: Resources
) -> Timed:
    """The condition as it is timed: without a cache of vectors."""
    by_document = not one.chunker.is_whole and not resources.judgments(one.chunker).places
    cached = resources.reranker(one.retriever.reranker)
    reranker = cached.uncached() if cached else None
    search = Search(one.retriever, store, by_document, reranker)
    embed = embeddings.embed_query_uncached if embeddings and one.retriever.needs.dense else None
    return Timed(row.id, search, embed, resources.grid.k)


def check_and_settle(one: Planned, store: Store, resources: Resources, begin: Begin) -> tuple[IndexCheck, ...]:
    """The index against exact search as inserting left it, then flushed and reopened; the store stays settled."""
    told = begin(f"{one.condition.id}: the index against exact search", 3)
    queries = resources.checked_queries(one.condition.embeddings)
    exact = resources.exact(one.condition.embeddings, one.chunker)
    told(1)
    before = tuple(check_index(store, exact, queries, reopened=False))
    told(1)
    store.settle()
    if not is_lite(store.uri):
        store.reopen()
    after = tuple(check_index(store, exact, queries, reopened=True))
    told(1)
    return before + after


def _cost(
    one: Planned,
    store: Store,
    embeddings: MeteredEmbeddings | None,
    resources: Resources,
    memory: PeakMemory,
    judged_with: Usage | None,
) -> Cost:
    cost = Cost()
    if embeddings:
        embedded = embedded_so_far(resources.out.embedding_log, embeddings.identity, one.chunker.name)
        cost = embedding_cost(embedded, resources.grid.prices.get(one.condition.embeddings))
    if judged_with:
        money = [amount for amount in (cost.money_usd, judged_with.money_usd) if amount is not None]
        tokens = (cost.tokens or 0) + judged_with.tokens
        cost = replace(cost, tokens=tokens, money_usd=sum(money) if money else None)
    return replace(
        cost,
        ingest_seconds=round(store.seconds, 3),
        ingest_documents_per_second=round(store.rows / store.seconds, 1),
        index_mb=None if store.megabytes is None else round(store.megabytes, 3),
        peak_memory_mb=memory.megabytes,
    )


def _model(one: Planned, embeddings: MeteredEmbeddings | None, vectors: np.ndarray | None) -> dict[str, str]:
    if embeddings is None or vectors is None:
        return {}
    name = one.condition.embeddings
    return {"name": name, "identity": embeddings.identity, "dimensions": str(vectors.shape[1])}


def _settings(one: Planned, store: Store, resources: Resources) -> dict[str, str]:
    """The parameters that the search ran with."""
    said = one.retriever.settings(resources.grid.k)
    if one.retriever.needs.dense:
        said["index"] = f"{store.index.index_type} {store.index.build or ''}".strip()
        said["search"] = str(store.index.search[0]) if store.index.search[0] else ""
    if one.retriever.needs.words:
        said["bm25"] = one.retriever.needs.words.setting_on(store.lite)
    if one.retriever.reranked:
        said["reranker"] = one.retriever.reranker
    if resources.judge and "judge" in resources.grid.extras:
        said["judge"] = resources.judge.name
    return {name: value for name, value in said.items() if value}


def _notes(one: Planned, store: Store, reranker: Reranker | None, own: int, resources: Resources) -> tuple[str, ...]:
    notes = []
    if reranker and reranker.empty:
        notes.append(f"the reranker gave back no text for {reranker.empty:,} of {reranker.asked:,} queries")
    if own:
        notes.append(f"{own:,} queries are documents of the collection: their own text is left out of their hits")
    if resources.grid.clients and store.lite:
        notes.append("Milvus Lite serves one process: several clients are measured on a server")
    if store.cut:
        notes.append(f"{store.cut} texts were cut to the 65,535 bytes that Milvus stores")
    if store.lite and one.retriever.needs.words and not one.retriever.needs.words.tokens:
        notes.append("Lite's BM25 neither stems nor drops stop words, and weighs terms within each segment")
    return tuple(notes)

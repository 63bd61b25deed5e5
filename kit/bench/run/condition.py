"""One condition on a filled store: search, index checks, scores and cost, as a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kit.bench.grid.grid import Planned
from kit.bench.grid.rerankers import Reranker
from kit.bench.measures.evaluate import evaluate, trec_order, write_collection, write_run
from kit.bench.measures.exact import check_index
from kit.bench.measures.judge_model import Usage
from kit.bench.measures.measure import means, measure
from kit.bench.records import DEFAULT_MEASURES, ChurnCycle, ConditionResult, Cost, IndexCheck, ScoredDoc, models_of
from kit.bench.run.churn import churn
from kit.bench.run.cost import (
    MeteredEmbeddings,
    PeakMemory,
    SeveralEmbeddings,
    embedded_so_far,
    embedding_cost,
    together,
)
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

Embedder = MeteredEmbeddings | SeveralEmbeddings
Begin = Callable[[str, int | None], Callable[[int], None]]  # a step and its size -> what to call as it goes on


def measure_condition(
    one: Planned,
    row: ConditionResult,
    store: Store,
    embeddings: Embedder | None,
    checks: tuple[IndexCheck, ...],
    resources: Resources,
    memory: PeakMemory,
    begin: Begin,
    cycles: tuple[ChurnCycle, ...] = (),
) -> ConditionResult:
    """The row with scores, counts, costs and index checks; its run and per-query scores are written."""
    grid, queries = resources.grid, resources.collection.queries
    judged = resources.judgments(one.chunker)
    by_document = not one.chunker.is_whole and not judged.places
    reranker = resources.reranker(one.retriever.reranker)
    multi_query = resources.multi_query(one.retriever.chat)
    if reranker:
        reranker.asked = reranker.empty = 0
    if multi_query:
        multi_query.asked = multi_query.silent = multi_query.tokens = 0

    def ask(retriever: Retriever, told: Callable[[int], None]) -> list[ScoredDoc]:
        return _ask(replace(one, retriever=retriever), store, resources, told)

    if isinstance(method := one.retriever.method, HybridTuned):
        plain, told = replace(one.retriever, reranked=False), begin(f"{row.id}: tuning", len(PERCENTS) * len(queries))
        percents = tune(method, lambda weighted: ask(replace(plain, method=weighted), told), queries, judged.qrels,
                        _deciding(resources))  # fmt: skip
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
        churn=cycles,
        engine_version=store.engine_version,
        model=_model(one, embeddings, resources),
        settings=_settings(one, store, resources),
        notes=_notes(one, store, reranker, len(resources.own_documents), resources),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def churned(
    group: Sequence[tuple[Planned, str]], store: Store, resources: Resources, begin: Begin
) -> dict[str, tuple[ChurnCycle, ...]]:
    """Condition id -> its cycles, for conditions that share a store, which has gone through them afterwards."""
    first = group[0][0]
    condition, deciding = first.condition, _deciding(resources)
    qrels, of = resources.judgments(first.chunker).qrels, len(resources.collection.queries)

    def scores() -> dict[str, float]:
        runs = {name: _ask(one, store, resources, lambda _: None) for one, name in group}
        return {
            name: means(measure(qrels, run, [deciding]), of=of)[deciding].value or 0.0 for name, run in runs.items()
        }

    exact = queries = None
    if len(models_of(condition.embeddings)) == 1:
        exact = resources.exact(condition.embeddings, first.chunker)
        queries = resources.checked_queries(condition.embeddings)
    told = begin(f"{condition.churn} cycles of rows deleted, inserted again and upserted", condition.churn + 1)
    cycles: dict[str, tuple[ChurnCycle, ...]] = {name: () for _, name in group}
    for of_cycle in churn(store, lambda: first.chunker.split(resources.collection.documents()), condition.churn, exact,
                          queries, scores):  # fmt: skip
        cycles = {name: (*cycles[name], of_cycle[name]) for name in cycles}
        told(1)
    return cycles


def timed_condition(
    one: Planned, row: ConditionResult, store: Store, embeddings: Embedder | None, resources: Resources
) -> Timed:
    """The condition as it is timed: without a cache of vectors."""
    by_document = not one.chunker.is_whole and not resources.judgments(one.chunker).places
    cached = resources.reranker(one.retriever.reranker)
    reranker = cached.uncached() if cached else None
    multi_query = resources.multi_query(one.retriever.chat)
    embed = embeddings.embed_query_uncached if embeddings and one.retriever.needs.dense else None
    search = Search(
        one.retriever, store, by_document, reranker,
        multi_query=multi_query.uncached() if multi_query else None,
        embed=(lambda texts: [embed(text) for text in texts]) if embed else None,
    )  # fmt: skip
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


def _ask(one: Planned, store: Store, resources: Resources, told: Callable[[int], None]) -> list[ScoredDoc]:
    """The hits of all queries, in trec_eval's order, without the queries' own documents."""
    queries, k, own = resources.collection.queries, resources.grid.k, resources.own_documents
    vectors = resources.query_vectors(one.condition.embeddings) if one.retriever.needs.dense else None
    by_document = not one.chunker.is_whole and not resources.judgments(one.chunker).places
    embed = resources.embeddings(one.condition.embeddings, "queries").embed_queries if vectors is not None else None
    reranker, multi_query = resources.reranker(one.retriever.reranker), resources.multi_query(one.retriever.chat)
    search = Search(one.retriever, store, by_document, reranker, multi_query=multi_query, embed=embed)
    run: list[ScoredDoc] = []
    for hits in search.run(queries, vectors, min(k + bool(own), one.retriever.method.most)):
        run += without_own(trec_order(hits), own, k)
        told(1)
    return run


def _deciding(resources: Resources) -> str:
    """The measure that orders the rows."""
    return (*resources.grid.measures, *DEFAULT_MEASURES)[0]


def _cost(
    one: Planned,
    store: Store,
    embeddings: Embedder | None,
    resources: Resources,
    memory: PeakMemory,
    judged_with: Usage | None,
) -> Cost:
    cost = Cost()
    if embeddings:
        log, prices = resources.out.embedding_log, resources.grid.prices
        models = zip(models_of(one.condition.embeddings), embeddings.parts, strict=True)
        cost = together([
            embedding_cost(embedded_so_far(log, part.identity, one.chunker.name), prices.get(name))
            for name, part in models
        ])  # fmt: skip
    if multi_query := resources.multi_query(one.retriever.chat):
        cost = replace(cost, tokens=(cost.tokens or 0) + multi_query.tokens, money_usd=None)
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


def _model(one: Planned, embeddings: Embedder | None, resources: Resources) -> dict[str, str]:
    if embeddings is None:
        return {}
    name = one.condition.embeddings
    dimensions = resources.query_vectors(name).shape[1]
    return {"name": name, "identity": embeddings.identity, "dimensions": str(dimensions)}


def _settings(one: Planned, store: Store, resources: Resources) -> dict[str, str]:
    """The parameters that the search ran with."""
    said = one.retriever.settings(resources.grid.k)
    if one.retriever.needs.dense:
        said["index"] = f"{store.index.index_type} {store.index.build or ''}".strip()
        said["search"] = str(store.index.search[0]) if store.index.search[0] else ""
    if one.retriever.needs.words:
        said["bm25"] = one.retriever.needs.words.setting_on(store.lite)
    if one.retriever.worded:
        said["multi-query"] = one.retriever.chat
    if one.retriever.reranked:
        said["reranker"] = one.retriever.reranker
    if resources.judge and "judge" in resources.grid.extras:
        said["judge"] = resources.judge.name
    return {name: value for name, value in said.items() if value}


def _notes(one: Planned, store: Store, reranker: Reranker | None, own: int, resources: Resources) -> tuple[str, ...]:
    notes = []
    if reranker and reranker.empty:
        notes.append(f"the reranker gave back no text for {reranker.empty:,} of {reranker.asked:,} queries")
    multi_query = resources.multi_query(one.retriever.chat)
    if multi_query and multi_query.silent:
        notes.append(f"the chat model worded {multi_query.silent:,} of {multi_query.asked:,} questions not anew")
    if own:
        notes.append(f"{own:,} queries are documents of the collection: their own text is left out of their hits")
    if resources.grid.clients and store.lite:
        notes.append("Milvus Lite serves one process: several clients are measured on a server")
    if store.cut:
        notes.append(f"{store.cut} texts were cut to the 65,535 bytes that Milvus stores")
    if store.lite and one.retriever.needs.words and not one.retriever.needs.words.tokens:
        notes.append("Lite's BM25 neither stems nor drops stop words, and weighs terms within each segment")
    return tuple(notes)

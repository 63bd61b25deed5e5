"""What a user waits: a query's embedding, the search and the reranker, over all conditions in turn.

Every condition answers a few queries first that are not counted. Then each query goes to all conditions before the
next one comes, in a changing order, so that whatever else the machine does meets all alike. Nothing comes from a cache
of vectors.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from kit.bench.out_folder import OutFolder
from kit.bench.records import ClientLoad, Cost, Query
from kit.bench.search.search import Search
from kit.files.write import write_whole

WARM_UP = 3  # queries that are not counted
TIMED = 50  # queries asked one at a time
ENOUGH, SECONDS = 5, 20.0  # a condition that took so long is not asked more than so many queries
BATCH_ROUNDS, BATCH_QUERIES = 3, 200
LOAD_SECONDS = 2.0  # that clients ask at a time, for each number of them
COLUMNS = ("condition", "query_id", "pass", "embed_ms", "search_ms", "rerank_ms", "chat_ms")


class Wait(NamedTuple):
    """Seconds of one query."""

    query_id: str
    embed: float
    search: float
    rerank: float
    chat: float = 0.0  # a chat model's other wordings of the query

    @property
    def whole(self) -> float:
        """From the question to the answer."""
        return self.embed + self.search + self.rerank + self.chat


@dataclass
class Timed:
    """A condition that can still be asked: its search, and what embeds a query (None: it needs no vector)."""

    condition_id: str
    search: Search
    embed: Callable[[str], Sequence[float]] | None
    k: int
    waits: list[Wait] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # queries a second in batches, a round each
    loads: list[ClientLoad] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        """Whether it took its time."""
        return len(self.waits) >= ENOUGH and sum(wait.whole for wait in self.waits) > SECONDS

    def ask(self, query: Query) -> Wait:
        """One query, as a user asks it."""
        started = time.perf_counter()
        vectors = None if self.embed is None else np.asarray([self.embed(query.text)], dtype=np.float32)
        embedded = time.perf_counter()
        reranker, multi_query = self.search.reranker, self.search.multi_query
        before = reranker.seconds if reranker else 0.0
        chat_before = multi_query.seconds if multi_query else 0.0
        list(self.search.run([query], vectors, self.k))
        over = time.perf_counter()
        reranked = reranker.seconds - before if reranker else 0.0
        chat = multi_query.seconds - chat_before if multi_query else 0.0
        return Wait(query.query_id, embedded - started, over - embedded - reranked - chat, reranked, chat)


def time_conditions(
    timed: Sequence[Timed],
    queries: Sequence[Query],
    vectors: Callable[[Timed], np.ndarray | None],
    clients: Sequence[int],
    told: Callable[[int], None],
) -> float | None:
    """Fill the conditions' waits, rates and loads; the share of the processor that others used meanwhile.

    `vectors` gives a condition's query vectors for the searches in batches and by several clients, which do not embed.
    """
    with OthersLoad() as others:
        for one in timed:
            for query in queries[:WARM_UP]:
                one.ask(query)
        for number, query in enumerate(queries[:TIMED]):
            for place in range(len(timed)):
                one = timed[(place + number) % len(timed)]
                if not one.enough:
                    one.waits.append(one.ask(query))
            told(1)
        plain = [one for one in timed if one.search.reranker is None and one.search.multi_query is None]
        for _ in range(BATCH_ROUNDS):
            for one in plain:
                one.rates.append(_in_batches(one, queries[:BATCH_QUERIES], vectors(one)))
        for number in clients:
            for one in (one for one in plain if not one.search.store.lite):
                one.loads.append(_by_clients(one, queries, vectors(one), number))
    return others.share


def cost_of(one: Timed, others: float | None) -> dict[str, Any]:
    """The fields of a Cost that were measured; milliseconds a query."""
    parts = {name: np.array([getattr(wait, name) for wait in one.waits]) * 1000
             for name in ("whole", "embed", "search", "rerank", "chat")}  # fmt: skip
    middle = {name: round(float(np.median(values)), 3) for name, values in parts.items()}
    rate = float(np.median(one.rates)) if one.rates else 1000 / float(parts["whole"].mean())
    return {
        "wait_p50_ms": middle["whole"],
        "wait_p95_ms": round(float(np.percentile(parts["whole"], 95)), 3),
        "embed_query_p50_ms": middle["embed"] if one.embed else None,
        "search_p50_ms": middle["search"],
        "search_p95_ms": round(float(np.percentile(parts["search"], 95)), 3),
        "chat_p50_ms": middle["chat"] if one.search.multi_query else None,
        "rerank_p50_ms": middle["rerank"] if one.search.reranker else None,
        "search_queries_per_second": round(rate, 1),
        "timed_queries": len(one.waits),
        "others_load": None if others is None else round(others, 3),
    }


def with_cost(cost: Cost, one: Timed, others: float | None) -> Cost:
    """The cost with what was timed."""
    return replace(cost, **cost_of(one, others))


def write_waits(out: OutFolder, timed: Sequence[Timed], when: str) -> None:
    """waits.csv: every wait of these conditions, in place of what an earlier pass wrote of them."""
    ids = {one.condition_id for one in timed}
    rows: list[Sequence[object]] = [row for row in read_waits(out) if row[0] not in ids]
    rows += [
        (one.condition_id, wait.query_id, when, *(f"{1000 * seconds:.4f}" for seconds in wait[1:]))
        for one in timed
        for wait in one.waits
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    write_whole(out.waits, text.getvalue())


def read_waits(out: OutFolder) -> list[list[str]]:
    """The rows of waits.csv, COLUMNS each; none where nothing was timed."""
    if not out.waits.is_file():
        return []
    with out.waits.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


class OthersLoad:
    """The share of all cores that other processes used while the block ran; a Milvus server is one of them."""

    share: float | None = None

    def __enter__(self) -> OthersLoad:
        self._before = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        before, after = self._before, self._now()
        if total := after[0] - before[0]:
            others = (after[1] - before[1]) - (after[2] - before[2])
            self.share = min(1.0, max(0.0, others / total))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        """Seconds of all cores, of them busy, of them this process'."""
        import psutil

        cores, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = cores.idle + getattr(cores, "iowait", 0.0)
        return sum(cores), sum(cores) - idle, own.user + own.system


def _in_batches(one: Timed, queries: Sequence[Query], vectors: np.ndarray | None) -> float:
    started = time.perf_counter()
    list(one.search.run(queries, vectors, one.k))
    return len(queries) / (time.perf_counter() - started)


def _by_clients(one: Timed, queries: Sequence[Query], vectors: np.ndarray | None, clients: int) -> ClientLoad:
    """Clients with a connection each, that ask one query after the other; embedding is not part of it."""
    until = time.perf_counter() + LOAD_SECONDS

    def ask(search: Search, first: int) -> list[float]:
        seconds: list[float] = []
        while (started := time.perf_counter()) < until:
            place = (first + len(seconds)) % len(queries)
            list(search.run([queries[place]], None if vectors is None else vectors[place : place + 1], one.k))
            seconds.append(time.perf_counter() - started)
        return seconds

    searches = [replace(one.search, store=one.search.store.connected_anew()) for _ in range(clients)]
    try:
        for search in searches:
            list(search.run(queries[:1], None if vectors is None else vectors[:1], one.k))
        until = time.perf_counter() + LOAD_SECONDS
        with ThreadPoolExecutor(clients) as threads:
            places = [len(queries) * number // clients for number in range(clients)]
            seconds = [s for of_one in threads.map(ask, searches, places) for s in of_one]
    finally:
        for search in searches:
            search.store.vector_store.client.close()
    return ClientLoad(
        clients, round(len(seconds) / LOAD_SECONDS, 1), round(float(np.percentile(seconds, 95)) * 1000, 3)
    )

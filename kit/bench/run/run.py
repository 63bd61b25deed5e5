"""`kit bench run`: a grid's conditions, each measured once, written as it is done, and resumed after a kill."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pymilvus import MilvusException

from kit.bench.collections.contents import question_hash, write_contents
from kit.bench.collections.open import open_collection
from kit.bench.grid.grid import Grid, Planned, plan
from kit.bench.grid.identity import command_of, engine_version, host, row_key, unsupported, versions
from kit.bench.measures.evaluate import write_texts
from kit.bench.measures.measure import measure, too_deep
from kit.bench.out_folder import OutFolder, read_run
from kit.bench.records import ConditionResult, Qrel, Results, models_of
from kit.bench.run.condition import Embedder, check_and_settle, churned, measure_condition, timed_condition
from kit.bench.run.cost import PeakMemory
from kit.bench.run.latency import TIMED, Timed, time_conditions, with_cost, write_waits
from kit.bench.run.resources import Resources
from kit.bench.run.unread import chunker_for
from kit.bench.search.store import Store, fill_store
from kit.errors import KitError
from kit.files.locks import alone
from kit.files.write import write_whole
from kit.milvus.connection import is_lite
from kit.settings import load_settings, mask

MOST_STORES, MOST_ROWS = 8, 300_000  # open at a time: their conditions are timed in turn


class Watcher:
    """Is told what a run does while it goes on; this one keeps silent."""

    def begin(self, step: str, size: int | None) -> Callable[[int], None]:  # noqa: ARG002 - for those that override it
        """A step of `size` begins; call what is returned with how much of it was done."""
        return lambda done: None  # noqa: ARG005

    def row(self, row: ConditionResult, number: int, of: int, before: bool = False) -> None:
        """Condition `number` of `of` has its row; `before`: an earlier run measured it."""


class _Open(NamedTuple):
    """A condition that has no row yet: its number in the grid, what it means, and the row so far."""

    number: int
    planned: Planned
    row: ConditionResult
    scored: bool = False  # by an earlier run, which was stopped before it was timed

    @property
    def store(self) -> tuple[object, ...]:
        """What a store must have in common with another condition's to serve both."""
        condition, retriever = self.planned.condition, self.planned.retriever
        return (
            condition.engine,
            condition.embeddings,
            condition.chunker,
            condition.index,
            condition.churn,
            retriever.needs,
        )


def run_grid(grid: Grid, out: OutFolder, watcher: Watcher | None = None, timed: bool = True) -> Results:
    """Measure what of the grid is not yet measured in this folder; results.json is written as each condition ends.

    Raises KitError, before any work, for what is wrong in the grid or in the collection, when another run writes
    into the folder, and when it holds results on something else. A condition that fails becomes a row that says why.
    Without `timed` no wait is measured.
    """
    settings = load_settings()
    engine = "lite" if settings.milvus_uri is None or is_lite(settings.milvus_uri) else "server"
    measure([Qrel("query", "document", 1)], [], grid.measures)  # an unknown measure is told now
    if grid.measures and (why := too_deep(grid.measures[:1], grid.k)):
        raise KitError(
            f"{grid.measures[0]} {why[grid.measures[0]]}",
            wanted="a first measure, which orders the rows, that k allows",
            mend="Raise --k, or name other --measures.",
        )
    plan(grid, "whole", settings.embeddings, engine, str)
    taken = f"Another run writes into {out.path}. Wait until it ends, or give another --out."
    with alone(out.lock, taken, "Give another --out."):
        before = out.read() if out.results.is_file() else None
        collection = open_collection(grid.dataset, grid.split, grid.questions, grid.tolerate)
        if collection.qrels and not any(qrel.relevance > 0 for qrel in collection.qrels):
            raise KitError(
                f"All {len(collection.qrels):,} judgments of {collection.dataset.name} are 0: every score would be 0",
                wanted="at least one judgment above 0",
            )
        chunker, cut = collection.default_chunker, ""
        if not grid.chunkers:
            chunker, cut = chunker_for(collection, grid.embeddings or [settings.embeddings])
        planned = plan(grid, chunker, settings.embeddings, engine, engine_version)
        write_contents(out, collection)
        absolute = {} if not Path(grid.dataset).exists() else {"dataset": str(Path(grid.dataset).resolve())}
        write_whole(out.grid, grid.model_copy(update=absolute).model_dump_json())
        asked = question_hash((query.query_id, query.text) for query in collection.queries)
        results = Results(
            replace(collection.dataset, questions=asked, notes=(*collection.dataset.notes, *([cut] if cut else []))),
            grid.k,
            tuple(grid.measures),
            grid.seed,
            command_of(grid, out.path),
            host(),
            versions(),
        )
        if before:
            rows = _rows_of(before, results, out.path)
            if grid.reranker:  # rows that lacked one are replaced by those that name theirs
                rows = tuple(r for r in rows if r.status == "measured" or not r.condition.retriever.endswith("+rerank"))
            results = replace(results, rows=rows)
        resources = Resources(grid, out, collection)
        try:
            return _Run(resources, planned, results, watcher or Watcher(), timed).go()
        finally:
            with contextlib.suppress(KitError, MilvusException):  # a server that is gone
                resources.close()


def _rows_of(before: Results, now: Results, path: Path) -> tuple[ConditionResult, ...]:
    """The rows of an earlier run into this folder, when it measured the same thing."""
    for name, found, wanted in (
        ("collection", before.dataset.name, now.dataset.name),
        ("split", before.dataset.split, now.dataset.split),
        ("texts or judgments (sha256)", before.dataset.fingerprint[:12], now.dataset.fingerprint[:12]),
        ("k", before.k, now.k),
        ("measures", ", ".join(before.measures), ", ".join(now.measures)),
    ):
        if found != wanted:
            raise KitError(
                f"{path} holds results with another {name}: found {found}, wanted {wanted}. Give another --out."
            )
    return before.rows


@dataclass
class _Run:
    resources: Resources
    planned: Sequence[Planned]
    results: Results
    watcher: Watcher
    is_timed: bool = True
    stores: list[Store] = field(default_factory=list)  # open until their conditions are timed together
    timed: list[tuple[_Open, Timed]] = field(default_factory=list)
    memory: int | None = None  # bytes that the process had before the first store

    def go(self) -> Results:
        """Measure the conditions without a row, those of one store together."""
        _ = self.resources.judge  # a wrong name or a missing key is told now
        for one in self.planned:
            self.resources.reranker(one.retriever.reranker)
            if not one.unsupported:
                self.resources.multi_query(one.retriever.chat)
        try:
            for _, group in groupby(list(self._open_conditions()), key=lambda one: one.store):
                self._measure(list(group))
                if len(self.stores) >= MOST_STORES or sum(store.rows for store in self.stores) > MOST_ROWS:
                    self._time()
        finally:
            self._time()
        self._write_texts()
        return self.results

    def _open_conditions(self) -> Iterator[_Open]:
        for number, one in enumerate(self.planned, start=1):
            grid, version = self.resources.grid, engine_version(one.condition.engine)
            key = row_key(grid, one, version, self.resources.collection.dataset)
            known = self.results.row(one.condition.id)
            if known and known.key == key and known.status == "measured":
                self.watcher.row(known, number, len(self.planned), before=True)
                if not self._is_timed(known):
                    yield _Open(number, one, known, scored=True)
                continue
            command = command_of(grid, self.resources.out.path, one)
            row = ConditionResult(
                one.condition, "measured", command=command, key=key, engine_version=version,
                versions=self.results.versions, host=self.results.host,
            )  # fmt: skip
            if why := unsupported(one, version, self.resources.collection):
                self._add(replace(row, status="not supported", reason=why), number)
            else:
                yield _Open(number, one, row)

    def _is_timed(self, row: ConditionResult) -> bool:
        """Whether an earlier run got as far as timing it, with the clients that are asked for."""
        there = {load.clients for load in row.client_loads}
        wanted = self.resources.grid.clients if row.condition.engine == "milvus-server" else []
        if not self.is_timed:
            return True
        return row.cost.search_p50_ms is not None and set(wanted) <= there

    def _measure(self, group: list[_Open]) -> None:
        """Fill one store, ask it in each way, and drop it."""
        with PeakMemory(self.memory) as memory:
            self.memory = memory.base
            store = None
            try:
                store, embeddings = self._filled(group[0].planned)
                first = group[0].planned.condition
                checked = next((one.planned for one in group if one.planned.checked and not first.churn), None)
                checks = check_and_settle(checked, store, self.resources, self.watcher.begin) if checked else ()
                if not checked:
                    store.settle()
                each = [(one.planned, one.row.id) for one in group]
                cycles = churned(each, store, self.resources, self.watcher.begin) if first.churn else {}
            except (KitError, MilvusException) as error:
                for one in group:
                    self._add(_failed(one.row, error), one.number)
                if store:
                    store.drop()
                return
            self.stores.append(store)
            for one in group:
                row = one.row
                try:
                    if not one.scored:
                        row = measure_condition(
                            one.planned, row, store, embeddings, checks, self.resources, memory, self.watcher.begin,
                            cycles.get(row.id, ()),
                        )  # fmt: skip
                    timed = timed_condition(one.planned, row, store, embeddings, self.resources)
                    self.timed.append((one, timed))
                except (KitError, MilvusException) as error:
                    row = _failed(one.row, error)
                self._add(row, one.number)

    def _time(self) -> None:
        """What users wait for, of all the conditions whose stores are open; then the stores are dropped."""
        try:
            if self.timed and self.is_timed:
                timed = [timed for _, timed in self.timed]
                queries = self.resources.collection.queries
                told = self.watcher.begin("timing the conditions in turn", min(TIMED, len(queries)))
                others = time_conditions(timed, queries, self._vectors, self.resources.grid.clients, told)
                write_waits(self.resources.out, timed, datetime.now(UTC).isoformat(timespec="seconds"))
                for one, of_one in self.timed:
                    self._put_time(one, of_one, others)
                self.resources.out.write(self.results)
        except (KitError, MilvusException) as error:
            for one, _ in self.timed:
                if (row := self.results.row(one.row.id)) and row.status == "measured":
                    self._add(_failed(row, error), one.number)
        finally:
            for store in self.stores:
                store.drop()
            self.stores, self.timed = [], []

    def _put_time(self, one: _Open, timed: Timed, others: float | None) -> None:
        rows = [
            replace(row, cost=with_cost(row.cost, timed, others), client_loads=tuple(timed.loads))
            if row.id == one.row.id and row.status == "measured"
            else row
            for row in self.results.rows
        ]
        self.results = replace(self.results, rows=tuple(rows))

    def _vectors(self, timed: Timed) -> np.ndarray | None:
        one = next(one for one, its in self.timed if its is timed)
        name = one.planned.condition.embeddings
        return None if timed.embed is None else self.resources.query_vectors(name)

    def _filled(self, one: Planned) -> tuple[Store, Embedder | None]:
        collection, name = self.resources.collection, one.condition.embeddings
        size = len(self.resources.judgments(one.chunker).places)
        if one.chunker.is_whole:
            size = collection.dataset.documents
        embeddings = None if name == "none" else self.resources.embeddings(name, one.chunker.name)
        fields = " and ".join(models_of(name) * one.retriever.needs.dense + ["BM25"] * bool(one.retriever.needs.words))
        store = fill_store(
            lambda: one.chunker.split(collection.documents()),
            uri=self.resources.uri(one.condition.engine),
            needs=one.retriever.needs,
            index=one.index,
            embeddings=embeddings.parts if embeddings else (),
            embedding_seconds=lambda: embeddings.seconds if embeddings else 0.0,
            progress=self.watcher.begin(f"ingest {one.chunker.name}: {fields}", size or None),
        )
        return store, embeddings

    def _add(self, row: ConditionResult, number: int) -> None:
        """Put the row in its place in the grid's order and write the results: from here on it is finished."""
        rows = {known.id: known for known in self.results.rows} | {row.id: row}
        places = {one.condition.id: place for place, one in enumerate(self.planned)}
        ordered = sorted(rows.values(), key=lambda known: places.get(known.id, len(places)))
        self.results = replace(self.results, rows=tuple(ordered))
        self.resources.out.write(self.results)
        self.watcher.row(row, number, len(self.planned))

    def _write_texts(self) -> None:
        """The texts behind the first hits of every run in the folder."""
        for chunker in {one.chunker.name: one.chunker for one in self.planned}.values():
            rows = [row for row in self.results.rows if row.condition.chunker == chunker.name]
            runs = (list(read_run(self.resources.out.run(row.id))) for row in rows if row.status == "measured")
            write_texts(
                self.resources.out, chunker.name, runs, self.resources.judgments(chunker), self.resources.texts(chunker)
            )


def _failed(row: ConditionResult, error: Exception) -> ConditionResult:
    """The row of a condition that did not go through, with the reason."""
    return replace(row, status="failed", reason=mask(str(getattr(error, "message", error))))

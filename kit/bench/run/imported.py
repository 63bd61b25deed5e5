"""Another system's TREC run as a row of a benchmark: judged, tested and reported like the kit's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from kit.bench.collections.base import Collection
from kit.bench.collections.contents import question_hash, write_contents
from kit.bench.grid.chunkers import parse_chunker
from kit.bench.grid.identity import host, versions
from kit.bench.measures.evaluate import (
    Judgments,
    Texts,
    evaluate,
    judgments,
    trec_order,
    write_collection,
    write_run,
    write_texts,
)
from kit.bench.out_folder import OutFolder, read_qrels, read_queries, read_run
from kit.bench.records import DEFAULT_MEASURES, Condition, ConditionResult, Query, Results, ScoredDoc
from kit.errors import KitError
from kit.files.locks import alone

ENGINE = "imported"  # of the condition's id: imported.elastic.none.whole
K, SEED = 100, 7  # of a folder that begins with an imported run


class _Against(NamedTuple):
    """What a run is judged with."""

    results: Results
    queries: Sequence[Query]
    judged: Judgments
    texts: Texts | None


def add_run(
    run: Path, name: str, out: OutFolder, collection: Collection | None = None, chunker: str = "", command: str = ""
) -> ConditionResult:
    """Put a TREC run into an --out folder under a name; the row that it became.

    The folder's own queries and judgments count; with a collection the folder may be new, and the texts of the run's
    hits are written for the report. Hits below the folder's k are left out, as no row of its has any.

    Raises:
        KitError: no such run, a line that is none, a document twice for a query, a name that is taken or no name, ids
            that are of another collection, judgments for several chunkers and none named.
    """
    if not re.fullmatch(r"[A-Za-z0-9_+-]+", name):
        raise KitError(f"Found the name {name!r}", wanted="letters, digits, -, _ or +, as in a condition's id")
    if not run.is_file():
        raise KitError(f"There is no run {run}", wanted="a TREC run: query_id Q0 doc_id rank score tag")
    with alone(out.lock, f"Another run writes into {out.path}. Wait until it ends.", "Give another --out."):
        against = _against(out, collection, chunker)
        if collection:
            write_contents(out, collection)
        hits = _checked(list(read_run(run)), run, against)
        chunker = chunker or _chunker(out, collection)
        condition = Condition(ENGINE, name, "none", chunker)
        if any(row.id == condition.id and row.command != command for row in against.results.rows):
            raise KitError(f"{out.path} has a row {condition.id} of another run", wanted="another --name")
        row = _row(out, condition, command, hits, against)
        rows = [known for known in against.results.rows if known.id != row.id]
        out.write(replace(against.results, rows=(*rows, row)))
        return row


def _against(out: OutFolder, collection: Collection | None, chunker: str) -> _Against:
    if out.results.is_file():
        results = out.read()
        if collection and collection.dataset.fingerprint != results.dataset.fingerprint:
            raise KitError(f"{out.path} was measured on other texts or judgments than {collection.dataset.name}",
                           wanted="the same collection, or another --out")  # fmt: skip
    elif collection:
        asked = question_hash((query.query_id, query.text) for query in collection.queries)
        dataset = replace(collection.dataset, questions=asked)
        results = Results(dataset, K, DEFAULT_MEASURES, SEED, "", host(), versions())
    else:
        raise KitError(f"{out.path} holds no results yet", wanted="--dataset too, or the --out of a run")
    chunker = chunker or _chunker(out, collection)
    if collection:
        parsed = parse_chunker(chunker)
        judged = judgments(collection, parsed)
        return _Against(results, collection.queries, judged, Texts(collection, parsed, judged))
    return _Against(results, read_queries(out), Judgments(tuple(read_qrels(out, chunker)), {}), None)


def _chunker(out: OutFolder, collection: Collection | None) -> str:
    """Whose judgments count where none was named: the folder's only ones, else the collection's usual ones."""
    there = sorted(path.stem for path in out.qrels("whole").parent.glob("*.tsv"))
    if len(there) == 1:
        return there[0]
    if "whole" in there or (collection and collection.default_chunker == "whole"):
        return "whole"
    if there or collection is None:
        raise KitError(f"{out.path} judges the chunks of {', '.join(there) or 'nothing'}",
                       wanted="--chunker, whose ids the run holds")  # fmt: skip
    return collection.default_chunker


def _checked(hits: list[ScoredDoc], path: Path, against: _Against) -> list[ScoredDoc]:
    """The hits, where they can be of this collection and each stands once."""
    if not hits:
        raise KitError(f"{path} holds no hit", wanted="lines of query_id Q0 doc_id rank score tag")
    seen: set[tuple[str, str]] = set()
    for hit in hits:
        if hit.score != hit.score or abs(hit.score) == float("inf"):
            raise KitError(f"{path}: the score of {hit.doc_id} for {hit.query_id} is {hit.score}", wanted="a number")
        if (hit.query_id, hit.doc_id) in seen:
            raise KitError(f"{path} has {hit.doc_id} twice for the query {hit.query_id}", wanted="each once")
        seen.add((hit.query_id, hit.doc_id))
    for what, theirs, ours in (
        ("queries", {hit.query_id for hit in hits}, {query.query_id for query in against.queries}),
        ("documents", {hit.doc_id for hit in hits}, {qrel.doc_id for qrel in against.judged.qrels}),
    ):
        if not theirs & ours:
            raise KitError(
                f"Not one of the {len(theirs):,} {what} of {path} is among those of {against.results.dataset.name}: "
                f"it has {min(theirs)!r}",
                wanted=f"ids such as {min(ours)!r}",
            )
    return hits


def _row(
    out: OutFolder, condition: Condition, command: str, hits: list[ScoredDoc], against: _Against
) -> ConditionResult:
    results, queries, judged = against.results, against.queries, against.judged
    of_query: dict[str, list[ScoredDoc]] = {}
    for hit in hits:
        of_query.setdefault(hit.query_id, []).append(hit)
    ranked = {query.query_id: trec_order(of_query.get(query.query_id, []))[: results.k] for query in queries}
    run = [hit for of_one in ranked.values() for hit in of_one]
    means = evaluate(
        out, condition.id, queries, judged, run, None, k=results.k, measures=results.measures, extras=(), judge=None
    ).means
    write_run(out, condition.id, run)
    if against.texts:
        write_collection(out, queries, condition.chunker, judged)
        rows = [row for row in results.rows if row.status == "measured" and row.condition.chunker == condition.chunker]
        runs = [list(read_run(out.run(row.id))) for row in rows]
        write_texts(out, condition.chunker, [*runs, run], judged, against.texts)
    asked = {qrel.query_id for qrel in judged.qrels}
    without = sum(not ranked[query.query_id] for query in queries if query.query_id in asked)
    deepest = max(map(len, of_query.values()))
    return ConditionResult(
        condition,
        "measured",
        command=command,
        scores=means,
        counts={
            "queries": len(queries),
            "judged": len(asked),
            "answered": sum(map(bool, ranked.values())),
            "no_hit": without,
            "short": sum(len(of_one) < results.k for of_one in ranked.values()),
        },
        no_hit_cause="the imported run has no line for them" if without else "",
        engine_version="another system",
        notes=_notes(of_query, queries, deepest, results.k),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=results.versions,
        host=results.host,
    )


def _notes(of_query: dict[str, list[ScoredDoc]], queries: Sequence[Query], deepest: int, k: int) -> tuple[str, ...]:
    notes = ["Imported: what it cost is not known"]
    if deepest > k:
        notes.append(f"of up to {deepest:,} hits a query the first {k:,} count, as in the other rows")
    elif deepest < k:
        notes.append(f"it has at most {deepest:,} hits a query; the other rows may have {k:,}")
    known = {query.query_id for query in queries}
    if others := sum(query_id not in known for query_id in of_query):
        notes.append(f"its hits for {others:,} queries that are not asked here were left out")
    return tuple(notes)

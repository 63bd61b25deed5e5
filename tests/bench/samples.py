"""An --out folder of a small run, scored by the kit itself: what the tests of compare, gate and report read."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kit.bench.measures.measure import means, measure
from kit.bench.out_folder import OutFolder
from kit.bench.records import Condition, ConditionResult, Cost, Dataset, IndexCheck, Mean, Qrel, Results, ScoredDoc

MEASURES = ("nDCG@10", "R@10", "RR@10")
CATEGORIES = ("plain", "paraphrase")
QUERIES = [f"q{number:02}" for number in range(30)]
QRELS = [Qrel(query, f"{query}-answer", 1) for query in QUERIES]
HOSTILE = "<script>alert('x')</script> & <b>bold</b>"


def condition(retriever: str) -> Condition:
    """Such as milvus-lite.dense.minilm.whole."""
    return Condition("milvus-lite", retriever, "minilm", "whole")


def ranked(ranks: Sequence[int]) -> list[ScoredDoc]:
    """A run that finds each query's answer at the given rank; at rank 0 it finds other documents alone."""
    hits = []
    for query, rank in zip(QUERIES, ranks, strict=True):
        found = [f"{query}-answer" if place == rank else f"other-{place}" for place in range(1, 6)]
        hits += [ScoredDoc(query, doc_id, 1 / place) for place, doc_id in enumerate(found, start=1)]
    return hits


def write_out(folder: Path, runs: dict[str, Sequence[int]], **changes) -> OutFolder:
    """Write a folder with one row a retriever, whose run finds the answers at the ranks given."""
    out = OutFolder(folder)
    rows = tuple(_row(out, retriever, ranked(ranks), 2.0 + n) for n, (retriever, ranks) in enumerate(runs.items()))
    dataset = Dataset("cats", "beir", "test", "f" * 64, documents=60, queries=len(QUERIES), judged=len(QUERIES),
                      questions="as asked")  # fmt: skip
    results = Results(
        dataset=dataset,
        k=10,
        measures=MEASURES,
        seed=7,
        command="kit bench run --dataset cats",
        host={"system": "Linux", "cores": "2"},
        versions={"pymilvus": "3.0.2"},
        rows=rows,
    )
    out.write(replace(results, **changes))
    queries = [{"query_id": query, "text": f"Question {query}? {HOSTILE}", "category": ""} for query in QUERIES]
    out.queries.write_text("".join(json.dumps(row) + "\n" for row in queries), encoding="utf-8")
    for path in (out.qrels("whole"), out.texts("whole")):
        path.parent.mkdir(exist_ok=True)
    hashes = "".join(f"{name}\t{name}-text\n" for name in sorted({q.doc_id for q in QRELS}))
    out.documents.write_text("document\tsha256\n" + hashes, encoding="utf-8")
    judged = "".join(f"{q.query_id}\t{q.doc_id}\t{q.relevance}\n" for q in QRELS)
    out.qrels("whole").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")
    names = {qrel.doc_id for qrel in QRELS} | {f"other-{place}" for place in range(1, 6)}
    texts = [{"doc_id": name, "text": f"The text of {name}. {HOSTILE}"} for name in sorted(names)]
    out.texts("whole").write_text("".join(json.dumps(row) + "\n" for row in texts), encoding="utf-8")
    return out


def checks() -> tuple[IndexCheck, ...]:
    """An index that is right without a filter and silently returns too few rows under one."""
    good = IndexCheck({"ef": 64}, False, 1.0, 10, 30, 1.0, 0, 0, 900.0, 1.1)
    return good, replace(good, selectivity=0.1, recall=0.44, short_queries=19, missing_rows=120, search_p50_ms=0.9)


def _row(out: OutFolder, retriever: str, run: list[ScoredDoc], p50: float) -> ConditionResult:
    scores = measure(QRELS, run, MEASURES)
    its_condition = condition(retriever)
    _write(out, its_condition.id, run, {(s.query_id, s.measure): s.value for s in scores})
    not_measured = {"judge-faithfulness@5": Mean(None, 0, len(QUERIES), "KIT_JUDGE names no chat model")}
    return ConditionResult(
        condition=its_condition,
        status="measured",
        command=f"kit bench run --dataset cats --retrievers {retriever}",
        scores=means(scores, len(QUERIES)) | not_measured,
        counts={"documents": 60, "chunks": 60, "queries": 30, "judged": 30, "answered": 30, "short": 0},
        cost=Cost(search_p50_ms=p50, search_p95_ms=2 * p50, search_queries_per_second=1000 / p50, ingest_seconds=0.5),
        engine_version="milvus-lite-3.2.2",
        model={"name": "minilm", "identity": "minilm-8199be6f"},
    )


def _write(out: OutFolder, condition_id: str, run: list[ScoredDoc], scores: dict[tuple[str, str], float]) -> None:
    for path in (out.run(condition_id), out.scores(condition_id)):
        path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{query} Q0 {doc} 0 {score!r} {condition_id}\n" for query, doc, score in run]
    out.run(condition_id).write_text("".join(lines), encoding="utf-8")
    with out.scores(condition_id).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["query_id", "category", "hits", "relevant", *MEASURES])
        for number, query in enumerate(QUERIES):
            values = [scores[query, name] for name in MEASURES]
            table.writerow([query, CATEGORIES[number % 2], 5, 1, *values])

"""`hybrid-tuned`: its weight comes from the other folds' judgments, and from nothing else."""

from __future__ import annotations

import pytest

from kit.bench.collections.open import open_collection
from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder, read_run
from kit.bench.records import Qrel, Query, ScoredDoc
from kit.bench.run.run import run_grid
from kit.bench.run.tuned import best_outside, tune
from kit.bench.search.hybrid import HybridTuned
from kit.errors import KitError
from tests.bench.beir import beir_folder, jsonl, write

FOLDS = {"a": 0, "b": 0, "c": 1, "d": 1}
SCORES = {30: {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}, 80: {"a": 0.0, "b": 0.0, "c": 1.0, "d": 1.0}}
QUERIES = [Query(f"q{n}", f"question {n}") for n in range(40)]
QRELS = [Qrel(query.query_id, "right", 1) for query in QUERIES]


def test_a_fold_gets_the_weight_that_is_best_on_the_others_though_its_own_score_worse_by_it():
    assert (best_outside(0, FOLDS, SCORES), best_outside(1, FOLDS, SCORES)) == (80, 30)
    level = {percent: dict.fromkeys(FOLDS, 1.0) for percent in (0, 60, 100)}
    assert best_outside(0, FOLDS, level) == 60


def test_a_querys_own_judgment_never_changes_its_weight_and_those_of_other_folds_do():
    def hits(weighted):
        return [ScoredDoc(query.query_id, "right" if weighted.percent == 70 else "wrong", 1.0) for query in QUERIES]

    percents = tune(HybridTuned(), hits, QUERIES, QRELS, "nDCG@10")
    assert set(percents.values()) == {70}
    own = [qrel._replace(doc_id="wrong") if qrel.query_id == "q3" else qrel for qrel in QRELS]
    assert tune(HybridTuned(), hits, QUERIES, own, "nDCG@10")["q3"] == 70
    others = [qrel if qrel.query_id == "q3" else qrel._replace(doc_id="wrong") for qrel in QRELS]
    assert tune(HybridTuned(), hits, QUERIES, others, "nDCG@10")["q3"] != 70


def test_the_same_question_under_two_ids_is_never_tuned_on_itself():
    same = [
        query._replace(text="Where is it?" if number % 2 else "where is IT?") for number, query in enumerate(QUERIES)
    ]
    with pytest.raises(KitError, match="All judged queries fall into one fold"):
        tune(HybridTuned(), lambda _: [], same, QRELS, "nDCG@10")


def test_a_run_gives_each_query_what_the_chosen_weight_gives_and_refuses_few_judgments(tmp_path):
    folder = beir_folder(tmp_path / "data")
    grid = Grid(dataset=str(folder), retrievers=["hybrid-tuned-3"], embeddings=["wordllama"], k=10, extras=[])
    refused = run_grid(grid, OutFolder(tmp_path / "few"), timed=False).rows[0]
    assert refused.status == "failed" and "there are 8; wanted: 10 or more" in refused.reason
    queries = [{"_id": f"p{n}", "text": f"{n} minutes"} for n in range(12)]
    write(folder / "queries.jsonl", jsonl(queries))
    write(
        folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\n" + "".join(f"p{n}\td{n}\t1\n" for n in range(12))
    )
    assert len(open_collection(str(folder)).queries) == 12
    out = OutFolder(tmp_path / "out")
    tuned = run_grid(grid, out, timed=False).rows[0]
    shares = [round(100 * float(share)) for share in tuned.settings["dense shares"].split(", ")]
    names = ["hybrid-tuned-3", *(f"hybrid-weighted-{share}" for share in shares)]
    rows = run_grid(grid.model_copy(update={"retrievers": names}), out, timed=False).rows
    hits = {row.condition.retriever: by_query(out, row.id) for row in rows}
    own = hits.pop("hybrid-tuned-3")
    assert len(own) == 12
    assert all(any(found == of_weight[query_id] for of_weight in hits.values()) for query_id, found in own.items())


def by_query(out: OutFolder, row: str) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for hit in read_run(out.run(row)):
        found.setdefault(hit.query_id, []).append((hit.doc_id, hit.score))
    return found

"""Two runs side by side, and a run against its baselines."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import typer
import yaml
from typer.testing import CliRunner

from kit.bench.commands.results import bless, compare, gate
from kit.bench.records import ConditionResult
from kit.bench.report.compare import compare_results, open_side, scores_table
from kit.errors import KitError
from tests.bench.samples import condition, write_out

GOOD, MIDDLING, POOR = [1] * 30, [1, 2, 3] * 10, [0, 3] * 15
app = typer.Typer()
for command in (compare, gate, bless):
    app.command()(command)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def old(tmp_path):
    return write_out(tmp_path / "old", {"dense": MIDDLING, "bm25": MIDDLING, "mmr": MIDDLING})


@pytest.fixture
def new(tmp_path):
    return write_out(tmp_path / "new", {"dense": POOR, "bm25": GOOD, "mmr": MIDDLING})


def test_what_got_worse_comes_first_then_what_is_equal_then_what_got_better(old, new):
    found = compare_results(open_side(str(old.path)), open_side(str(new.path)), ["nDCG@10"])
    rows = [(change.condition.split(".")[1], change.difference.verdict) for change in found.changes]
    assert rows == [("dense", "worse"), ("mmr", "equal on every query"), ("bm25", "better")]


def test_two_conditions_of_one_run_are_compared_by_a_part_of_their_names(new):
    found = compare_results(open_side(f"{new.path}::dense"), open_side(f"{new.path}::bm25"), ["RR@10"])
    assert found.changes[0].condition == f"{condition('dense').id} -> {condition('bm25').id}"
    assert found.changes[0].difference.wins == 30


def test_a_condition_on_one_side_alone_is_named(tmp_path, old):
    part = write_out(tmp_path / "part", {"dense": MIDDLING})
    found = compare_results(open_side(str(old.path)), open_side(str(part.path)))
    assert found.unpaired == [
        f"{condition(name).id}: measured in {old.path}, not run in {part.path}." for name in ("bm25", "mmr")
    ]


def test_a_row_that_fails_now_is_named_with_its_reason(old, new):
    results = new.read()
    new.write(replace(results, rows=(ConditionResult(condition("dense"), "failed", "no memory"), *results.rows[1:])))
    found = compare_results(open_side(str(old.path)), open_side(str(new.path)))
    assert found.unpaired == [f"{condition('dense').id}: measured in {old.path}, failed (no memory) in {new.path}."]


def test_queries_that_one_side_did_not_score_are_left_out_and_counted(old, new):
    path = new.scores(condition("mmr").id)
    path.write_text(re.sub(r"(q00,.*?,5,1,)[^,]*,", r"\1,", path.read_text()))
    found = compare_results(open_side(str(old.path)), open_side(str(new.path)), ["nDCG@10"])
    assert found.notes == [f"{condition('mmr').id} nDCG@10: over the 29 of 30 queries that both scored."]


@pytest.mark.parametrize(
    ("b", "measures", "words"),
    [
        ("{new}::nobody", [], '"nobody" should name one condition of {new}; none has it.'),
        ("{new}::milvus", [], '"milvus" should name one condition of {new}; 3 conditions have it:'),
        ("{new}", ["MAP"], "MAP was not measured for {dense} on both sides. There is: nDCG@10, R@10, RR@10."),
        ("{new}/none", [], "No results in {new}/none"),
    ],
)
def test_what_cannot_be_compared_is_said(old, new, b, measures, words):
    names = {"new": new.path, "dense": condition("dense").id}
    with pytest.raises(KitError, match=re.escape(words.format(**names))):
        compare_results(open_side(str(old.path)), open_side(b.format(**names)), measures)


def other_collection(out, before: str = "", after: str = "", questions: str = "as asked"):
    """Give a folder's results another fingerprint, and change a word in its queries or its documents."""
    results = out.read()
    dataset = replace(results.dataset, fingerprint="e" * 64, questions=questions)
    out.write(replace(results, dataset=dataset))
    for path in (out.queries, out.documents):
        path.write_text(path.read_text().replace(before, after))


def test_after_a_changed_document_queries_are_paired_and_what_differs_is_counted(old, new):
    other_collection(new, "q07-answer-text", "cleaned")
    judged = new.qrels("whole")
    judged.write_text(judged.read_text().replace("q03-answer\t1", "q03-answer\t2"))
    found = compare_results(open_side(str(old.path)), open_side(str(new.path)), ["nDCG@10"])
    assert found.collection.words == (
        "The collections are not the same: 1 of 30 texts differ, 0 are only in A, 0 only in B; 1 judgments differ. "
        "Scores are paired by query id, over the 30 questions with the same words."
    )
    assert found.answers[0].startswith(f"{condition('dense').id}, nDCG@10: worse (-0.46")
    shown = run("compare", old.path, new.path, "--measures", "nDCG@10").stdout
    assert "Did the change of texts or judgments help? milvus-lite.dense" in shown


def test_questions_that_were_reworded_are_left_out(old, new):
    other_collection(new, "Question q0", "Frage q0")
    found = compare_results(open_side(str(old.path)), open_side(str(new.path)), ["nDCG@10"])
    assert len(found.collection.questions_alike) == 20
    assert found.changes[0].difference.wins + found.changes[0].difference.losses <= 20
    assert "(left out: 10 reworded)" in found.collection.words


def test_another_depth_is_told(old, new):
    new.write(replace(new.read(), k=50))
    assert compare_results(open_side(str(old.path)), open_side(str(new.path))).notes == [
        "k differs: 10 hits a query in A, 50 in B; measures without a cutoff hang on it."
    ]


def test_results_of_another_collection_are_refused(old, new):
    other_collection(new, "Question", "Frage")
    with pytest.raises(KitError, match="scores of different collections cannot be compared query by query"):
        compare_results(open_side(str(old.path)), open_side(str(new.path)))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("query_id,category", "query,category", "has no column query_id"),
        ("q01,", "q00,", "has the query q00 twice"),
        ("5,1,1.0", "5,1,good", "nDCG@10 holds what is no number"),
    ],
)
def test_a_damaged_scores_file_is_said(old, before, after, words):
    path = old.scores(condition("dense").id)
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(KitError, match=words):
        scores_table(old, condition("dense").id)


def test_the_command_prints_the_verdicts_and_json(old, new):
    shown = run("compare", old.path, new.path, "--measures", "nDCG@10")
    rows = json.loads(run("compare", old.path, new.path, "--json").stdout)["changes"]
    assert shown.exit_code == 0
    assert shown.stdout.index("worse") < shown.stdout.index("equal on") < shown.stdout.index("better")
    assert rows[0]["verdict"] == "worse"


def test_a_missing_baseline_is_written_and_fails_and_then_passes(new, tmp_path):
    first = run("gate", new.path, "--baselines", tmp_path / "baselines")
    again = run("gate", new.path, "--baselines", tmp_path / "baselines")
    stored = yaml.safe_load((tmp_path / "baselines" / f"cats.{condition('bm25').id}.yaml").read_text())
    assert (first.exit_code, again.exit_code) == (1, 0)
    assert "The gate is shut: 9 missing." in first.stdout
    assert "The gate is open: 9 same." in again.stdout
    assert stored["command"] == "kit bench run --dataset cats --retrievers bm25"
    assert stored["scores"]["nDCG@10"] == {"expected": 1.0, "tolerance": 0.005}


def test_worse_and_better_both_shut_the_gate_and_better_asks_for_a_recording(old, new, tmp_path):
    run("bless", old.path, "--baselines", tmp_path / "b")
    shut = run("gate", new.path, "--baselines", tmp_path / "b")
    assert shut.exit_code == 1
    assert re.search(
        r"\[FAIL\] worse: cats\.\S*dense\S* nDCG@10 expected 0\.7103, actual 0\.2500 \(delta -0\.4603",
        shut.stdout,
    )
    assert re.search(r"\[FAIL\] better: .* record it again with `kit bench bless", shut.stdout)
    run("bless", new.path, "--baselines", tmp_path / "b")
    assert run("gate", new.path, "--baselines", tmp_path / "b").exit_code == 0


def test_a_recording_keeps_tolerances_that_were_set_by_hand(old, new, tmp_path):
    run("bless", old.path, "--baselines", tmp_path)
    path = tmp_path / f"cats.{condition('dense').id}.yaml"
    path.write_text(path.read_text().replace("tolerance: 0.005", "tolerance: 0.5", 1))
    assert "OK] same: cats.milvus-lite.dense" in run("gate", new.path, "--baselines", tmp_path).stdout
    run("bless", new.path, "--baselines", tmp_path)
    assert yaml.safe_load(path.read_text())["scores"]["nDCG@10"] == {"expected": 0.25, "tolerance": 0.5}


def test_a_baseline_without_a_row_fails_unless_the_run_is_a_part(old, tmp_path):
    run("bless", old.path, "--baselines", tmp_path / "b")
    part = write_out(tmp_path / "part", {"dense": MIDDLING})
    whole = run("gate", part.path, "--baselines", tmp_path / "b")
    assert whole.exit_code == 1
    assert "has a baseline, but no row in this run" in whole.stdout
    assert run("gate", part.path, "--baselines", tmp_path / "b", "--partial").exit_code == 0


def test_a_baseline_of_other_questions_or_of_no_sense_does_not_pass(old, tmp_path):
    run("bless", old.path, "--baselines", tmp_path / "b")
    other_collection(old, questions="others")
    other = run("gate", old.path, "--baselines", tmp_path / "b", "--partial")
    assert other.exit_code == 1
    assert "these cannot be compared" in other.stdout
    (tmp_path / "b" / f"cats.{condition('dense').id}.yaml").write_text("scores: 3")
    assert isinstance(run("gate", old.path, "--baselines", tmp_path / "b").exception, KitError)


def test_a_changed_document_is_held_against_the_baseline_and_counted(old, new, tmp_path):
    run("bless", old.path, "--baselines", tmp_path / "b")
    other_collection(old, "q07-answer-text", "cleaned")
    same = run("gate", old.path, "--baselines", tmp_path / "b")
    assert (same.exit_code, "The gate is open: 9 same." in same.stdout) == (0, True)
    assert "1 of 30 texts differ, 0 are only recorded, 0 only in this run; 0 judgments differ." in same.stdout
    other_collection(new)
    assert "[FAIL] worse" in run("gate", new.path, "--baselines", tmp_path / "b").stdout


def test_a_failed_row_shuts_the_gate_and_cannot_be_recorded(old, tmp_path):
    results = old.read()
    old.write(replace(results, rows=(ConditionResult(condition("dense"), "failed", "no memory"), *results.rows[1:])))
    assert "failed: no memory" in run("gate", old.path, "--baselines", tmp_path).stdout
    assert "there are no scores of it to record" in str(run("bless", old.path, "--baselines", tmp_path).exception)

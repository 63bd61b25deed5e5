"""The quality gate opens only for scores that are as recorded; it never passes on a truth that it made itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from kit.notebooks.gate import SCORES_MIME, gate
from kit.notebooks.manifest import Notebook
from kit.notebooks.run import NotebookError, NotebookResult, Seconds
from kit.texts.golden import PublishedScores
from tests.notebooks.samples import Cell, notebook, result

CONDITION = "milvus-lite.dense.minilm.character-1000"


def run(scores: object, error: NotebookError | None = None) -> NotebookResult:
    """A run whose last cell publishes `scores`: a dict of them, or the content of the bundle itself."""
    plain = scores if not isinstance(scores, dict) or "condition" in scores else PublishedScores(CONDITION, 43, scores)
    bundle = plain._repr_mimebundle_() if isinstance(plain, PublishedScores) else {SCORES_MIME: plain}
    outputs = [result("scores", **bundle)] if scores is not None else []
    executed = notebook([Cell("1"), Cell("scores", ["scores"], outputs)])
    listed = Notebook(Path("05_evaluate.ipynb"), "Evaluate", "Score", 5, baseline="golden-2022")
    return NotebookResult(listed, executed, executed, (error,) if error else (), Seconds())


@pytest.fixture
def stored(tmp_path):
    folder = tmp_path / "baselines"
    folder.mkdir()
    rows = {name: {"expected": 0.6, "tolerance": 0.005} for name in ("nDCG@10", "R@10")}
    content = {"command": "kit tour", "questions": 43, "scores": rows}
    (folder / f"{CONDITION}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def test_what_the_gate_reads_is_what_kit_scores_publishes():
    assert SCORES_MIME in PublishedScores(CONDITION, 1, {"nDCG@10": 0.5})._repr_mimebundle_()


def verdicts(found) -> dict[str, str]:
    return {verdict.measure: verdict.verdict for verdict in found}


@pytest.mark.parametrize(
    ("actual", "verdict"), [(0.6, "same"), (0.605, "same"), (0.595, "same"), (0.5949, "worse"), (0.6051, "better")]
)
def test_a_score_is_the_same_worse_or_better_and_only_the_same_is_well(stored, tmp_path, actual, verdict):
    first, second = gate(run({"nDCG@10": actual, "R@10": 0.6}), stored, tmp_path)
    assert (first.measure, first.verdict, first.ok) == ("nDCG@10", verdict, verdict == "same")
    assert second.ok


def test_a_better_score_tells_how_to_record_it(stored, tmp_path):
    first, _ = gate(run({"nDCG@10": 0.7, "R@10": 0.6}), stored, tmp_path)
    assert f"record it again with `rm {tmp_path.name}/baselines/{CONDITION}.yaml; kit tour`" in first.advice


def test_a_score_that_only_one_side_has_is_missing(stored, tmp_path):
    found = gate(run({"nDCG@10": 0.6, "RR@10": 0.6}), stored, tmp_path)
    assert verdicts(found) == {"nDCG@10": "same", "R@10": "missing", "RR@10": "missing"}


def test_other_questions_shut_the_gate(stored, tmp_path):
    content = {"condition": CONDITION, "questions": 44, "scores": {"nDCG@10": 0.6, "R@10": 0.6}}
    assert not any(verdict.ok for verdict in gate(run(content), stored, tmp_path))


def test_a_baseline_that_is_not_there_is_written_and_the_gate_stays_shut(tmp_path):
    baselines = tmp_path / "tests" / "baselines"
    (first,) = gate(run({"nDCG@10": 0.61234}), baselines, tmp_path)
    assert (first.verdict, first.ok) == ("missing", False)
    assert yaml.safe_load((baselines / f"{CONDITION}.yaml").read_text()) == {
        "command": "kit tour",
        "questions": 43,
        "scores": {"nDCG@10": {"expected": 0.6123, "tolerance": 0.005}},
    }
    assert verdicts(gate(run({"nDCG@10": 0.61234}), baselines, tmp_path)) == {"nDCG@10": "same"}


def test_where_baselines_cannot_be_written_the_new_one_lies_beside_the_report_and_never_opens_the_gate(tmp_path):
    (tmp_path / "tests").write_text("a file where a folder is wanted")
    for _ in range(2):
        (verdict,) = gate(run({"nDCG@10": 0.6}), tmp_path / "tests" / "baselines", tmp_path / "beside")
        assert (verdict.verdict, verdict.actual) == ("missing", 0.6)
        assert f"{tmp_path / 'beside' / CONDITION}.yaml was written" in verdict.advice


def test_a_notebook_that_should_publish_scores_and_does_not_shuts_the_gate(tmp_path):
    (verdict,) = gate(run(None), tmp_path, tmp_path)
    assert not verdict.ok
    assert verdict.advice == "05_evaluate published no scores: no cell tagged scores showed any"
    (verdict,) = gate(run(None, NotebookError("cell 1 failed: ValueError: no", 1)), tmp_path, tmp_path)
    assert verdict.advice == "05_evaluate published no scores: cell 1 failed: ValueError: no"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1], "wanted condition, questions and scores"),
        ({"condition": "../../x", "questions": 1, "scores": {"a": 1.0}}, "'../../x' cannot name a baseline"),
        ({"condition": "a", "questions": 1, "scores": {}}, "at least one score"),
        ({"condition": "a", "questions": 1, "scores": {"a": math.nan}}, "a is nan, wanted a finite number"),
        ({"condition": "a", "questions": 1, "scores": {"a": "0.5"}}, "a is '0.5', wanted a finite number"),
    ],
)
def test_wrong_scores_shut_the_gate_in_words(tmp_path, content, words):
    (verdict,) = gate(run(content), tmp_path, tmp_path)
    assert not verdict.ok
    assert words in verdict.advice
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "scores: [", "questions: 43\nscores: {nDCG@10: 0.6}", "- 1"])
def test_a_damaged_baseline_shuts_the_gate_in_words(stored, tmp_path, text):
    (stored / f"{CONDITION}.yaml").write_text(text)
    (verdict,) = gate(run({"nDCG@10": 0.6}), stored, tmp_path)
    assert not verdict.ok
    assert f"{CONDITION}.yaml is no baseline (" in verdict.advice

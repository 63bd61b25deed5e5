"""Recorded scores, `tests/baselines/<name>.yaml`, and how fresh scores stand against them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kit.errors import KitError
from kit.files.write import write_whole

TOLERANCE = 0.005  # of a baseline that is recorded; narrow or widen it by hand, it is kept when recorded again


@dataclass(frozen=True)
class ScoreSet:
    """Mean scores to hold against a baseline; `name` names its file, `dataset` tells what they were measured on.

    `asked` is a hash of the questions: with the same ones other texts can be held against the baseline, and `changed`
    says then how the texts differ.
    """

    name: str
    questions: int
    scores: dict[str, float]
    command: str
    dataset: str = ""
    asked: str = ""
    changed: str = ""


@dataclass(frozen=True)
class ScoreVerdict:
    """One score against its baseline: same, better, worse or missing. Only same is well."""

    name: str
    measure: str
    verdict: str
    expected: float | None = None
    actual: float | None = None
    tolerance: float = TOLERANCE
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether the gate opens."""
        return self.verdict == "same"

    def __str__(self) -> str:
        numbers = f"expected {_four(self.expected)}, actual {_four(self.actual)}"
        if self.expected is not None and self.actual is not None:
            numbers += f" (delta {self.actual - self.expected:+.4f}, tolerance {self.tolerance:.4f})"
        advice = f": {self.advice}" if self.advice else ""
        return f"[{'OK' if self.ok else 'FAIL'}] {self.verdict}: {self.name} {self.measure} {numbers}{advice}"


def hold_against(scores: ScoreSet, folder: Path, record_again: str) -> list[ScoreVerdict]:
    """A verdict on every score of the run and of its baseline.

    Where none is stored, the baseline is written and every verdict is missing: a run never passes against the truth
    that it made itself. `record_again` is the command to propose when a change is meant.
    """
    path = folder / f"{scores.name}.yaml"
    meant = f"if that is meant, record it again with `{record_again}` and commit {path.name}"
    if not path.is_file():
        record(scores, folder)
        advice = f"no baseline was stored; {path} was written. Look at it, commit it, and run again"
        return [ScoreVerdict(scores.name, m, "missing", None, v, TOLERANCE, advice) for m, v in scores.scores.items()]
    stored = load(path)
    same = stored["dataset"] in ("", scores.dataset)
    same_questions = bool(scores.asked) and stored["asked"] == scores.asked
    if stored["questions"] != scores.questions or not (same or same_questions):
        found = f"{scores.questions} questions of {scores.dataset or 'an unnamed collection'}"
        recorded = f"{stored['questions']} of {stored['dataset'] or 'an unnamed one'}"
        advice = f"measured on {found}, recorded on {recorded}; these cannot be compared; {meant}"
        return [ScoreVerdict(scores.name, "all measures", "missing", advice=advice)]
    names = dict.fromkeys([*stored["scores"], *scores.scores])
    verdicts = [_verdict(scores, name, stored["scores"].get(name), path.name, meant) for name in names]
    if same or not scores.changed:
        return verdicts
    return [replace(v, advice=f"{v.advice}. {scores.changed}" if v.advice else scores.changed) for v in verdicts]


def record(scores: ScoreSet, folder: Path) -> Path:
    """Write the baseline of these scores, keeping tolerances that were set by hand; the path written."""
    path = folder / f"{scores.name}.yaml"
    tolerances = {n: row["tolerance"] for n, row in load(path)["scores"].items()} if path.is_file() else {}
    content: dict[str, Any] = {"command": scores.command, "questions": scores.questions}
    if scores.dataset:
        content["dataset"] = scores.dataset
    if scores.asked:
        content["asked"] = scores.asked
    content["scores"] = {
        name: {"expected": round(value, 4), "tolerance": tolerances.get(name, TOLERANCE)}
        for name, value in scores.scores.items()
    }
    write_whole(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
    return path


def load(path: Path) -> dict[str, Any]:
    """A stored baseline as {questions, dataset, asked, scores: {measure: {expected, tolerance}}}; KitError if none."""
    try:
        stored = yaml.safe_load(path.read_text(encoding="utf-8"))
        rows = {n: {k: float(r[k]) for k in ("expected", "tolerance")} for n, r in stored["scores"].items()}
        named = {name: str(stored.get(name, "")) for name in ("dataset", "asked")}
        return {"questions": int(stored["questions"]), "scores": rows, **named}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        raise KitError(
            f"{path} is no baseline ({why})", wanted="command, questions, scores: {name: {expected, tolerance}}"
        ) from None


def _verdict(scores: ScoreSet, measure: str, row: dict[str, float] | None, file: str, meant: str) -> ScoreVerdict:
    actual = scores.scores.get(measure)
    expected, tolerance = (row["expected"], row["tolerance"]) if row else (None, TOLERANCE)
    if expected is None or actual is None:
        verdict, advice = "missing", f"not in {'this run' if row else file}; {meant}"
    elif round(abs(actual - expected), 6) <= tolerance:
        verdict, advice = "same", ""
    elif actual > expected:
        verdict, advice = "better", f"better than recorded; {meant}"
    else:
        verdict, advice = "worse", ""
    return ScoreVerdict(scores.name, measure, verdict, expected, actual, tolerance, advice)


def _four(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"

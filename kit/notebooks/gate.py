"""The quality gate: the scores that a notebook publishes, held against the baselines in `tests/baselines/`."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from kit.errors import KitError
from kit.notebooks.files import tags
from kit.notebooks.run import NotebookResult
from kit.reports.baselines import ScoreSet, ScoreVerdict, hold_against, record

SCORES_MIME = "application/vnd.milvus-notebook-kit.scores+json"  # as kit.texts.golden publishes it, without its pandas
CONDITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # it names a file
COMMAND = "kit tour"


def gate(result: NotebookResult, baselines: Path, fallback: Path) -> list[ScoreVerdict]:
    """A verdict on each score that a notebook publishes, and on each that its baseline has and the run has not.

    Where no baseline is stored it is written, to `fallback` if `baselines` cannot be written, and the gate stays
    shut: a run never passes against the truth that it made itself. Wrong scores and damaged baselines shut it too.
    """
    try:
        found = published(result.executed)
        if not found and result.notebook.baseline:
            why = result.error.summary if result.error else "no cell tagged scores showed any"
            raise KitError(f"{result.notebook.stem} published no scores: {why}")
        return [verdict for scores in found for verdict in _verdicts(scores, baselines, fallback)]
    except KitError as error:
        return [ScoreVerdict(result.notebook.baseline or result.notebook.stem, "scores", "missing", advice=str(error))]


def published(notebook: NotebookNode) -> list[ScoreSet]:
    """The scores in the outputs of the cells tagged `scores`; KitError says what is wrong with them."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        if "scores" in tags(cell) and cell.cell_type == "code":
            bundles = [output.data for output in cell.outputs if "data" in output]
            found += [_scores(number, bundle[SCORES_MIME]) for bundle in bundles if SCORES_MIME in bundle]
    return found


def _verdicts(scores: ScoreSet, baselines: Path, fallback: Path) -> list[ScoreVerdict]:
    path = baselines / f"{scores.name}.yaml"
    try:
        return hold_against(scores, baselines, f"rm {Path(*path.parts[-3:])}; {COMMAND}")
    except KitError:
        if path.is_file():
            raise
    # A read-only checkout: what was measured is kept, but never becomes the baseline of the next run.
    advice = f"no baseline was stored; {record(scores, fallback)} was written. Commit it as {path}, and run again"
    return [ScoreVerdict(scores.name, m, "missing", None, value, advice=advice) for m, value in scores.scores.items()]


def _scores(number: int, content: Any) -> ScoreSet:
    """The published content, checked."""
    where = f"the scores of cell {number}"
    if not isinstance(content, dict) or not {"condition", "questions", "scores"} <= content.keys():
        raise KitError(f"{where}: wanted condition, questions and scores")
    if not CONDITION.fullmatch(str(content["condition"])):
        raise KitError(f"{where}: {content['condition']!r} cannot name a baseline; letters, digits, . _ - can")
    scores = content["scores"]
    if not isinstance(scores, dict) or not scores or not isinstance(content["questions"], int):
        raise KitError(f"{where}: wanted a number of questions and at least one score")
    for name, value in scores.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise KitError(f"{where}: {name} is {value!r}, wanted a finite number")
    means = {name: float(value) for name, value in scores.items()}
    return ScoreSet(content["condition"], content["questions"], means, COMMAND)

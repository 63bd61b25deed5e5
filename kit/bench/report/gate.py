"""The quality gate: a run's means held against, or recorded as, `tests/baselines/<dataset>.<condition>.yaml`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from kit.bench.records import ConditionResult, Results
from kit.errors import KitError, nearest
from kit.reports.baselines import ScoreSet, ScoreVerdict, hold_against, load, record

UNGATED = ("judge-",)  # a chat model's word changes without anything of ours changing


def gate_results(results: Results, baselines: Path, again: str, partial: bool = False) -> list[ScoreVerdict]:
    """A verdict on every score of every condition, and on every baseline of this dataset that the run has no row for.

    `partial` says that the run is meant to be part of the grid: baselines without a row are then left out.
    """
    verdicts = []
    for row in results.rows:
        if row.status == "measured":
            verdicts += hold_against(_scores(results, row), baselines, again)
        elif (baselines / f"{_name(results, row.id)}.yaml").is_file() or row.status == "failed":
            why = f"{row.status}: {row.reason}"
            verdicts.append(ScoreVerdict(_name(results, row.id), "all measures", "missing", advice=why))
    if not partial:
        ran = {_name(results, row.id) for row in results.rows}
        for path in sorted(baselines.glob(f"{_name(results, '')}*.yaml")):
            if path.stem not in ran and load(path)["dataset"] == _dataset(results):
                why = "has a baseline, but no row in this run; run it too, or give --partial"
                verdicts.append(ScoreVerdict(path.stem, "all measures", "missing", advice=why))
    return verdicts


def bless_results(results: Results, baselines: Path, conditions: Sequence[str] = ()) -> list[Path]:
    """Record the scores of all measured rows, or of the conditions named, as baselines; the files written."""
    ids = [row.id for row in results.rows]
    for wanted in conditions:
        if wanted not in ids:
            raise KitError(f'No condition "{wanted}" in this run.{nearest(wanted, ids)} There are: {", ".join(ids)}.')
    rows = [row for row in results.rows if row.id in (conditions or ids)]
    if bad := [row for row in rows if row.status != "measured" and (conditions or row.status == "failed")]:
        raise KitError(f"{bad[0].id} is {bad[0].status} ({bad[0].reason}): there are no scores of it to record.")
    if not any(row.status == "measured" for row in rows):
        raise KitError("The run has no measured row to record.")
    return [record(_scores(results, row), baselines) for row in rows if row.status == "measured"]


def _scores(results: Results, row: ConditionResult) -> ScoreSet:
    scores = {
        name: mean.value for name, mean in row.scores.items() if mean.value is not None and not name.startswith(UNGATED)
    }
    return ScoreSet(_name(results, row.id), row.counts["judged"], scores, _command(row), _dataset(results))


def _command(row: ConditionResult) -> str:
    """The row's command without --out, which is nobody else's folder."""
    words = shlex.split(row.command)
    if "--out" in words:
        at = words.index("--out")
        del words[at : at + 2]
    return shlex.join(words)


def _name(results: Results, condition_id: str) -> str:
    """`nfcorpus.milvus-lite.dense.minilm.whole`: the condition, after the dataset that it was measured on."""
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', results.dataset.name).strip('-')}.{condition_id}"


def _dataset(results: Results) -> str:
    dataset = results.dataset
    return " ".join(filter(None, (dataset.name, dataset.split, dataset.fingerprint[:12])))

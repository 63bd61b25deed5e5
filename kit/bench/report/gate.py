"""The quality gate: a run's means held against, or recorded as, `tests/baselines/<dataset>.<condition>.yaml`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kit.bench.collections.contents import changes, contents_of, dump_contents, load_contents
from kit.bench.out_folder import OutFolder
from kit.bench.records import ConditionResult, Results
from kit.errors import KitError, nearest
from kit.files.write import write_whole
from kit.reports.baselines import ScoreSet, ScoreVerdict, hold_against, load, record

UNGATED = ("judge-",)  # a chat model's word changes without anything of ours changing


def gate_results(
    results: Results, baselines: Path, again: str, partial: bool = False, out: OutFolder | None = None
) -> list[ScoreVerdict]:
    """A verdict on every score of every condition, and on every baseline of this dataset that the run has no row for.

    `partial` says that the run is meant to be part of the grid: baselines without a row are then left out. Where the
    texts changed and the questions did not, the scores are held against the baselines all the same; with the run's
    folder the verdicts say how many texts and judgments differ.
    """
    verdicts, changed = [], _changed(results, baselines, out)
    for row in results.rows:
        if row.status == "measured":
            verdicts += hold_against(replace(_scores(results, row), changed=changed), baselines, again)
        elif (baselines / f"{_name(results, row.id)}.yaml").is_file() or row.status == "failed":
            why = f"{row.status}: {row.reason}"
            verdicts.append(ScoreVerdict(_name(results, row.id), "all measures", "missing", advice=why))
    if not partial:
        ran = {_name(results, row.id) for row in results.rows}
        for path in sorted(baselines.glob(f"{_name(results, '')}*.yaml")):
            stored = load(path)
            asked = bool(stored["asked"]) and stored["asked"] == results.dataset.questions
            if path.stem not in ran and (asked or stored["dataset"] == _dataset(results)):
                why = "has a baseline, but no row in this run; run it too, or give --partial"
                verdicts.append(ScoreVerdict(path.stem, "all measures", "missing", advice=why))
    return verdicts


def bless_results(
    results: Results, baselines: Path, conditions: Sequence[str] = (), out: OutFolder | None = None
) -> list[Path]:
    """Record the scores of all measured rows, or of the conditions named, as baselines; the files written.

    With the run's folder, what its collection held is kept beside them, if that is not long.
    """
    ids = [row.id for row in results.rows]
    for wanted in conditions:
        if wanted not in ids:
            raise KitError(f'No condition "{wanted}" in this run.{nearest(wanted, ids)} There are: {", ".join(ids)}.')
    rows = [row for row in results.rows if row.id in (conditions or ids)]
    if bad := [row for row in rows if row.status != "measured" and (conditions or row.status == "failed")]:
        raise KitError(f"{bad[0].id} is {bad[0].status} ({bad[0].reason}): there are no scores of it to record.")
    if not any(row.status == "measured" for row in rows):
        raise KitError("The run has no measured row to record.")
    paths = [record(_scores(results, row), baselines) for row in rows if row.status == "measured"]
    if out and (contents := dump_contents(contents_of(out))):
        write_whole(_contents_path(results, baselines), contents)
    return paths


def _contents_path(results: Results, baselines: Path) -> Path:
    return baselines / f"{_name(results, 'contents')}.tsv"


def _changed(results: Results, baselines: Path, out: OutFolder | None) -> str:
    """How the collection differs from the recorded one; a sentence that counts where that is known."""
    recorded = load_contents(_contents_path(results, baselines))
    if out and recorded and out.queries.is_file():
        return changes(recorded, contents_of(out)).words.replace("in A", "recorded").replace("in B", "in this run")
    return "The texts or judgments are not those that were recorded; how many differ is not known"


def _scores(results: Results, row: ConditionResult) -> ScoreSet:
    scores = {
        name: mean.value for name, mean in row.scores.items() if mean.value is not None and not name.startswith(UNGATED)
    }
    name, asked = _name(results, row.id), results.dataset.questions
    return ScoreSet(name, row.counts["judged"], scores, _command(row), _dataset(results), asked)


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

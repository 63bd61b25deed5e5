"""What a tour found: a value for each notebook and one for the whole."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kit.notebooks.manifest import Notebook, counted
from kit.notebooks.outputs.compare import NotebookComparison
from kit.notebooks.run import NotebookResult
from kit.reports.baselines import ScoreVerdict

SHOWN_VERSIONS = ("langchain-milvus", "pymilvus", "milvus-lite", "langchain-core", "ragas", "ir-measures", "nbval")


@dataclass(frozen=True)
class NotebookOutcome:
    """One notebook of a tour: its run, the comparison and its scores; or why it was not run."""

    notebook: Notebook
    unmet: tuple[str, ...] = ()
    result: NotebookResult | None = None
    comparison: NotebookComparison | None = None
    scores: tuple[ScoreVerdict, ...] = ()

    @property
    def verdict(self) -> str:
        """`ok`, `failed` (an error stopped it), `differs` (outputs are not the stored ones) or `not run`."""
        if self.result is None or self.comparison is None:
            return "not run"
        if self.result.error:
            return "failed"
        return "differs" if self.comparison.mismatches else "ok"

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with the notebook itself; its scores are judged apart."""
        return self.verdict in ("ok", "not run")

    @property
    def skipped(self) -> list[tuple[int, str]]:
        """What cells (from 1) went on without, as this engine cannot do it: the lines `SKIPPED …` on their stderr."""
        found = self.result.stderr.items() if self.result else ()
        lines = ((index + 1, line) for index, text in found for line in text.splitlines())
        return [(cell, line) for cell, line in lines if line.startswith("SKIPPED ")]

    @property
    def words(self) -> str:
        """The verdict in words."""
        if self.result is None or self.comparison is None:
            return f"not run: {'; '.join(self.unmet)}"
        if self.result.error:
            return self.result.error.summary
        if count := len({mismatch.cell for mismatch in self.comparison.mismatches}):
            return f"{count} cell{'s' * (count > 1)} with other outputs than stored"
        return "as stored" + (f", {counted(len(self.skipped), 'part')} skipped" if self.skipped else "")


@dataclass(frozen=True)
class Tour:
    """All outcomes, in the order of the manifest, with the backend in words, seconds, versions and the command."""

    outcomes: Sequence[NotebookOutcome]
    backend: str
    recorded: bool
    seconds: float
    versions: dict[str, str]

    @property
    def scores(self) -> list[ScoreVerdict]:
        """The score verdicts of all notebooks."""
        return [verdict for outcome in self.outcomes for verdict in outcome.scores]

    @property
    def ok(self) -> bool:
        """Whether all is well: something ran, and nothing failed."""
        ran = any(outcome.result for outcome in self.outcomes)
        return ran and all(outcome.ok for outcome in self.outcomes) and all(score.ok for score in self.scores)

    @property
    def summary(self) -> str:
        """The verdict line."""
        ran = [outcome for outcome in self.outcomes if outcome.result]
        outputs = sum(outcome.comparison.outputs for outcome in ran if outcome.comparison)
        left_out = len(self.outcomes) - len(ran)
        end = f" in {self.seconds:.0f} s" + (f"; {counted(left_out, 'notebook')} not run." if left_out else ".")
        notebooks, scores = counted(len(ran), "notebook"), counted(len(self.scores), "score")
        if self.ok:
            return f"All well: {notebooks}, {counted(outputs, 'checked output')}, {scores}{end}"
        failed, worse = (len([one for one in group if not one.ok]) for group in (ran, self.scores))
        return f"Failed: {failed} of {notebooks}, {worse} of {scores}{end}"


@dataclass(frozen=True)
class TourReport:
    """A tour that was written down: its values, its first page, and what to tell when that is not the usual place."""

    tour: Tour
    index: Path
    note: str


def versions() -> dict[str, str]:
    """Python, the platform and the packages that decide what comes out."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for name in SHOWN_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found

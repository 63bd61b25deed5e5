"""A tour as JUnit XML: a test case for each cell that ran and for each score."""

from __future__ import annotations

from pathlib import Path

from kit.notebooks.records import NotebookOutcome, Tour
from kit.reports import junit
from kit.reports.junit import Case


def write_junit(path: Path, tour: Tour) -> None:
    """Write the XML file; KitError when it cannot be written."""
    junit.write_junit(path, "kit tour", suites(tour), tour.seconds)


def suites(tour: Tour) -> dict[str, list[Case]]:
    """The cases by suite: one for each notebook, and one for the scores if there are any."""
    cases = {outcome.notebook.stem: _cases(outcome) for outcome in tour.outcomes}
    scores = [Case(s.measure, s.name, failure="" if s.ok else str(s)) for s in tour.scores]
    return cases | ({"scores": scores} if scores else {})


def _cases(outcome: NotebookOutcome) -> list[Case]:
    name = outcome.notebook.stem
    if outcome.result is None or outcome.comparison is None:
        return [Case("notebook", name, skipped="; ".join(outcome.unmet))]
    result, error = outcome.result, outcome.result.error
    failures: dict[int, str] = {}
    for mismatch in outcome.comparison.mismatches:
        failures[mismatch.cell] = failures.get(mismatch.cell, "") + f"{mismatch.key}\n{mismatch.diff}\n"
    if error:
        failures[error.cell] = f"{error.summary}\n{error.traceback}"
    cells = sorted({index + 1 for index in result.ran} | failures.keys())
    seconds, skipped = result.ran, dict(outcome.skipped)
    return [Case(f"cell {n}", name, seconds.get(n - 1, 0.0), failures.get(n, ""), skipped.get(n, "")) for n in cells]

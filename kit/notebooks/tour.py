"""The tour: every notebook run, its outputs compared, its scores put through the gate, and a report of it all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from kit.notebooks.backend import environment, in_words, is_recorded
from kit.notebooks.gate import gate
from kit.notebooks.manifest import Manifest, Notebook, unmet_needs
from kit.notebooks.outputs.compare import compare
from kit.notebooks.outputs.nbval_rules import load_patterns
from kit.notebooks.records import NotebookOutcome, Tour, TourReport, versions
from kit.notebooks.report.html import write_index, write_notebook_page
from kit.notebooks.report.junit import write_junit
from kit.notebooks.report.tables import Running
from kit.notebooks.run import NotebookResult, run_notebooks
from kit.reports.folder import report_place
from kit.settings import Settings


def conduct(
    manifest: Manifest,
    chosen: Sequence[Notebook],
    settings: Settings,
    *,
    jobs: int = 2,
    out: Path | None = None,
    junit: Path | None = None,
    command: str = "kit tour",
    quiet: bool = False,
) -> TourReport:
    """Run the chosen notebooks whose needs are met, `jobs` at a time, judge them and write the report.

    The report goes to `out`, else to build/tour, else (read-only) to the cache folder. Nothing is written there
    before all is done, so a tour that is stopped leaves the report of the one before.
    """
    began = time.perf_counter()
    outcomes = {
        notebook.path: NotebookOutcome(notebook, tuple(unmet))
        for notebook in chosen
        if (unmet := unmet_needs(notebook, settings))
    }
    can_run = [notebook for notebook in chosen if notebook.path not in outcomes]
    patterns, recorded = load_patterns(manifest.folder / "sanitize.cfg"), is_recorded(settings)
    fallback = None if out else settings.cache_dir / "tour"
    with report_place(out or manifest.reports / "tour", fallback) as place, Running(can_run, quiet=quiet) as show:

        def judged(result: NotebookResult) -> NotebookOutcome:
            comparison = compare(result, patterns, only_tagged=not recorded)
            verdicts = gate(result, manifest.baselines, place.folder.parent / "baselines")
            return NotebookOutcome(result.notebook, (), result, comparison, tuple(verdicts))

        runs = run_notebooks(can_run, jobs=jobs, environment=environment(settings), progress=show.progress)
        with contextlib.closing(runs):
            for result in runs:
                outcome = outcomes[result.notebook.path] = judged(result)
                show.finished(result.notebook, f"{outcome.words}, {result.seconds.total:.1f} s", ok=outcome.ok)
                write_notebook_page(place.draft, outcome)
        ordered = [outcomes[notebook.path] for notebook in chosen]
        tour = Tour(ordered, in_words(settings), recorded, time.perf_counter() - began, versions())
        write_index(place.draft, tour, command)
        if junit:
            write_junit(junit, tour)
        return TourReport(tour, place.publish(), place.note)

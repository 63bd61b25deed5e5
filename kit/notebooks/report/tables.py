"""What the terminal shows: progress while notebooks run, and the tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from kit.notebooks.coverage import Mirror
from kit.notebooks.manifest import Manifest, Notebook, unmet_needs
from kit.notebooks.outputs.compare import Mismatch
from kit.notebooks.records import Tour, TourReport
from kit.pages.page import Block
from kit.reports.terminal import console
from kit.settings import Settings

DIFF_LINES = 24
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]"}


class Running:
    """Progress of notebooks that run: a bar each on a terminal, elsewhere one plain line for each that ends."""

    def __init__(self, notebooks: Iterable[Notebook], *, quiet: bool = False):
        self._console = console()
        self._quiet, self._lively = quiet, self._console.is_terminal and not quiet
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            console=self._console,
        )
        self._tasks = {n.path: self._bars.add_task(n.stem, total=1, status="waiting") for n in notebooks}

    def __enter__(self) -> Running:
        if self._lively:
            self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._lively:
            self._bars.stop()

    def progress(self, notebook: Notebook, done: int, total: int) -> None:
        """A cell of a notebook has ended; `done` of `total` have."""
        if self._lively:
            status = f"cell {min(done + 1, total)} of {total}" if done < total else "finishing"
            self._bars.update(self._tasks[notebook.path], completed=done, total=total, status=status)

    def finished(self, notebook: Notebook, words: str, *, ok: bool) -> None:
        """A notebook has ended, with a verdict in words."""
        if self._lively:
            self._bars.update(self._tasks[notebook.path], status=f"{MARKS[ok]} {escape(words)}")
        elif not self._quiet:
            self._console.print(f"{MARKS[ok]} {notebook.stem}: {escape(words)}")


def notebooks_table(manifest: Manifest, settings: Settings) -> Table:
    """A notebook a row: file, title, minutes, whether its needs are met."""
    table = Table("notebook", "title", "minutes", "needs met?", title="Notebooks", title_justify="left")
    for notebook in manifest.notebooks:
        unmet = "; ".join(unmet_needs(notebook, settings))
        met = f"no: {unmet}" if unmet else "yes"
        table.add_row(notebook.stem, escape(notebook.title), str(notebook.minutes), escape(met))
    return table


def coverage_table(page: str, blocks: Sequence[tuple[Block, list[Mirror]]]) -> Table:
    """A block of the page a row, with the cells that follow it."""
    table = Table(title=f"Page {page}", title_justify="left")
    for heading in ("block", "lines", "mirrored in"):
        table.add_column(heading, overflow="fold")
    for block, cells in blocks:
        by_notebook: dict[str, list[str]] = {}
        for cell in cells:
            by_notebook.setdefault(cell.notebook, []).append(str(cell.cell))
        places = "; ".join(f"{n}, cell {', '.join(numbers)}" for n, numbers in by_notebook.items())
        table.add_row(block.id, f"{block.lines[0]}-{block.lines[1]}", escape(places) or "[red]nowhere[/]")
    return table


def tour_tables(tour: Tour) -> list[Table]:
    """A notebook a row, and a score a row when there are any."""
    notebooks = Table(title=f"Tour on {escape(tour.backend)}", title_justify="left")
    notebooks.add_column("notebook", no_wrap=True)
    for heading in ("cells", "checked outputs", "kernel s", "imports s", "cells s"):
        notebooks.add_column(heading, justify="right")
    notebooks.add_column("verdict")
    for outcome in tour.outcomes:
        numbers = [""] * 5
        if outcome.result and outcome.comparison:
            seconds = outcome.result.seconds
            numbers = [str(len(outcome.result.ran)), str(outcome.comparison.outputs)]
            numbers += [f"{value:.1f}" for value in (seconds.kernel, seconds.imports, seconds.cells)]
        mark = MARKS[outcome.ok] if outcome.result else "-"
        notebooks.add_row(outcome.notebook.stem, *numbers, f"{mark} {escape(outcome.words)}")
    if not tour.scores:
        return [notebooks]
    scores = Table(title="Scores against the baseline", title_justify="left")
    for heading in ("score", "expected", "actual", "tolerance", "verdict"):
        scores.add_column(heading, justify="left" if heading in ("score", "verdict") else "right")
    for row in tour.scores:
        numbers = ["-" if value is None else f"{value:.4f}" for value in (row.expected, row.actual, row.tolerance)]
        scores.add_row(escape(row.measure), *numbers, f"{MARKS[row.ok]} {row.verdict}")
    scores.caption, scores.caption_justify = escape(", ".join({row.name: 0 for row in tour.scores})), "left"
    return [notebooks, scores]


def skipped(tour: Tour) -> list[str]:
    """What cells left out on this backend, a line each."""
    return [f"{o.notebook.stem}, cell {cell}: {words}" for o in tour.outcomes for cell, words in o.skipped]


def failures(tour: Tour) -> list[str]:
    """What went wrong, a paragraph each: the error or the difference of each notebook, then the scores."""
    found = []
    for outcome in tour.outcomes:
        if outcome.result and outcome.result.error:
            last_lines = "\n".join(outcome.result.error.traceback.splitlines()[-DIFF_LINES:])
            found.append(f"{outcome.notebook.file}: {outcome.result.error.summary}\n{last_lines}".rstrip())
        for mismatch in outcome.comparison.mismatches if outcome.comparison else ():
            found.append(difference(outcome.notebook, mismatch))
    wrong: dict[str, list[str]] = {}
    for score in tour.scores:
        if not score.ok:
            wrong.setdefault(score.advice, []).append(str(replace(score, advice="")))
    return found + ["\n".join([*lines, advice]).rstrip() for advice, lines in wrong.items()]


def difference(notebook: Notebook, mismatch: Mismatch) -> str:
    """What differs in a cell, as the beginning of a unified diff."""
    lines = mismatch.diff.splitlines()
    more = [f"… {len(lines) - DIFF_LINES} lines more"] if len(lines) > DIFF_LINES else []
    head = f"{notebook.file}, cell {mismatch.cell}, {mismatch.key}: stored (-) and fresh (+)"
    return "\n".join([head, *lines[:DIFF_LINES], *more])


def print_report(report: TourReport) -> None:
    """The tables, what went wrong, the verdict line, and where the report lies."""
    screen = console()
    for table in tour_tables(report.tour):
        screen.print(table)
    for line in skipped(report.tour):
        screen.print(line, markup=False)
    for paragraph in failures(report.tour):
        screen.print(paragraph, markup=False)
        screen.print()
    screen.print(f"{MARKS[report.tour.ok]} {escape(report.tour.summary)}")
    if report.note:
        screen.print(report.note, markup=False)
    screen.print(f"Report: {report.index}", markup=False)


def report_json(report: TourReport) -> str:
    """The tour as JSON: ok, backend, seconds, notebooks, scores, report."""
    tour = report.tour
    notebooks = [
        {
            "file": outcome.notebook.file,
            "verdict": outcome.verdict,
            "words": outcome.words,
            "unmet": outcome.unmet,
            "skipped": [{"cell": cell, "words": words} for cell, words in outcome.skipped],
            "cells": len(outcome.result.ran) if outcome.result else 0,
            "checked_outputs": outcome.comparison.outputs if outcome.comparison else 0,
            "seconds": vars(outcome.result.seconds) if outcome.result else None,
            "mismatches": [vars(mismatch) for mismatch in outcome.comparison.mismatches] if outcome.comparison else [],
        }
        for outcome in tour.outcomes
    ]
    content = {"ok": tour.ok, "backend": tour.backend, "seconds": round(tour.seconds, 3), "versions": tour.versions}
    content |= {"notebooks": notebooks, "scores": [vars(score) for score in tour.scores]}
    return json.dumps(content | {"report": str(report.index), "note": report.note}, indent=2, ensure_ascii=False)

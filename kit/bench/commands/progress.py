"""A run in the terminal: progress while it goes on, a line a condition, and the leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from kit.bench.records import ConditionResult, Mean, Results
from kit.bench.report.summary import no_hit_sentences, unread_sentences
from kit.bench.run.run import Watcher
from kit.reports.terminal import console

PARTS = (
    "retriever",
    "embeddings",
    "chunker",
    "index",
    "churn",
    "engine",
)  # of a condition; the table shows those that differ
USUAL = {"churn": "–"}


class Show(Watcher):
    """Progress and lines on stderr, the leaderboard on stdout."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=self._console, transient=True,
        )  # fmt: skip

    def __enter__(self) -> Show:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, step: str, size: int | None) -> Callable[[int], None]:
        """One bar, for the step that goes on now."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        task = self._progress.add_task(escape(step), total=size)
        return lambda done: self._progress.advance(task, done)

    def row(self, row: ConditionResult, number: int, of: int, before: bool = False) -> None:
        """A line a condition."""
        said = row.reason if row.status != "measured" else _first_score(row)
        status = "" if row.status == "measured" else f"{row.status}: "
        earlier = " (measured by an earlier run)" if before else ""
        self._console.print(f"[{number}/{of}] {row.id}: {status}{said}{earlier}", markup=False, soft_wrap=True)

    def leaderboard(self, results: Results, folder: Path) -> None:
        """All measured conditions, the best first by the first measure, then the others with their reasons."""
        first = results.measures[0]
        dataset = results.dataset
        split = f" {dataset.split}" if dataset.split else ""
        measured = [row for row in results.rows if row.status == "measured"]
        parts = [part for part in PARTS if len({getattr(row.condition, part) for row in measured}) > 1] or ["retriever"]
        table = Table(
            title=f"{dataset.name}{split}: means over {dataset.judged} judged of {dataset.queries} queries, "
            f"{dataset.documents:,} documents, k {results.k}",
            title_justify="left",
        )
        for part in parts:
            table.add_column(part, overflow="fold", min_width=6)
        shown = results.measures[:3]
        unread = any(row.unread and row.unread.tokens for row in measured)
        for name in [*shown, *(["never read"] if unread else []), "wait p50 ms", "search p50 ms", "queries/s"]:
            table.add_column(name, justify="right")
        for row in sorted(measured, key=lambda row: -(row.scores[first].value or 0)):
            cost = (row.cost.wait_p50_ms, row.cost.search_p50_ms, row.cost.search_queries_per_second)
            cells = [_cell(row.scores.get(name)) for name in shown]
            if unread:
                cells.append(f"{row.unread.tokens / row.unread.of_tokens:.0%}" if row.unread else "–")
            cells += ["–" if value is None else f"{value:,.1f}" for value in cost]
            table.add_row(*(str(getattr(row.condition, part) or USUAL.get(part, "default")) for part in parts), *cells)
        screen = console()
        screen.print(table)
        for row in results.rows:
            if row.status != "measured":
                screen.print(f"{row.id}: {row.status}: {row.reason}", markup=False, soft_wrap=True)
        for sentence in (*no_hit_sentences(results), *unread_sentences(results)):
            screen.print(sentence, markup=False, soft_wrap=True)
        for note in dataset.notes:
            screen.print(f"Note: {note}.", markup=False, soft_wrap=True)
        screen.print(
            f"{folder / 'results.json'} holds all of it; kit bench report {folder}", markup=False, soft_wrap=True
        )


def _first_score(row: ConditionResult) -> str:
    name, mean = next(iter(row.scores.items()))
    return f"{name} {_cell(mean)} over {mean.over} of {mean.of} queries"


def _cell(mean: Mean | None) -> str:
    return "not measured" if mean is None or mean.value is None else f"{mean.value:.4f}"

"""Several collections side by side: conditions down, collections across, each collection tested by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kit.bench.out_folder import OutFolder
from kit.bench.records import Results
from kit.bench.report.leaderboard import Leaderboard, Place, rank_conditions
from kit.bench.report.summary import summary_sentences
from kit.errors import KitError
from kit.files.write import write_whole
from kit.reports.html import render


@dataclass(frozen=True)
class Column:
    """A collection: its run's folder and results, and its leaderboard."""

    name: str
    out: OutFolder
    results: Results
    ranked: Leaderboard

    def place(self, condition_id: str) -> Place | None:
        """Where a condition stands on this collection; None where it was not measured."""
        return next((place for place in self.ranked.places if place.row.id == condition_id), None)

    def leads(self, place: Place) -> bool:
        """Whether a row is the best one, or not significantly below it."""
        first = self.ranked.places[0]
        if place is first:
            return True
        if not self.ranked.tested(first.place, place.place):
            return False
        return self.ranked.against(place.place, first.place).verdict != "worse"


class Line(NamedTuple):
    """A condition with its place on each collection; `leads`: on how many of `measured` collections."""

    condition_id: str
    places: tuple[Place | None, ...]
    leads: int
    measured: int


@dataclass(frozen=True)
class Across:
    """Conditions and collections; means are never averaged over collections, whose questions have nothing in common."""

    measure: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def side_by_side(folders: Sequence[Path], measure: str | None = None, baseline: str | None = None) -> Across:
    """The runs of several folders, one a collection; lines with most leads first.

    Each collection has its own tests and its own correction. KitError: two folders of one collection, no measure in
    common.
    """
    opened = [(OutFolder(folder), OutFolder(folder).read()) for folder in folders]
    measure = measure or next((name for name in opened[0][1].measures
                               if all(name in results.measures for _, results in opened)), None)  # fmt: skip
    if measure is None:
        raise KitError("The runs have no measure in common", wanted="runs with the same --measures")
    columns: list[Column] = []
    for out, results in opened:
        name = " ".join(filter(None, (results.dataset.name, results.dataset.split)))
        if twin := next((column for column in columns if column.name == name), None):
            raise KitError(f"{twin.out.path} and {out.path} are both on {name}", wanted="one folder a collection",
                           mend="Two runs on one collection are for `kit bench compare`.")  # fmt: skip
        columns.append(Column(name, out, results, rank_conditions(out, results, measure, baseline)))
    ids = dict.fromkeys(place.row.id for column in columns for place in column.ranked.places)
    lines = [_line(condition_id, columns) for condition_id in ids]
    return Across(measure, tuple(columns), tuple(sorted(lines, key=lambda line: (-line.leads, line.condition_id))))


def write_across(across: Across, html: Path) -> Path:
    """Write the page of several collections to a file, and return its path."""
    page = render(
        Path(__file__).with_name("across.html"),
        across=across,
        short=[(column, summary_sentences(column.results, column.ranked)) for column in across.columns],
    )
    write_whole(html, page)
    return html


def _line(condition_id: str, columns: Sequence[Column]) -> Line:
    places = tuple(column.place(condition_id) for column in columns)
    leads = sum(bool(place and column.leads(place)) for column, place in zip(columns, places, strict=True))
    return Line(condition_id, places, leads, sum(place is not None for place in places))

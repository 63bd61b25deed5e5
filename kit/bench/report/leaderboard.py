"""A run's rows in order, with intervals, and every pair of them tested: what a leaderboard says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from kit.bench.measures.stats import Difference, intervals, paired_tests
from kit.bench.out_folder import OutFolder
from kit.bench.records import ConditionResult, Mean, Results
from kit.bench.report.compare import scores_table
from kit.errors import KitError, nearest


@dataclass(frozen=True)
class Place:
    """A measured row and its place: 1 is the highest mean. `beats` are the places that it is significantly above."""

    place: int
    row: ConditionResult
    table: pd.DataFrame  # per query: category, hits, relevant and the measures
    mean: Mean
    low: float
    high: float
    beats: tuple[int, ...] = ()


@dataclass(frozen=True)
class Leaderboard:
    """The places on one measure; `pairs` holds, for two places, the lower one against the higher one.

    With a `baseline`, a place, each other row was tested against that one alone, and p is corrected for those tests.
    """

    measure: str
    places: tuple[Place, ...]
    pairs: dict[tuple[int, int], Difference]
    baseline: int | None = None

    def tested(self, place: int, other: int) -> bool:
        """Whether the two were held against each other."""
        return (place, other) in self.pairs or (other, place) in self.pairs

    def against(self, place: int, other: int) -> Difference:
        """Row `place` against row `other`: a positive delta says that `place` is higher."""
        if (other, place) in self.pairs:
            return self.pairs[other, place]
        d = self.pairs[place, other]
        wins, losses = d.losses, d.wins
        sides = d._replace(a=d.b, b=d.a, mean_a=d.mean_b, mean_b=d.mean_a)
        return sides._replace(low=-d.high, high=-d.low, wins=wins, losses=losses)


def rank_conditions(
    out: OutFolder, results: Results, measure: str | None = None, baseline: str | None = None
) -> Leaderboard:
    """The measured rows by their mean, from high to low, each pair tested on the queries that both scored.

    p is corrected over all pairs; with a baseline (a condition's id, or a part that only its id has) each row is
    tested against that one, and p corrected over these. KitError when no row has the measure, or none is the baseline.
    """
    rows = [row for row in results.rows if row.status == "measured"]
    measure = main_measure(results, rows, measure)
    rows = [row for row in rows if measure in row.scores and row.scores[measure].value is not None]
    rows.sort(key=lambda row: (-(row.scores[measure].value or 0.0), row.id))
    tables = [scores_table(out, row.id) for row in rows]
    columns = [table[measure].dropna() for table in tables]
    bounds = [intervals(column.to_numpy()[:, None], results.seed)[:, 0] for column in columns]
    pairs = {}
    base = None if baseline is None else rows.index(_row_named(baseline, rows))
    asked = [(a, b) for b in range(len(rows)) for a in range(b) if base in (None, a, b)]
    if asked:
        given = [_pair(rows[a].id, rows[b].id, measure, columns[a], columns[b]) for a, b in asked]
        differences = paired_tests(given, results.seed)
        pairs = {(a + 1, b + 1): d for (a, b), d in zip(asked, differences, strict=True)}
    places = []
    for number, (row, table, (low, high)) in enumerate(zip(rows, tables, bounds, strict=True), start=1):
        below = range(number + 1, len(rows) + 1)
        beats = tuple(o for o in below if (number, o) in pairs and pairs[number, o].verdict == "worse")
        places.append(Place(number, row, table, row.scores[measure], float(low), float(high), beats))
    return Leaderboard(measure, tuple(places), pairs, None if base is None else base + 1)


def _row_named(baseline: str, rows: Sequence[ConditionResult]) -> ConditionResult:
    named = [row for row in rows if row.id == baseline] or [row for row in rows if baseline in row.id]
    if len(named) != 1:
        ids = [row.id for row in rows]
        there = f"{len(named)} conditions have it" if named else "no measured condition has it"
        raise KitError(f'The baseline "{baseline}" should name one condition; {there}.{nearest(baseline, ids)}',
                       wanted=f"one of {', '.join(ids)}")  # fmt: skip
    return named[0]


def main_measure(results: Results, rows: Sequence[ConditionResult], wanted: str | None) -> str:
    """The measure that orders the leaderboard: as wanted, else the run's first one that a row has a mean of."""
    there = list(dict.fromkeys(name for row in rows for name, mean in row.scores.items() if mean.value is not None))
    if not there:
        raise KitError("No row of this run was measured: there is nothing to report.")
    if wanted is None:
        return next((name for name in results.measures if name in there), there[0])
    if wanted not in there:
        raise KitError(
            f'"{wanted}" was not measured in this run.{nearest(wanted, there)} There is: {", ".join(there)}.'
        )
    return wanted


def by_category(board: Leaderboard) -> pd.DataFrame:
    """Means by category: index (category, queries), one column a place; queries without a category are `none`."""
    categories = board.places[0].table["category"]
    rows = {}
    for category in sorted(categories.unique()):
        of_category = [p.table.loc[p.table["category"] == category, board.measure].dropna() for p in board.places]
        if len(of_category[0]):
            rows[category or "none", len(of_category[0])] = [column.mean() for column in of_category]
    index = pd.MultiIndex.from_tuples(rows, names=["category", "queries"])
    return pd.DataFrame(list(rows.values()), index=index, columns=[place.place for place in board.places])


class KindRow(NamedTuple):
    """A kind of question: how many there are, each place's mean over them, and which place wins it, where one does."""

    kind: str
    questions: int
    means: tuple[float, ...]
    winner: int | None  # significantly better than the other of the first two places


def kind_rows(board: Leaderboard, groups: Mapping[str, Sequence[str]], seed: int) -> list[KindRow]:
    """Means by kind of question; the first two places are tested on each kind, p corrected over the kinds."""
    columns = [place.table[board.measure].dropna() for place in board.places]
    kept = {kind: [q for q in ids if all(q in column.index for column in columns)] for kind, ids in groups.items()}
    kept = {kind: ids for kind, ids in kept.items() if len(ids) >= 2}
    winners: dict[str, int | None] = dict.fromkeys(kept)
    if len(columns) > 1 and kept:
        asked = [("1", "2", kind, columns[0][ids].to_numpy(), columns[1][ids].to_numpy()) for kind, ids in kept.items()]
        for difference in paired_tests(asked, seed):
            winners[difference.measure] = {"better": 2, "worse": 1}.get(difference.verdict)
    return [
        KindRow(kind, len(ids), tuple(float(column[ids].mean()) for column in columns), winners[kind])
        for kind, ids in kept.items()
    ]


def unanswered(board: Leaderboard) -> list[str]:
    """The judged queries on which every row scores 0."""
    table = pd.concat([place.table[board.measure] for place in board.places], axis=1).dropna()
    return list(table.index[(table == 0).all(axis=1)])


def _pair(
    a: str, b: str, measure: str, one: pd.Series, other: pd.Series
) -> tuple[str, str, str, np.ndarray, np.ndarray]:
    both = pd.concat([one, other], axis=1, join="inner")
    if both.empty:
        raise KitError(f"{a} and {b} have no query in common that both scored; their scores cannot be compared.")
    return a, b, measure, both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()

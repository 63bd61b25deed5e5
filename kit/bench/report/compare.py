"""Two results side by side, query by query, with what got worse first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kit.bench.collections.contents import Changes, contents_of
from kit.bench.collections.contents import changes as changes_between
from kit.bench.measures.stats import Difference, paired_tests
from kit.bench.out_folder import OutFolder
from kit.bench.records import ConditionResult, Results
from kit.errors import KitError, nearest

SEPARATOR = "::"
KNOWN = ("query_id", "category", "hits", "relevant")  # columns of a scores file that are no measures
_ORDER = {"worse": 0, "not significant": 1, "equal on every query": 2, "better": 3}


@dataclass(frozen=True)
class Side:
    """One side of a comparison: an --out folder, and the rows that count."""

    name: str
    out: OutFolder
    results: Results
    rows: tuple[ConditionResult, ...]


class Change(NamedTuple):
    """How a condition changed from A to B; where two different ones were compared, `condition` names both."""

    condition: str
    difference: Difference


class ResultsComparison(NamedTuple):
    """The changes, what got worse first; in words, what stands on one side alone and what was left out.

    `collection` says how the two sides' texts and judgments differ, where they do; `answers` whether that helped.
    """

    changes: list[Change]
    unpaired: list[str]
    notes: list[str]
    collection: Changes | None = None
    answers: tuple[str, ...] = ()


def open_side(name: str) -> Side:
    """`OUT`, all rows of a folder; or `OUT::CONDITION`, one row, by its id or a part that only its id has."""
    folder, _, wanted = name.partition(SEPARATOR)
    out = OutFolder(Path(folder))
    results = out.read()
    if not wanted:
        return Side(name, out, results, results.rows)
    rows = [row for row in results.rows if row.id == wanted]
    rows = rows or [row for row in results.rows if wanted in row.id]
    if len(rows) != 1:
        ids = [row.id for row in results.rows]
        found = f"{len(rows)} conditions have it: {', '.join(row.id for row in rows)}" if rows else "none has it"
        raise KitError(f'"{wanted}" should name one condition of {folder}; {found}.{nearest(wanted, ids)}')
    return Side(name, out, results, tuple(rows))


def compare_results(a: Side, b: Side, measures: Sequence[str] = (), seed: int | None = None) -> ResultsComparison:
    """B against A: conditions of the same id, or one condition against one other.

    A difference is over the queries that both scored; p is corrected over all differences that are returned. Where
    texts or judgments changed between the sides, the queries that have the same words on both count.
    Raises KitError when the sides have no query in common, or no condition.
    """
    changed = _collection_change(a, b)
    pairs, unpaired = _paired(a, b)
    labels, asked, notes = [], [], list(_depths(a, b, pairs))
    for row_a, row_b in pairs:
        label = row_a.id if row_a.id == row_b.id else f"{row_a.id} -> {row_b.id}"
        table_a, table_b = scores_table(a.out, row_a.id), scores_table(b.out, row_b.id)
        for measure in measures or shared_measures(table_a, table_b):
            if measure not in table_a or measure not in table_b:
                there = ", ".join(shared_measures(table_a, table_b))
                raise KitError(f"{measure} was not measured for {label} on both sides. There is: {there}.")
            both = pd.concat([table_a[measure], table_b[measure]], axis=1, join="inner").dropna()
            if changed:
                both = both[both.index.isin(changed.questions_alike)]
            scored = max(table_a[measure].count(), table_b[measure].count())
            if len(both) < scored and not changed:
                notes.append(f"{label} {measure}: over the {len(both)} of {scored} queries that both scored.")
            if len(both):
                labels.append(label)
                asked.append((a.name, b.name, measure, *both.to_numpy(dtype=float).T))
    if not asked:
        raise KitError(" ".join([f"{a.name} and {b.name} have no measured condition in common.", *unpaired]))
    differences = paired_tests(asked, a.results.seed if seed is None else seed)
    changes = [Change(*pair) for pair in zip(labels, differences, strict=True)]
    ordered = sorted(changes, key=_worst_first)
    if not changed:
        return ResultsComparison(ordered, unpaired, notes)
    first = changes[0].difference.measure
    answers = tuple(f"{change.condition}, {first}: {change.difference.words}." for change in ordered
                    if change.difference.measure == first)  # fmt: skip
    return ResultsComparison(ordered, unpaired, notes, changed, answers)


def _depths(a: Side, b: Side, pairs: Sequence[tuple[ConditionResult, ConditionResult]]) -> Iterator[str]:
    """Whether the sides looked to another depth: measures without a cutoff, and fused or diverse orders, hang on it."""
    if a.results.k != b.results.k:
        yield f"k differs: {a.results.k} hits a query in A, {b.results.k} in B; measures without a cutoff hang on it."
    for row_a, row_b in pairs:
        one, other = (row.settings.get("fetch", "") for row in (row_a, row_b))
        if one and other and one != other:
            yield f"{row_a.id}: fetch differs: {one} in A, {other} in B, which changes the order of its hits."


def _collection_change(a: Side, b: Side) -> Changes | None:
    """How the sides' collections differ; None where they do not."""
    one, other = a.results.dataset, b.results.dataset
    if one.fingerprint == other.fingerprint:
        return None
    changed = changes_between(contents_of(a.out), contents_of(b.out))
    if not changed.questions_alike:
        raise KitError(
            f"{a.name} was measured on {one.name} ({one.fingerprint[:12]}), {b.name} on {other.name} "
            f"({other.fingerprint[:12]}): scores of different collections cannot be compared query by query, and no "
            "question is in both."
        )
    return changed


def shared_measures(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """The measures that two tables of scores both have."""
    return [name for name in a.columns if name not in KNOWN and name in b.columns]


def scores_table(out: OutFolder, condition_id: str) -> pd.DataFrame:
    """The per-query scores of a condition: index query_id, columns category, hits, relevant and the measures.

    A query that was not judged has no number there (NaN).
    """
    path = out.scores(condition_id)
    if not path.is_file():
        raise KitError(f"{path} is not there, though {out.results} lists the condition. Run the grid again.")
    table = pd.read_csv(path, dtype={"query_id": str, "category": str}, keep_default_na=False, na_values={})
    missing = [name for name in KNOWN if name not in table.columns]
    if missing:
        raise KitError(f"{path} has no column {missing[0]}; found {', '.join(table.columns)}.")
    table = table.set_index("query_id")
    if table.index.has_duplicates:
        raise KitError(f"{path} has the query {table.index[table.index.duplicated()][0]} twice.")
    for measure in table.columns[len(KNOWN) - 1 :]:
        try:
            table[measure] = pd.to_numeric(table[measure].replace("", np.nan))
        except ValueError as error:
            raise KitError(f"{path}: {measure} holds what is no number: {error}.") from None
    return table


def _paired(a: Side, b: Side) -> tuple[list[tuple[ConditionResult, ConditionResult]], list[str]]:
    """The rows to compare, and in words those that are measured on one side alone."""
    if len(a.rows) == len(b.rows) == 1 and all(row.status == "measured" for row in (*a.rows, *b.rows)):
        return [(a.rows[0], b.rows[0])], []
    of_a, of_b = ({row.id: row for row in side.rows} for side in (a, b))
    pairs, unpaired = [], []
    for condition_id in dict.fromkeys([*of_a, *of_b]):
        row_a, row_b = of_a.get(condition_id), of_b.get(condition_id)
        if row_a and row_b and row_a.status == row_b.status == "measured":
            pairs.append((row_a, row_b))
        else:
            unpaired.append(f"{condition_id}: {_state(row_a)} in {a.name}, {_state(row_b)} in {b.name}.")
    return pairs, unpaired


def _state(row: ConditionResult | None) -> str:
    if row is None:
        return "not run"
    return row.status + (f" ({row.reason})" if row.reason else "")


def _worst_first(change: Change) -> tuple[int, float]:
    return _ORDER[change.difference.verdict], change.difference.delta

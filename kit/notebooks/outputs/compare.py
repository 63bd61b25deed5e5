"""Stored against fresh outputs, by the rules of `pytest --nbval`; stderr is left out and reported instead."""

from __future__ import annotations

import copy
import difflib
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from kit.notebooks.files import text_of
from kit.notebooks.live.expected import ERROR_MIME
from kit.notebooks.outputs.made_anew import steady
from kit.notebooks.outputs.nbval_rules import SKIPPED_KEYS, Patterns, flattened, markers
from kit.notebooks.run import NotebookResult

ABSENT = "(no such output)"


@dataclass(frozen=True)
class Mismatch:
    """A stored output that a run did not give again: cell (from 1), MIME type or stream, both texts, sanitised."""

    cell: int
    key: str
    stored: str
    fresh: str

    @property
    def diff(self) -> str:
        """The unified diff from stored to fresh, without its file header."""
        lines = difflib.unified_diff(self.stored.splitlines(), self.fresh.splitlines(), lineterm="", n=2)
        return "\n".join(list(lines)[2:])


@dataclass(frozen=True)
class NotebookComparison:
    """What was compared: the cells (indices from 0), how many outputs they store, what differs.

    `only_tagged` says that the run was on another backend than the recorded one, so that only cells tagged
    nbval-check-output were compared, as nbval-lax does.
    """

    cells: tuple[int, ...]
    outputs: int
    mismatches: tuple[Mismatch, ...]
    only_tagged: bool


def compare(result: NotebookResult, patterns: Patterns = (), *, only_tagged: bool = False) -> NotebookComparison:
    """Compare the outputs of the cells that ran with the stored ones.

    A cell is compared unless nbval's markers say otherwise or it was never run when it was stored; with `only_tagged`
    only if it is marked to be checked, and then the words of an expected error, which belong to the engine, are left
    out: its class is compared. Ids that are made anew in every run are no difference.
    """
    cells, outputs, mismatches = [], 0, []
    failed = {error.cell for error in result.errors}
    for index in sorted(result.ran):
        stored, fresh = result.stored.cells[index], result.executed.cells[index]
        if index + 1 in failed:
            continue  # the error is the finding
        if stored.execution_count is None and stored.outputs:
            mismatches.append(Mismatch(index + 1, "execution_count", "outputs of a cell that never ran", ""))
        if stored.execution_count is None or not _is_compared(stored, only_tagged):
            continue
        cells.append(index)
        outputs += len(stored.outputs)
        mismatches += compare_cells(index + 1, stored, fresh, patterns, engines_words=not only_tagged)
    return NotebookComparison(tuple(cells), outputs, tuple(mismatches), only_tagged)


def compare_cells(
    number: int, stored: NotebookNode, fresh: NotebookNode, patterns: Patterns, *, engines_words: bool = True
) -> list[Mismatch]:
    """What differs between the outputs of two versions of a cell, which is called `number`.

    Without `engines_words` only the class of an expected error is compared.
    """
    before, after = _values(stored, patterns, engines_words), _values(fresh, patterns, engines_words)
    mismatches = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) == after.get(key):
            continue
        old, new = before.get(key, []), after.get(key, [])
        for position in range(max(len(old), len(new))):
            pair = [text_of(side[position]) if position < len(side) else ABSENT for side in (old, new)]
            if pair[0] != pair[1]:
                mismatches.append(Mismatch(number, key, *pair))
    return mismatches


def _is_compared(cell: NotebookNode, only_tagged: bool) -> bool:
    check = markers(cell).check
    return not only_tagged if check is None else check


def _values(cell: NotebookNode, patterns: Patterns, engines_words: bool) -> dict[str, list[object]]:
    """The values of each key over all outputs of a cell, as nbval flattens them: MIME types, streams, error names."""
    values: dict[str, list[object]] = {}
    for output in flattened(steady(copy.deepcopy(cell.outputs))):
        data = output.get("data", {})
        if ERROR_MIME in data and not engines_words:
            data = {ERROR_MIME: data[ERROR_MIME]["type"]}
        for key, value in {**output, **data}.items():
            if key not in ("data", *SKIPPED_KEYS) and (engines_words or key != "evalue"):
                values.setdefault(key, []).append(_sanitised(value, patterns))
    return values


def _sanitised(value: object, patterns: Patterns) -> object:
    if isinstance(value, str):
        for pattern, replacement in patterns:
            value = re.sub(pattern, replacement, value)
    return value

"""Stored against fresh outputs, by the rules of `pytest --nbval`; stderr is left out and reported instead."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbval.plugin import (
    coalesce_streams,
    find_comment_markers,
    find_metadata_tags,
    get_sanitize_patterns,
    transform_streams_for_comparison,
)

from kit.errors import KitError
from kit.notebooks.files import text_of
from kit.notebooks.run import NotebookResult

# What nbval never compares (IPyNbFile.skip_compare), and stderr, which notebooks/conftest.py adds to it.
SKIPPED_KEYS = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
    "image/png",
    "image/jpeg",
    "stderr",
)
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
class Comparison:
    """What was compared: the cells (indices from 0), how many outputs they store, what differs.

    `only_tagged` says that the run was on another backend than the recorded one, so that only cells tagged
    nbval-check-output were compared, as nbval-lax does.
    """

    cells: tuple[int, ...]
    outputs: int
    mismatches: tuple[Mismatch, ...]
    only_tagged: bool


Patterns = Sequence[tuple[str, str]]


def load_patterns(path: Path) -> Patterns:
    """The (regex, replacement) pairs of a sanitize file as nbval reads them; a file that is not there has none."""
    if not path.is_file():
        return []
    pairs = list(dict(get_sanitize_patterns(path.read_text(encoding="utf-8"))).items())
    for pattern, _ in pairs:
        try:
            re.compile(pattern)
        except re.error as error:
            raise KitError(f"{path}: regex {pattern!r} is wrong: {error}.") from None
    return pairs


def compare(result: NotebookResult, patterns: Patterns = (), *, only_tagged: bool = False) -> Comparison:
    """Compare the outputs of the cells that ran with the stored ones.

    A cell is compared unless it is tagged nbval-ignore-output or was never run when it was stored; with
    `only_tagged` only if it is tagged nbval-check-output, and then the words of an expected error, which belong to
    the engine, are left out: its class is compared.
    """
    cells, outputs, mismatches = [], 0, []
    for index in sorted(result.ran):
        stored, fresh = result.stored.cells[index], result.executed.cells[index]
        if result.error and result.error.cell == index + 1:
            continue  # the error is the finding
        if not _is_compared(stored, only_tagged):
            continue
        if stored.execution_count is None:
            if stored.outputs:
                mismatches.append(Mismatch(index + 1, "execution_count", "outputs of a cell that never ran", ""))
            continue
        cells.append(index)
        outputs += len(stored.outputs)
        found = compare_cells(index + 1, stored, fresh, patterns)
        mismatches += [mismatch for mismatch in found if not only_tagged or mismatch.key != "evalue"]
    return Comparison(tuple(cells), outputs, tuple(mismatches), only_tagged)


def compare_cells(number: int, stored: NotebookNode, fresh: NotebookNode, patterns: Patterns) -> list[Mismatch]:
    """What differs between the outputs of two versions of a cell, which is called `number`."""
    before, after = _values(stored, patterns), _values(fresh, patterns)
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
    options = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
    return options.get("check", not only_tagged)


def _values(cell: NotebookNode, patterns: Patterns) -> dict[str, list]:
    """The values of each key over all outputs of a cell, as nbval flattens them: MIME types, streams, error names."""
    values: dict[str, list] = {}
    for output in transform_streams_for_comparison(coalesce_streams(copy.deepcopy(cell.outputs))):
        for key, value in {**output, **output.get("data", {})}.items():
            if key != "data" and key not in SKIPPED_KEYS:
                values.setdefault(key, []).append(_sanitised(value, patterns))
    return values


def _sanitised(value: object, patterns: Patterns) -> object:
    if isinstance(value, str):
        for pattern, replacement in patterns:
            value = re.sub(pattern, replacement, value)
    return value

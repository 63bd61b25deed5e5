"""A page over several sets of requirements: a column a set, a line a block, and the set in which a block turned."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

from kit.docs.records import BlockOutcome, Replay, Verdict
from kit.docs.run.environments import read_set
from kit.errors import KitError
from kit.pages.page import Block

if TYPE_CHECKING:
    from rich.table import Table

BYTES_EACH = 2_000_000_000  # what a replay takes: a kernel with LangChain and Milvus Lite, the embeddings, uv's build
TOLD = ("langchain-milvus", "pymilvus", "milvus-lite", "langchain-core")


class Column(NamedTuple):
    """A set of requirements and its replay, or why there is none."""

    requirements: str
    replay: Replay | None
    problem: str = ""

    def cell(self, block: Block) -> str:
        """What became of a block: its verdict, the second run's when that differs, and what else fails, by kind."""
        if self.replay is None:
            return ""
        verdicts = [v for v in self.replay.verdicts if v.block_id == block.id]
        outcomes = [o for run in self.replay.passes for o in run.outcomes if o.block_id == block.id]
        words = list(dict.fromkeys(map(_verdict, verdicts, outcomes)))
        kinds = (effect.kind for verdict in verdicts for effect in verdict.effects if effect.fails)
        return ", ".join([" then ".join(words), *dict.fromkeys(kinds)]).strip(", ")


class Turn(NamedTuple):
    """The set in which a block's cell is another than in the set before it that ran."""

    requirements: str
    before: str
    after: str


class Line(NamedTuple):
    """A block, its cell in each column, and where it turned, in the order of the sets."""

    block: Block
    cells: tuple[str, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Matrix:
    """The columns in the order they were asked for, and a line for each block that ran in one of them."""

    page: str
    columns: tuple[Column, ...]

    @property
    def lines(self) -> list[Line]:
        """The lines, in the order of the page."""
        blocks = next((column.replay.blocks for column in self.columns if column.replay), ())
        lines = [Line(block, tuple(c.cell(block) for c in self.columns), self._turns(block)) for block in blocks]
        return [line for line in lines if any(line.cells)]

    @property
    def ran(self) -> bool:
        """Whether at least one column ran."""
        return any(column.replay for column in self.columns)

    def to_json(self) -> str:
        """The matrix as JSON: sets with their releases or their problem, and the lines."""
        sets = [
            {"set": c.requirements, "problem": c.problem, "versions": dict(c.replay.versions) if c.replay else {}}
            for c in self.columns
        ]
        lines = [
            {"block": line.block.id, "cells": line.cells, "turned": [turn._asdict() for turn in line.turns]}
            for line in self.lines
        ]
        return json.dumps({"page": self.page, "sets": sets, "lines": lines}, ensure_ascii=False, indent=1)

    def _turns(self, block: Block) -> tuple[Turn, ...]:
        ran = [(column.requirements, column.cell(block)) for column in self.columns if column.replay]
        return tuple(Turn(name, before, after) for (_, before), (name, after) in pairwise(ran) if before != after)


def matrix(page: str, sets: Sequence[str], replay: Callable[[str, str], Replay], *, at_once: int = 0) -> Matrix:
    """The page replayed with each set, in processes of their own; a set that cannot be had is a column that says why.

    `replay` takes the page's source and a set and can be sent to another process; `at_once` 0 lets memory decide.
    """
    if not sets:
        raise KitError("Wanted sets of requirements, one a --with: --with 'langchain-milvus==0.3.3' --with latest.")
    if double := next((one for one in sets if list(sets).count(one) > 1), None):
        raise KitError(f"The set {double!r} was given twice.")
    for one in sets:
        read_set(one)
    workers = min(at_once or _at_once(), len(sets))
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_column, replay, page, one) for one in sets]
        try:
            return Matrix(page, tuple(future.result() for future in futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def matrix_table(found: Matrix) -> Table:
    """The matrix for the terminal: what turned is marked, columns without a replay say why below."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{found.page}, over versions"), title_justify="left", header_style="bold")
    table.add_column("Block", overflow="fold")
    for column in found.columns:
        table.add_column(Text(column.requirements + _releases(column)), overflow="fold")
    table.add_column("Turned in", overflow="fold")
    for line in found.lines:
        turned = {turn.requirements for turn in line.turns}
        cells = [
            Text(cell, style="bold red" if column.requirements in turned else "")
            for column, cell in zip(found.columns, line.cells, strict=True)
        ]
        first = next((f"{t.requirements}: {t.before} → {t.after}" for t in line.turns), "")
        table.add_row(Text(line.block.id), *cells, Text(first))
    return table


def _verdict(verdict: Verdict, outcome: BlockOutcome) -> str:
    """`same`, or `raised ValueError`."""
    return f"raised {outcome.error.name}" if verdict.verdict == "raised" and outcome.error else verdict.verdict


def _releases(column: Column) -> str:
    if column.replay is None:
        return "\n(not run)"
    versions = column.replay.versions
    return "".join(f"\n{name} {versions[name]}" for name in TOLD if name in versions)


def _column(replay: Callable[[str, str], Replay], page: str, requirements: str) -> Column:
    """A set's column, from a process of its own: what one does to its process is not the others' news."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found = process.submit(replay, page, requirements).result()
    except KitError as error:
        return Column(requirements, None, str(error))
    except BrokenProcessPool:
        return Column(requirements, None, "its process was killed; with little memory try --at-once 1")
    return Column(requirements, None, found.problem) if found.problem else Column(requirements, found)


def _at_once() -> int:
    import psutil

    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().available // BYTES_EACH))

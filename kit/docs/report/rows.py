"""A replay, its claims and its ledger as one report: rows for every view, the terminal's table, JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.docs.claims.sentences import JudgedClaim
from kit.docs.ledger.ledger import Defect, Held, merge
from kit.docs.records import WRONG, BlockOutcome, Failure, Replay, Verdict, plain
from kit.docs.verdicts.effects import tell_changes
from kit.kernels.outputs import output_text
from kit.pages.page import Block

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLOURS = {"good": "green", "known": "yellow", "bad": "red", "quiet": "dim"}


class Run(NamedTuple):
    """A block in one pass: the verdict, the outcome, and what it did to the databases, in words."""

    verdict: Verdict
    outcome: BlockOutcome
    told: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """What the block printed and returned."""
        return self._text(lambda output: output["output_type"] != "error" and output.get("name") != "stderr")

    @property
    def stderr(self) -> str:
        """What it wrote to stderr: logs and warnings."""
        return self._text(lambda output: output.get("name") == "stderr")

    def _text(self, wanted: Callable[[Any], bool]) -> str:
        outputs = (output_text(output).rstrip("\n") for output in self.outcome.outputs if wanted(output))
        return "\n".join(text for text in outputs if text)


class BlockRow(NamedTuple):
    """A block beside what happened: its stored outputs, each pass, its claims, each failure with its defect or None."""

    block: Block
    stored: tuple[Block, ...]
    runs: tuple[Run, ...]
    claims: tuple[JudgedClaim, ...]
    failures: tuple[tuple[Failure, Defect | None], ...]

    @property
    def level(self) -> str:
        """`bad`: an unknown defect; `known`: known ones only; `good`: it holds; `quiet`: nothing was tried."""
        if self.failures:
            return "known" if all(defect for _, defect in self.failures) else "bad"
        return "good" if self.runs or self.claims else "quiet"


@dataclass(frozen=True)
class PageReport:
    """Everything that is known of a page after a run."""

    replay: Replay
    held: Held
    judged: tuple[JudgedClaim, ...] = ()
    engine: str = ""

    @property
    def ok(self) -> bool:
        """Whether the ledger excuses everything, and the page could be run at all."""
        return self.held.clean and not self.replay.problem

    @property
    def summary(self) -> str:
        """The run in a sentence."""
        if self.replay.problem:
            return f"The page was not run: {self.replay.problem}"
        counts = Counter(verdict.verdict for verdict in self.replay.passes[0].verdicts) if self.replay.passes else {}
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "nothing was run"
        parts = (
            (len(self.held.known), "known"),
            (len(self.held.unknown), "unknown"),
            (len(self.held.vanished), "gone"),
        )
        defects = ", ".join(f"{count} {kind}" for count, kind in parts if count or kind == "unknown")
        return f"{len(self.replay.blocks)} blocks; code: {told}; defects: {defects}."

    def rows(self) -> Iterator[BlockRow]:
        """A row for each block of the page, in order; a stored output stands in the row of its code."""
        known = dict(self.held.known)
        failures = merge([*known, *self.held.unknown])
        runs: dict[str, list[Run]] = {block.id: [] for block in self.replay.blocks}
        before = None  # what the first pass left is there when the second one begins
        for one in self.replay.passes:
            for outcome, verdict in zip(one.outcomes, one.verdicts, strict=True):
                state = outcome.state if outcome.state and outcome.state.databases else None
                runs[outcome.block_id].append(Run(verdict, outcome, tuple(tell_changes(before, state))))
                before = state or before
        for block, stored in _with_outputs(self.replay.blocks):
            ids = {block.id, *(output.id for output in stored)}
            yield BlockRow(
                block,
                stored,
                tuple(runs[block.id]),
                tuple(one for one in self.judged if one.claim.block in ids),
                tuple((failure, known.get(failure)) for failure in failures if failure.block_id in ids),
            )

    def to_json(self) -> str:
        """The report as JSON: the replay (`Replay.from_json` reads it back), the claims, the ledger's word on them."""
        return json.dumps(
            {
                "ok": self.ok,
                "summary": self.summary,
                "replay": json.loads(self.replay.to_json()),
                "claims": [plain(one) for one in self.judged],
                "ledger": {
                    "moved": list(map(plain, self.held.moved)),
                    "known": [{**plain(failure), "defect": plain(defect)} for failure, defect in self.held.known],
                    "unknown": [plain(failure) for failure in self.held.unknown],
                    "vanished": [plain(defect) for defect in self.held.vanished],
                },
            },
            ensure_ascii=False,
            indent=1,
        )


def print_report(report: PageReport, console: Console) -> None:
    """The table of a run, and below it everything that fails it."""
    console.print(report_table(report))
    console.print(f"\n{report.summary}", markup=False, highlight=False)
    replay = report.replay
    kept = [f"kept apart by {replay.protection}"] if replay.protection else []
    for note in (*kept, *replay.served, *replay.notes):
        console.print(f"note: {note}", style="dim", markup=False, highlight=False)
    for sentence in report.held.sentences:
        console.print(f"✗ {sentence}", style="red", markup=False, highlight=False)


def report_table(report: PageReport) -> Table:
    """One row a block that was run, or that says something a probe tried."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{report.replay.page}, replayed"), title_justify="left", header_style="bold")
    table.add_column("Block", overflow="fold", ratio=3)
    for number in range(1, max(1, len(report.replay.passes)) + 1):
        table.add_column("Verdict" if len(report.replay.passes) < 2 else f"Run {number}", ratio=1)
    table.add_column("What happened", overflow="fold", ratio=5)
    width = max(1, len(report.replay.passes))
    for row in report.rows():
        if not (row.runs or row.claims or row.failures):
            continue
        verdicts: list[str] = [run.verdict.verdict for run in row.runs] or [_claimed(row.claims)]
        cells = [Text(verdict, style=_colour(verdict, row)) for verdict in verdicts]
        cells += [Text("")] * (width - len(cells))
        table.add_row(Text(f"{row.block.id}\n{row.block.where}"), *cells, _told(row))
    return table


def _told(row: BlockRow) -> Any:
    from rich.text import Text

    told = Text()
    for failure, defect in row.failures:
        second = "second run: " if failure.run == 2 else ""
        told.append(f"{'known: ' if defect else ''}{second}{failure.kind}", style=COLOURS["known" if defect else "bad"])
        told.append(f": {failure.evidence}\n")
    if not row.failures:
        for run in row.runs:
            rules = f"({', '.join(run.verdict.rules)})" if run.verdict.rules else ""
            cause = run.verdict.cause
            why = f"({cause.kind}: {cause.what})" if cause and cause.kind != "varies" else ""
            model = f"(model: {run.verdict.stand_in})" if run.verdict.stand_in and not why else ""
            parts = (run.verdict.detail or run.outcome.why, rules, why, model)
            line = " ".join(part for part in parts if part)
            if line and line not in told.plain:
                told.append(f"{line}\n", style=COLOURS["quiet"])
        for one in row.claims:
            told.append(f"{one.status}: {one.evidence}\n", style=COLOURS["quiet"])
    told.rstrip()
    return told


def _claimed(claims: Sequence[JudgedClaim]) -> str:
    statuses = [one.status for one in claims]
    return next((status for status in ("contradicted", "not decided here", "confirmed") if status in statuses), "")


def _colour(verdict: str, row: BlockRow) -> str:
    if verdict in (*WRONG, "contradicted"):
        return COLOURS[row.level] if row.level in ("known", "bad") else COLOURS["bad"]
    return COLOURS["quiet" if verdict in ("not run", "not decided here", "no stored output") else "good"]


def _with_outputs(blocks: Sequence[Block]) -> list[tuple[Block, tuple[Block, ...]]]:
    """Each block with the stored outputs that stand below it; outputs have no entry of their own below code."""
    found: list[tuple[Block, tuple[Block, ...]]] = []
    code = None
    for block in blocks:
        if block.kind == "output" and code is not None:
            found[code] = (found[code][0], (*found[code][1], block))
            continue
        found.append((block, ()))
        code = len(found) - 1 if block.kind == "code" else code
    return found

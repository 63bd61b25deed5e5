"""A page with the ledger's replacements in it, and its stored outputs as a replay prints them; as a diff too."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from kit.docs.ledger.ledger import Defect
from kit.docs.records import WRONG, BlockOutcome, Pass, Replay
from kit.errors import KitError
from kit.kernels.outputs import output_text, shown
from kit.pages.markdown import directive_options
from kit.pages.page import Block, Page

# Ways of writing a block whose text is not what stands in the file line by line: it cannot be put back alone.
WRAPPED = {"component": "as a component of the page", "session": "as a session with >>>", "html": "as HTML",
           "comment": "as comments of the code"}  # fmt: skip


def replacements(defects: Iterable[Defect]) -> dict[str, str]:
    """Block id -> its new text, from the defects that say one; two that disagree are an error."""
    found: dict[str, str] = {}
    for defect in defects:
        if defect.replacement is None:
            continue
        if found.setdefault(defect.block, defect.replacement) != defect.replacement:
            raise KitError(f"The ledger has two replacements for {defect.block} that differ; keep one of them.")
    return found


def patched(source: str, page: Page, texts: Mapping[str, str]) -> str:
    """The source of a page with the texts of some blocks replaced; '' takes a block out."""
    known = {block.id: block for block in page.blocks}
    if strange := sorted(set(texts) - set(known)):
        raise KitError(f"The page {page.name} has no block {strange[0]} to replace.")
    blocks = sorted((known[block_id] for block_id in texts), key=lambda block: (block.cell, block.lines), reverse=True)
    if page.form == "notebook":
        return _notebook(source, [(block, texts[block.id]) for block in blocks])
    lines = source.splitlines(keepends=True)
    for block in blocks:
        _replace(lines, block, texts[block.id])
    return "".join(lines)


def with_fresh_outputs(source: str, page: Page, replay: Replay, excused: Iterable[str] = ()) -> str:
    """The source with each stored output that the first pass calls wrong or stale replaced by what was printed.

    What stays: outputs of blocks that are `excused` (right where the page belongs), of rows that are no defect or that
    a stand-in model could touch, and outputs of a session, which cannot be put back alone.
    """
    run = replay.passes[0]
    outcomes = {outcome.block_id: outcome for outcome in run.outcomes}
    excused = set(excused)
    texts: dict[str, str] = {}
    cells: dict[int, BlockOutcome] = {}
    for verdict in run.verdicts:
        stale = verdict.verdict in (*WRONG, "equivalent") and verdict.block_id not in excused
        # What is equivalent shows the page's own words; a stand-in's numbers are never written.
        own = not verdict.stand_in or (verdict.verdict == "equivalent" and "float tolerance" not in verdict.rules)
        stale = stale and verdict.cause is None and own
        outcome = outcomes[verdict.block_id]
        code = replay.block(verdict.block_id)
        if not stale or outcome.status != "ran" or not (stored := page.stored(code)):
            continue
        if any(block.markup in WRAPPED for block in stored):
            continue
        cells[code.cell] = outcome
        fresh = "\n".join(text for output in outcome.outputs if (text := output_text(output).rstrip("\n")))
        texts |= {block.id: "" for block in stored} | {stored[0].id: fresh}
    if page.form != "notebook":
        return patched(source, page, texts)
    content = json.loads(source)
    for number, outcome in cells.items():
        content["cells"][number - 1]["outputs"] = [dict(output) for output in outcome.outputs]
    return _as_before(content, source)


def differing(first: Pass, again: Pass) -> set[str]:
    """The blocks that printed one thing in a run and another in the next one, on fresh folders."""
    pairs = zip(first.outcomes, again.outcomes, strict=True)
    return {one.block_id for one, other in pairs if shown(one.outputs) != shown(other.outputs)}


def unified_diff(old: str, new: str, name: str) -> str:
    """The change as `git apply` and `patch -p1` read it; '' when there is none."""
    pairs = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}")
    lines = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in pairs]
    return "".join(lines)


def _replace(lines: list[str], block: Block, text: str) -> None:
    """Put a block's new text into the lines of its file, between its own fences and at its own indent."""
    first, last = block.lines[0] - 1, block.lines[1]
    new = text.splitlines()
    if block.markup in WRAPPED and (new or block.markup == "session"):
        raise KitError(
            f"{block.id} is written {WRAPPED[block.markup]}; its text cannot be replaced alone.",
            mend="Change it in the page by hand, and take its replacement out of the ledger.",
        )
    if not new:
        after = last < len(lines) and not lines[last].strip()
        lines[first : last + after] = []
        return
    opening = lines[first]
    indent = opening[: len(opening) - len(opening.lstrip())]
    if block.markup == "indented":
        indent = indent[:4] or "    "
    fresh = [f"{indent}{line}\n" if line.strip() else "\n" for line in new]
    if block.markup == "fence":
        fresh = [opening, *directive_options(lines[first:last]), *fresh, lines[last - 1]]
    lines[first:last] = fresh


def _notebook(source: str, changes: list[tuple[Block, str]]) -> str:
    content = json.loads(source)
    for block, text in changes:
        cell = content["cells"][block.cell - 1]
        if block.kind == "output":
            raise KitError(f"{block.id} is a notebook's stored output; it comes from the replay, not from the ledger.")
        old = "".join(cell["source"])
        lines = old.splitlines(keepends=True)
        _replace(lines, block._replace(markup="" if block.markup == "cell" else block.markup), text)
        new = "".join(lines)
        new = new if old.endswith("\n") else new.rstrip("\n")
        cell["source"] = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
    return _as_before(content, source)


def _as_before(content: Any, source: str) -> str:
    """The notebook's JSON in the manner of the file it came from: its indent, and its last line's end."""
    second = source.splitlines()[1] if "\n" in source.strip() else ""
    indent = len(second) - len(second.lstrip()) or None
    text = json.dumps(content, ensure_ascii="\\u" in source, indent=indent)
    return text + "\n" * source.endswith("\n")

"""Outcomes held against what the page stores: a verdict for each code block of a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit.docs.records import BlockOutcome, CellError, Effect, State, Verdict
from kit.docs.verdicts.causes import with_causes
from kit.docs.verdicts.compare import compare
from kit.docs.verdicts.effects import DOUBLED, find_changes, find_doubled, find_opened_nothing, find_overwritten
from kit.kernels.outputs import shown
from kit.pages.page import Block, Page

SHORT = 300  # characters of an error's message in a sentence


def judge(page: Page, outcomes: Sequence[BlockOutcome], first: Sequence[BlockOutcome] = ()) -> tuple[Verdict, ...]:
    """A verdict for each outcome of a pass; `first` holds the outcomes of the pass before it, when it is the second."""
    blocks = {block.id: block for block in page.code}
    states = _states(outcomes)
    verdicts = []
    for position, outcome in enumerate(outcomes):
        block = blocks[outcome.block_id]
        verdict = _judge_one(outcome, [b.text for b in page.stored(block)], run=2 if first else 1)
        before, after = states[position], states[position + 1]
        later = [blocks[o.block_id].text for o in outcomes[position + 1 :] if o.status != "not run"]
        found = [Effect("asked for input", f"it asks: {prompt.strip()}", fails=False) for prompt in outcome.prompts]
        if outcome.state:
            found += find_changes(block.text, before, after)
            found += find_opened_nothing(before, after, states[position + 2 :])
            found += find_overwritten(before, after, later)
        if first:
            found += _new_only(find_doubled(first[position], outcome), verdicts)
        verdicts.append(replace(verdict, effects=tuple(found)))
    return with_causes({block.id: block.text for block in page.code}, outcomes, verdicts)


def _states(outcomes: Sequence[BlockOutcome]) -> list[State]:
    """The state before the first outcome and after each; a block that was not run leaves it as it was."""
    states = [State()]
    for outcome in outcomes:
        states.append(outcome.state or states[-1])
    return states


def _judge_one(outcome: BlockOutcome, stored: Sequence[str], *, run: int) -> Verdict:
    block_id, status = outcome.block_id, outcome.status
    stored = [text for text in stored if text.strip()]
    if status in ("not run", "timed out", "too much output", "kernel died"):
        return Verdict(block_id, status, run, detail=outcome.why)
    fresh = shown(outcome.outputs)
    if outcome.error and not any(outcome.error.name in text for text in stored):
        return Verdict(block_id, "raised", run, detail=error_sentence(outcome.error))
    if not stored:
        return Verdict(block_id, "no stored output", run)
    found = compare(stored, fresh)
    return Verdict(block_id, found.verdict, run, found.rules, found.detail, found.similarity, found.diff)


def error_sentence(error: CellError) -> str:
    """`ValueError: no (line 3: f())`; of a group, the exceptions in it too."""
    held = f" [{'; '.join(error.inner)}]" if "BaseExceptionGroup" in error.bases else ""
    words = " ".join((error.value + held).split())
    words = words if len(words) <= SHORT else words[: SHORT - 1] + "…"
    where = f" (line {error.line}: {error.source})" if error.line else ""
    return f"{error.name}: {words}".rstrip(": ") + where


def _new_only(found: Sequence[Effect], verdicts: Sequence[Verdict]) -> list[Effect]:
    """Rows that a cell added again are told once, not after every later cell."""
    said = {effect.subject for verdict in verdicts for effect in verdict.effects if effect.kind == DOUBLED}
    return [effect for effect in found if effect.subject not in said]


def runs_on_page(page: Page, *, all_tabs: bool) -> dict[str, str]:
    """Code block -> why it is not run, '' for those that are."""
    chosen: dict[str, str] = {}
    reasons = {}
    for block in page.code:
        reasons[block.id] = _why_not(block, page, chosen, all_tabs=all_tabs)
    return reasons


def _why_not(block: Block, page: Page, chosen: dict[str, str], *, all_tabs: bool) -> str:
    if block.language != "python":
        return f"written down, not run: {block.language or 'no language is given'}"
    if page.form == "notebook" and block.markup != "cell":
        return "shown in a Markdown cell, not a code cell"
    group = block.tab.partition("/")[0]
    if group and not all_tabs and chosen.setdefault(group, block.tab) != block.tab:
        return f"another tab; the one that ran is {chosen[group].partition('/')[2]}"
    return ""

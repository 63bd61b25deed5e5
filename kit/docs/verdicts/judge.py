"""Outcomes held against what the page stores: a verdict for each code block of a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from kit.docs.records import BlockOutcome, Effect, Replay, State, Verdict
from kit.docs.verdicts.causes import with_causes
from kit.docs.verdicts.cell import judge_cell
from kit.docs.verdicts.effects import DOUBLED, find_changes, find_doubled, find_opened_nothing, find_overwritten
from kit.docs.verdicts.stand_in import with_stand_in
from kit.docs.verdicts.varying import Varying, varying_of
from kit.pages.code import is_filter_notation
from kit.pages.marks import skip_reason
from kit.pages.page import Block, Page


def judge(
    page: Page,
    outcomes: Sequence[BlockOutcome],
    first: Sequence[BlockOutcome] = (),
    marks: Mapping[str, Sequence[Varying]] = MappingProxyType({}),
) -> tuple[Verdict, ...]:
    """A verdict for each outcome of a pass; `first` holds the outcomes of the pass before it, when it is the second.

    `marks` says of a block's id what of its output may differ, beside what the page itself says.
    """
    blocks = {block.id: block for block in page.code}
    states = _states(outcomes)
    verdicts: list[Verdict] = []
    for position, outcome in enumerate(outcomes):
        block = blocks[outcome.block_id]
        stored = page.stored(block)
        varying = [*varying_of(mark for b in (block, *stored) for mark in b.marks), *marks.get(block.id, ())]
        verdict = judge_cell(outcome, block, stored, varying, run=2 if first else 1)
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
    codes = {block.id: block.text for block in page.code}
    return with_stand_in(codes, outcomes, with_causes(codes, outcomes, verdicts))


def judged_again(page: Page, replay: Replay, marks: Mapping[str, Sequence[Varying]]) -> Replay:
    """The replay with its verdicts given anew, with marks beside those of the page."""
    first: tuple[BlockOutcome, ...] = ()
    passes = []
    for run in replay.passes:
        passes.append(replace(run, verdicts=judge(page, run.outcomes, first, marks)))
        first = first or run.outcomes
    return replace(replay, passes=tuple(passes))


def _states(outcomes: Sequence[BlockOutcome]) -> list[State]:
    """The state before the first outcome and after each; a block that was not run leaves it as it was."""
    states = [State()]
    for outcome in outcomes:
        states.append(outcome.state or states[-1])
    return states


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
    if (reason := skip_reason(block.marks)) is not None:
        return f"skipped: {reason}"
    if block.language != "python":
        return f"written down, not run: {block.language or 'no language is given'}"
    if is_filter_notation(block.text):
        return "an expression of Milvus' filter language, not Python"
    if page.form == "notebook" and block.markup != "cell":
        return "shown in a Markdown cell, not a code cell"
    group = block.tab.partition("/")[0]
    if group and not all_tabs and chosen.setdefault(group, block.tab) != block.tab:
        return f"another tab; the one that ran is {chosen[group].partition('/')[2]}"
    return ""

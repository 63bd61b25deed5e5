"""Rows that a stand-in model's answers could touch: named as such, and never a defect for what they show."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kit.docs.records import BlockOutcome, Cause, Verdict
from kit.docs.verdicts.causes import bound_names
from kit.pages.code import parse

# What a cell may raise because an answer or a hit is another one than with the page's own model.
ANSWER_ERRORS = ("IndexError", "KeyError", "StopIteration", "JSONDecodeError", "OutputParserException",
                 "ValidationError", "AssertionError")  # fmt: skip
OUTPUT = ("similar", "changed")


def with_stand_in(
    codes: Mapping[str, str], outcomes: Sequence[BlockOutcome], verdicts: Sequence[Verdict]
) -> tuple[Verdict, ...]:
    """The verdicts of a pass, each one that a stand-in's answers could touch with its name.

    A block is touched when it asks the model itself, or uses data that a touched block made: hits, answers, vectors;
    not a store or a chain, which asks again when it is used. `codes` are the blocks' texts by id.
    """
    touched: dict[str, str] = {}  # a name of the page -> the model behind what it holds
    judged = []
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        code = codes[outcome.block_id]
        model = outcome.stand_in or next((touched[name] for name in _used(code) if name in touched), "")
        held = set(outcome.state.values) if outcome.state else set()
        for name, _ in bound_names(code):
            touched.pop(name, None)
            if model and name in held:
                touched[name] = model
        judged.append(_named(outcome, verdict, model) if model and outcome.status != "not run" else verdict)
    return tuple(judged)


def _named(outcome: BlockOutcome, verdict: Verdict, model: str) -> Verdict:
    error = outcome.error
    by_answer = error is not None and bool({error.name, *error.bases} & set(ANSWER_ERRORS))
    excused = verdict.verdict in OUTPUT or (verdict.verdict == "raised" and by_answer)
    cause = verdict.cause or (Cause("environment", f"model {model}") if excused else None)
    return replace(verdict, stand_in=model, cause=cause)


def _used(code: str) -> list[str]:
    """The names of earlier cells that a cell reads: those that no statement before has bound."""
    used, bound = [], set()
    for statement in getattr(parse(code), "body", ()):
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        used += [name.id for name in names if isinstance(name.ctx, ast.Load) and name.id not in bound]
        bound |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return used

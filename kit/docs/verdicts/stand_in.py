"""Rows that a stand-in model, or files that are not here, could touch: named as such, and no defect for that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from kit.docs.records import BlockOutcome, Cause, State, Verdict
from kit.files.excerpt import excerpt
from kit.pages.code import parse

# What a cell may raise because an answer or a hit is another one than with the page's own model.
ANSWER_ERRORS = ("IndexError", "KeyError", "StopIteration", "JSONDecodeError", "OutputParserException",
                 "ValidationError", "AssertionError")  # fmt: skip
OUTPUT = ("similar", "changed")
_FETCHES = re.compile(
    r"^[\s!%$]*(?:sudo\s+)?(?:wget|curl|git\s+clone|unzip|tar|gdown|gsutil|aws|cp|mv|mkdir)\b.*$", re.MULTILINE
)


class Source(NamedTuple):
    """Where a value comes from that is not what the page means: a stand-in model, or files that no command brought."""

    kind: Literal["model", "files"]
    what: str

    @property
    def cause(self) -> Cause:
        """The source as the cause of a row."""
        words = f"model {self.what}" if self.kind == "model" else f"files of a command that was not run: {self.what}"
        return Cause("environment", words)


def with_stand_in(
    codes: Mapping[str, str], outcomes: Sequence[BlockOutcome], verdicts: Sequence[Verdict]
) -> tuple[Verdict, ...]:
    """The verdicts of a pass, each one that a stand-in could touch with its name, and each one by missing files.

    A block is touched when it asks the model itself, or uses data that a touched block made: hits, answers, vectors;
    not a store or a chain, which asks again when it is used. `codes` are the blocks' texts by id.
    """
    files = dict(_missing_files(codes, outcomes))
    touched: dict[str, Source] = {}  # a name of the page -> where what it holds comes from
    judged = []
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        asked = Source("model", outcome.stand_in) if outcome.stand_in else None
        used = _flow(codes[outcome.block_id], outcome.state or State(), touched, asked, files)
        source = asked if asked and not (used and used.kind == "files") else used
        judged.append(_named(outcome, verdict, source) if source and outcome.status != "not run" else verdict)
    return tuple(judged)


def _named(outcome: BlockOutcome, verdict: Verdict, source: Source) -> Verdict:
    error = outcome.error
    by_answer = error is not None and (source.kind == "files" or bool({error.name, *error.bases} & set(ANSWER_ERRORS)))
    excused = verdict.verdict in OUTPUT or (verdict.verdict == "raised" and by_answer)
    cause = verdict.cause or (source.cause if excused else None)
    return replace(verdict, stand_in=source.what if source.kind == "model" else "", cause=cause)


def _flow(
    code: str, state: State, touched: dict[str, Source], asked: Source | None, files: Mapping[str, str]
) -> Source | None:
    """The source of what a cell reads, the first one; the names that it binds are put into `touched` or taken out.

    Statement by statement: a name is touched when its value is made by what asks the model, or from touched data.
    """
    used: Source | None = None
    found = False
    statements = list(getattr(parse(code), "body", ()))
    for statement in statements:
        reads = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
        source = next((touched[name] for name in reads if name in touched), None) or _of_files(statement, files)
        used = used or source
        if source is None and asked and set(reads) & set(state.askers):
            source, found = asked, True
        for name in _made(statement):
            touched.pop(name, None)
        if source:
            changed = (name for name in (*_made(statement), *_added_to(statement)) if name in state.values)
            touched |= dict.fromkeys(changed, source)
    if asked and not found:  # something asked that no name shows: whatever the cell made may come of it
        made = {name for statement in statements for name in _made(statement)}
        touched |= dict.fromkeys(made & set(state.values), asked)
    return used


def _made(statement: ast.stmt) -> list[str]:
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _added_to(statement: ast.stmt) -> list[str]:
    """The names that a method is called on, such as `rows.append(…)`."""
    calls = (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))
    return [call.value.id for call in calls if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)]


def _of_files(statement: ast.stmt, files: Mapping[str, str]) -> Source | None:
    """The command that would have brought a file which a statement names."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 300:
            for part in PurePosixPath(node.value).parts:
                if part in files:
                    return Source("files", files[part])
    return None


def _missing_files(codes: Mapping[str, str], outcomes: Sequence[BlockOutcome]) -> Iterator[tuple[str, str]]:
    """(file or folder, command) for what the commands would have brought that were written down and not run."""
    for outcome in outcomes:
        texts = outcome.recorded or ((codes[outcome.block_id],) if outcome.status == "not run" else ())
        for command in (match[0] for text in texts for match in _FETCHES.finditer(text)):
            yield from ((name, excerpt(command.strip().lstrip("!%$ "), 60)) for name in _brought(command.split()))


def _brought(words: Iterable[str]) -> Iterator[str]:
    """The names of files and folders among a command's words."""
    for word in words:
        name = PurePosixPath(word.strip("'\"").split("?")[0].rstrip("/")).name.removesuffix(".git")
        if len(name) > 2 and not name.startswith("-") and ("/" in word or "." in name or "_" in name):
            yield name

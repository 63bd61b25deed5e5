"""Why a wrong row may be no defect of the page: it follows from another row, or this machine lacks what it needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kit.docs.records import BlockOutcome, Cause, CellError, Verdict
from kit.pages.code import DISTRIBUTIONS, parse

LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")
_CONNECTION = ("ConnectionError", "ConnectError", "ConnectTimeout", "APIConnectionError", "URLError", "gaierror")
_NO_ANSWER = re.compile(
    r"Fail connecting to server|Connection refused|Max retries exceeded|Failed to resolve|Network is unreachable"
    r"|Name or service not known|Temporary failure in name resolution|nodename nor servname|server unavailable",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:https?://|host='|server on |\()?((?:[\w-]+\.)+[a-z]{2,}|localhost|127\.0\.0\.1)'?(?:, port=|:)?(\d+)?"
)
_KEY = re.compile(r"\b[A-Z][A-Z0-9_]*(?:_KEY|_TOKEN|_SECRET)\b|\b[a-z_]*api_key\b")
_SECRET = r"(?:api[_ ]?key|access token|auth\w* token|credential)s?"
_NO_KEY = re.compile(
    rf"{_SECRET}\b.{{0,60}}(?:must be|not set|missing|required|provide|not found|incorrect|invalid)"
    rf"|(?:did not find|missing|provide|set|no|incorrect|invalid) .{{0,40}}{_SECRET}",
    re.IGNORECASE | re.DOTALL,
)
_PIP = re.compile(r"pip install (?:-\S+ )*[`'\"]?([A-Za-z0-9][\w.-]*)")


def with_causes(
    codes: Mapping[str, str], outcomes: Sequence[BlockOutcome], verdicts: Sequence[Verdict]
) -> tuple[Verdict, ...]:
    """The verdicts of a pass, each wrong one that is no defect with its cause; `codes` are the blocks' texts by id."""
    lost: dict[str, str] = {}  # a name -> the block that would have made it and did not
    gone = ""  # the block in which the kernel ended
    judged = []
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        code = codes[outcome.block_id]
        cause = Cause("follows from", gone) if gone else None
        if outcome.error and verdict.verdict == "raised":
            cause = _follows(outcome.error, lost) or _environment(outcome.error)
        judged.append(replace(verdict, cause=cause) if cause else verdict)
        for name, line in bound_names(code):
            if outcome.status == "ran" or (outcome.error and 0 < line < outcome.error.line):
                lost.pop(name, None)
            else:
                lost[name] = outcome.block_id
        if outcome.status == "kernel died":
            gone = gone or outcome.block_id
    return tuple(judged)


def _follows(error: CellError, lost: Mapping[str, str]) -> Cause | None:
    """A NameError of a name that a block which failed, or was not run, would have made."""
    named = error.about if "NameError" in (error.name, *error.bases) else ""
    return Cause("follows from", lost[named]) if named in lost else None


def _environment(error: CellError) -> Cause | None:
    """What this machine lacks, when the error says so: a package, a server, the network, a key."""
    kinds = {error.name, *error.bases}
    words = " ".join([error.value, *error.inner])
    if "ModuleNotFoundError" in kinds and error.about and "." not in error.about:
        return Cause("environment", f"package {DISTRIBUTIONS.get(error.about, error.about)}")
    if "ImportError" in kinds and (match := _PIP.search(words)) and "cannot import name" not in words:
        return Cause("environment", f"package {match[1].rstrip('.')}")
    if kinds & set(_CONNECTION) or _NO_ANSWER.search(words):
        host = _HOST.search(words)
        where = ":".join(part for part in host.groups() if part) if host else ""
        return Cause("environment", f"{'server' if where.startswith(LOCAL) else 'network'} {where}".strip())
    if "AuthenticationError" in kinds or _NO_KEY.search(words) or ("KeyError" in kinds and _KEY.search(words)):
        key = _KEY.search(words) or _KEY.search(error.source)
        return Cause("environment", f"key {key[0]}" if key else "a key")
    return None


def bound_names(code: str) -> Iterator[tuple[str, int]]:
    """The names that a cell's statements bind at its top level, each with the last line of its statement."""
    tree = parse(code)
    for statement in tree.body if tree else ():
        line = statement.end_lineno or statement.lineno
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name, line
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, line
            elif isinstance(node, ast.alias):
                yield (node.asname or node.name.partition(".")[0]), line

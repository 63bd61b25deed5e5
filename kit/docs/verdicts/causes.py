"""Why a wrong row may be no defect of the page: it follows from another row, or this machine lacks what it needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kit.docs.records import BlockOutcome, Cause, CellError, Verdict
from kit.files.excerpt import excerpt
from kit.pages.code import DISTRIBUTIONS, calls, dotted, parse, text_constants

WRITES = (
    "insert",
    "upsert",
    "add_documents",
    "add_texts",
    "aadd_documents",
    "aadd_texts",
    "from_documents",
    "from_texts",
)
ANSWERED = ("insert", "upsert", "delete", "query", "get", "search", "hybrid_search", "describe_index", "get_load_state",
            "describe_collection", "get_collection_stats")  # fmt: skip
# What any Milvus says, so that it is the page's own doing whichever engine was served.
_ANY_ENGINE = re.compile(
    r"not found|not exist|already exist|can't find|dimension|dim\b|duplicate|not loaded|on loaded", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"\byour?\b|your[-_ ]|<[A-Za-z]+[ _-][\w -]*>|(?-i:<[A-Z]{3,}>)|\bx{3,}\b|replace[-_ ]|^\*{3,}", re.IGNORECASE
)
LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")
_CONNECTION = ("ConnectionError", "ConnectError", "ConnectTimeout", "APIConnectionError", "URLError", "gaierror")
_NO_ANSWER = re.compile(
    r"Received UNIMPLEMENTED from server"
    r"|Fail connecting to server|Connection refused|Max retries exceeded|Failed to resolve|Network is unreachable"
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
    stale: dict[str, str] = {}  # a name -> the block that failed where it would have made it anew
    writes: dict[tuple[str, str], str] = {}  # (client or store, collection) -> the block that failed to write there
    unconnected = ""  # the block that failed to connect
    gone = ""  # the block in which the kernel ended
    failures: list[tuple[str, set[str]]] = []  # the blocks that failed, and the names that they read
    constants = text_constants(codes.values())
    judged = []
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        code = codes[outcome.block_id]
        cause = Cause("follows from", gone) if gone else None
        old = next((stale[name] for name in _reads(code) if name in stale), "")
        if outcome.error and verdict.verdict == "raised":
            cause = _follows(outcome.error, lost, unconnected) or _environment(outcome.error, outcome.engine)
            cause = cause or _other_shape(outcome.error, code, outcome.engine)
            cause = cause or _placeholder(outcome.error, constants) or _no_file(outcome, code, failures)
        if cause is None and verdict.verdict in ("similar", "changed", "raised"):
            unknown = outcome.error and "NameError" in (outcome.error.name, *outcome.error.bases)
            cause = Cause("follows from", old) if old and not unknown else _unwritten(code, writes)
        judged.append(replace(verdict, cause=cause) if cause else verdict)
        for name, line in bound_names(code):
            if outcome.status == "ran" or (outcome.error and 0 < line < outcome.error.line):
                lost.pop(name, None)
                stale.pop(name, None)
                if old:  # made of what should have been made anew
                    stale[name] = old
            else:
                lost[name] = outcome.block_id
                if verdict.verdict == "raised":
                    stale[name] = outcome.block_id
        failed = outcome.status not in ("ran", "not run") or (outcome.status == "not run" and bool(cause))
        if failed:
            failures.append((outcome.block_id, set(_reads(code))))
            if not unconnected and any(dotted(call.func).endswith("connect") for call in calls(code)):
                unconnected = outcome.block_id
        for place in _writes(code, outcome.error.line if outcome.error else 0) if failed else ():
            writes.setdefault(place, outcome.block_id)
        if outcome.status == "kernel died":
            gone = gone or outcome.block_id
    return tuple(judged)


def _follows(error: CellError, lost: Mapping[str, str], unconnected: str) -> Cause | None:
    """A NameError of a name that a block which failed, or was not run, would have made, or connected."""
    if unconnected and error.name == "ConnectionNotExistException":
        return Cause("follows from", unconnected)
    named = error.about if "NameError" in (error.name, *error.bases) else ""
    return Cause("follows from", lost[named]) if named in lost else None


def _other_shape(error: CellError, code: str, engine: str) -> Cause | None:
    """An answer of the served engine that has another form than the server's: it was read as what it is not."""
    if not engine or not {error.name, *error.bases} & {"TypeError", "KeyError", "IndexError", "AttributeError"}:
        return None
    assigned = (node for node in ast.walk(parse(code) or ast.Module([], [])) if isinstance(node, ast.Assign))
    answers = {
        target.id
        for node in assigned
        if isinstance(node.value, ast.Call) and dotted(node.value.func).rpartition(".")[2] in ANSWERED
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    statement = parse(error.source)
    read = (
        node for node in ast.walk(statement or ast.Module([], [])) if isinstance(node, ast.Subscript | ast.Attribute)
    )
    if any(isinstance(node.value, ast.Name) and node.value.id in answers for node in read):
        return Cause("environment", f"server: {engine}")
    return None


def _placeholder(error: CellError, constants: Sequence[str]) -> Cause | None:
    """A value that the page leaves to its reader, such as `YOUR_URI`, and that the error names."""
    words = f"{error.value} {error.source}"
    found = (text for text in constants if len(text) > 3 and _PLACEHOLDER.search(text) and text in words)
    return next((Cause("environment", f"a value in place of {excerpt(text, 40)!r}") for text in found), None)


def _no_file(outcome: BlockOutcome, code: str, failures: Sequence[tuple[str, set[str]]]) -> Cause | None:
    """A file that a block which failed would have written: both name it by the same name of the page."""
    if not outcome.error or "FileNotFoundError" not in (outcome.error.name, *outcome.error.bases):
        return None
    named = set(_reads(code)) & set(outcome.state.values if outcome.state else ())
    return next((Cause("follows from", block) for block, names in failures if names & named), None)


def _reads(code: str) -> Iterator[str]:
    """The names that a cell reads."""
    for node in ast.walk(parse(code) or ast.Module([], [])):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def _unwritten(code: str, writes: Mapping[tuple[str, str], str]) -> Cause | None:
    """The block that would have written what this one reads: the same client or store, and the same collection."""
    reads = set(_reads(code))
    named = set(text_constants([code]))
    for (holder, collection), block in writes.items():
        if holder in reads and (not collection or collection in named):
            return Cause("follows from", block)
    return None


def _writes(code: str, line: int) -> Iterator[tuple[str, str]]:
    """(client or store, its collection or '') of each call that writes rows, from the line on that raised."""
    for call in calls(code):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITES or (call.end_lineno or 0) < line:
            continue
        given = [keyword.value for keyword in call.keywords if keyword.arg == "collection_name"] or call.args[:1]
        collection = next((a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)), "")
        yield dotted(call.func.value), collection


def _environment(error: CellError, engine: str = "") -> Cause | None:
    """What this machine lacks, when the error says so: a package, a server, the network, a key."""
    kinds = {error.name, *error.bases}
    words = " ".join([error.value, *error.inner])
    if "ImportError" in kinds and "[" in error.about:
        return Cause("environment", f"package {error.about}")
    refused = error.name == "MilvusException" or "RpcError" in kinds
    if engine and refused and not _ANY_ENGINE.search(words):
        return Cause("environment", f"server: {engine}")
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

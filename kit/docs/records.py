"""What the room hands on: Block -> Outcome -> Verdict, and the Replay that holds them; to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from kit.errors import KitError
from kit.pages.page import Block

FORMAT = 1

# What happened when a block was reached.
STATUSES = ("ran", "raised", "timed out", "too much output", "kernel died", "not run")
# What that says about the page. The first four leave the page standing, the others do not.
FINE = ("same", "equivalent", "no stored output", "not run")
WRONG = ("similar", "changed", "raised", "timed out", "too much output", "kernel died")
VERDICTS = FINE + WRONG


class CellError(NamedTuple):
    """What a cell raised: type, message, the line in the block (from 1, 0 unknown), that line, a plain traceback."""

    name: str
    value: str
    line: int = 0
    source: str = ""
    traceback: str = ""


class Collection(NamedTuple):
    """What a collection really is; `rows` is None when it could not be counted, `identity` changes on re-creation."""

    rows: int | None
    fields: tuple[str, ...]
    primary_key: str = ""
    auto_id: bool = False
    dynamic_field: bool = False
    partition_key: str = ""
    indexes: tuple[str, ...] = ()
    identity: str = ""


@dataclass(frozen=True)
class State:
    """What lies in the databases that the kernel has open, and how many rows of Documents its names hold.

    `databases` maps an address (paths relative to the page's folder) to collection names to what they are;
    `documents` a name of the page to (how many Documents, whether they are hits); `opened` each vector store's name
    to (address, collection).
    """

    databases: Mapping[str, Mapping[str, Collection]] = field(default_factory=dict)
    documents: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    opened: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Finding(NamedTuple):
    """Something that no output shows, such as kind `no partition key`; `fails` is False for what is only noted."""

    kind: str
    words: str
    fails: bool = True


@dataclass(frozen=True)
class Outcome:
    """What happened when a block was reached in one pass; `outputs` are nbformat dicts, `state` is what it left."""

    block_id: str
    status: str
    why: str = ""
    outputs: tuple[Mapping[str, Any], ...] = ()
    error: CellError | None = None
    seconds: float = 0.0
    state: State | None = None
    recorded: tuple[str, ...] = ()  # %pip, %conda and shell commands that were written down and not run
    prompts: tuple[str, ...] = ()  # what getpass() or input() asked


@dataclass(frozen=True)
class Verdict:
    """What an outcome says about its block in one pass (`run` 1 or 2).

    `rules` are the tolerances that were needed; `similarity` is 0 to 1 between stored and fresh text; `diff` is the
    word diff as (" " same, "-" stored, "+" fresh; words) pairs; `detail` says it in a sentence.
    """

    block_id: str
    verdict: str
    run: int = 1
    rules: tuple[str, ...] = ()
    detail: str = ""
    similarity: float | None = None
    diff: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def failures(self) -> Iterator[Failure]:
        """What a ledger has to excuse: the verdict when it is wrong, and each finding that fails."""
        if self.verdict in WRONG:
            yield Failure(self.block_id, self.run, self.verdict, self.detail)
        for finding in self.findings:
            if finding.fails:
                yield Failure(self.block_id, self.run, finding.kind, finding.words)


class Failure(NamedTuple):
    """One thing that is wrong with a block: `kind` is a verdict or a finding's kind, `words` the evidence."""

    block_id: str
    run: int
    kind: str
    words: str


@dataclass(frozen=True)
class Pass:
    """One run of the page from top to bottom: outcomes and verdicts of its code blocks, in order, and its times."""

    outcomes: tuple[Outcome, ...]
    verdicts: tuple[Verdict, ...]
    kernel_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def cell_seconds(self) -> float:
        """The sum of the cells' own times."""
        return sum(outcome.seconds for outcome in self.outcomes)


@dataclass(frozen=True)
class Replay:
    """A page that was run: where it came from, on what, its blocks, and one Pass, or two with --twice."""

    page: str
    sha256: str
    blocks: tuple[Block, ...]
    passes: tuple[Pass, ...]
    requirements: tuple[str, ...] = ()  # of --with; empty for the kit's own environment
    versions: Mapping[str, str] = field(default_factory=dict)  # python, langchain-milvus, pymilvus, milvus-lite …
    embeddings: str = ""  # what answered OpenAIEmbeddings(): "minilm on loopback" or the real service
    notes: tuple[str, ...] = ()  # what a reader of the report must know: unparsed lines, placed files …
    problem: str = ""  # why no pass could begin, such as an environment that cannot be resolved

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every pass's verdicts, in order."""
        return tuple(verdict for run in self.passes for verdict in run.verdicts)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that a ledger has to excuse."""
        return tuple(failure for verdict in self.verdicts for failure in verdict.failures)

    def block(self, block_id: str) -> Block:
        """The block of that id."""
        return next(block for block in self.blocks if block.id == block_id)

    def to_json(self) -> str:
        """The replay as JSON text that `from_json` reads back as an equal value."""
        return json.dumps({"format": FORMAT, **plain(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Replay:
        """The replay that `to_json` wrote."""
        row = json.loads(text)
        if not isinstance(row, dict) or row.pop("format", None) != FORMAT:
            raise KitError(f'Wanted the JSON of `kit docs replay --json` ("format": {FORMAT}); found another.')
        passes = tuple(
            Pass(tuple(map(_outcome, p["outcomes"])), tuple(map(_verdict, p["verdicts"])), *_seconds(p))
            for p in row.pop("passes")
        )
        blocks = tuple(block_from(b) for b in row.pop("blocks"))
        return cls(passes=passes, blocks=blocks, **_tuples(row))


def plain(value: Any) -> Any:
    """A record as dicts, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return {name: plain(inner) for name, inner in value._asdict().items()}
    if isinstance(value, Mapping | MappingProxyType):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value


def state_from(row: Mapping[str, Any]) -> State:
    """The State in the JSON that the kernel's probe or a report wrote."""
    databases = {
        address: {name: Collection(**_tuples(c)) for name, c in collections.items()}
        for address, collections in row.get("databases", {}).items()
    }
    pairs = {key: {name: tuple(pair) for name, pair in row.get(key, {}).items()} for key in ("documents", "opened")}
    return State(databases, engines=dict(row.get("engines", {})), problem=row.get("problem", ""), **pairs)


def block_from(row: Mapping[str, Any]) -> Block:
    """The Block in a row of JSON or TOML."""
    return Block(**_tuples(row))


def _outcome(row: dict[str, Any]) -> Outcome:
    error, state = row.pop("error"), row.pop("state")
    return Outcome(
        error=CellError(**error) if error else None,
        state=state_from(state) if state else None,
        outputs=tuple(row.pop("outputs")),
        **_tuples(row),
    )


def _verdict(row: dict[str, Any]) -> Verdict:
    findings = tuple(Finding(**finding) for finding in row.pop("findings"))
    diff = tuple((mark, words) for mark, words in row.pop("diff"))
    return Verdict(findings=findings, diff=diff, **_tuples(row))


def _seconds(row: dict[str, Any]) -> tuple[float, float]:
    return row["kernel_seconds"], row["seconds"]


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}

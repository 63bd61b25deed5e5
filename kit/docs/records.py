"""What the room hands on: Block -> BlockOutcome -> Verdict, and the Replay that holds them; to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from kit.errors import KitError
from kit.files.excerpt import excerpt
from kit.pages.page import Block

FORMAT = 3
MOST_SHOWN = 3  # differences in a sentence

# What happened when a block was reached.
Status = Literal["ran", "raised", "timed out", "too much output", "kernel died", "not run"]
# What that says about the page: the first leave it standing, the others do not. `uncompared`: what is stored could not
# be compared, such as a picture, and nothing else is wrong with it.
FineVerdict = Literal["same", "equivalent", "no stored output", "uncompared", "not run"]
WrongVerdict = Literal["similar", "changed", "raised", "timed out", "too much output", "kernel died"]
VerdictName = FineVerdict | WrongVerdict
FINE: tuple[FineVerdict, ...] = get_args(FineVerdict)
WRONG: tuple[WrongVerdict, ...] = get_args(WrongVerdict)
# What a row of the report is. Only a defect fails the run; the others are shown and counted.
RowKind = Literal["defect", "follows from", "environment", "varies", "holds"]


class CellError(NamedTuple):
    """What a cell raised: type, message, the line in the block (from 1, 0 unknown), that line, a plain traceback.

    `about` is the name, module or file that the error says is missing ("" when it says none); `bases` are the names of
    the classes that its type derives from; `inner` are the errors that a group or a chain holds, each as a sentence.
    """

    name: str
    value: str
    line: int = 0
    source: str = ""
    traceback: str = ""
    about: str = ""
    bases: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


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
    values: tuple[str, ...] = ()  # the names that hold data: texts, numbers, hits; no store, model or function
    askers: tuple[str, ...] = ()  # the names that ask a model when they are used: models, stores, chains, functions


class Effect(NamedTuple):
    """Something that no output shows, such as kind `no partition key`; `fails` is False for what is only noted.

    `subject` is what it is about, such as `LangChainCollection in a.db`; `source` is what shows it when that is not the
    replay itself: `install lines`.
    """

    kind: str
    words: str
    fails: bool = True
    subject: str = ""
    source: str = ""


class Cause(NamedTuple):
    """Why a row is not a defect: `follows from` with the id of another block, `environment` with what is missing
    (`server localhost:19530`, `package bs4`, `key COHERE_API_KEY`, `model minilm in place of OpenAI's`), or `varies`.
    """

    kind: Literal["follows from", "environment", "varies"]
    what: str


@dataclass(frozen=True)
class BlockOutcome:
    """What happened when a block was reached in one pass; `outputs` are nbformat dicts, `state` is what it left."""

    block_id: str
    status: Status
    why: str = ""
    outputs: tuple[Mapping[str, Any], ...] = ()
    error: CellError | None = None
    seconds: float = 0.0
    state: State | None = None
    recorded: tuple[str, ...] = ()  # %pip, %conda and shell commands that were written down and not run
    prompts: tuple[str, ...] = ()  # what getpass() or input() asked
    stand_in: str = ""  # the model that answered this block's requests in place of the page's own
    engine: str = ""  # the engine that was served in place of the server that the page names
    files: tuple[str, ...] = ()  # absolute paths that it read outside its scratch folder


@dataclass(frozen=True)
class Verdict:
    """What an outcome says about its block in one pass (`run` 1 or 2).

    `rules` are the tolerances that were needed; `similarity` is 0 to 1 between stored and fresh text; `diff` is the
    word diff as (" " same, "-" stored, "+" fresh; words) pairs; `detail` says it in a sentence. `cause` says why a
    wrong verdict is no defect of the page; `uncompared` names what is stored and was not compared, such as `image/png`;
    `stand_in` is the model that answered in place of the page's own, where its answers could touch this block.
    """

    block_id: str
    verdict: VerdictName
    run: int = 1
    rules: tuple[str, ...] = ()
    detail: str = ""
    similarity: float | None = None
    diff: tuple[tuple[str, str], ...] = ()
    effects: tuple[Effect, ...] = ()
    cause: Cause | None = None
    uncompared: tuple[str, ...] = ()
    stand_in: str = ""

    @property
    def row(self) -> RowKind:
        """What this row of the report is."""
        if self.cause:
            return self.cause.kind
        return "defect" if self.verdict in WRONG else "holds"

    @property
    def failures(self) -> Iterator[Failure]:
        """Everything that is wrong: the verdict, with its cause when it is no defect, and each effect that fails."""
        source = "replay" if self.run == 1 else "second replay"
        if self.verdict in WRONG:
            what = self.cause.what if self.cause else ""
            differs = differing_words(self.diff) if self.verdict == "similar" else ""
            yield Failure(self.block_id, self.run, self.verdict, self.detail, source, self.row, what, differs)
        for effect in self.effects:
            if effect.fails:
                yield Failure(self.block_id, self.run, effect.kind, effect.words, effect.source or source)


class Failure(NamedTuple):
    """One thing that is wrong with a block: `kind` is a verdict or an effect's kind, `words` the evidence.

    `source` is what shows it: `replay`, `second replay`, `install lines` or `probe <id>`. `row` is `defect` unless its
    cause lies elsewhere; `cause` is then the block that it follows from, or what is missing. `differs` are the words
    that differ between the stored and the fresh output, as `stored: brown, now: red`.
    """

    block_id: str
    run: int
    kind: str
    words: str
    source: str = "replay"
    row: RowKind = "defect"
    cause: str = ""
    differs: str = ""

    @property
    def evidence(self) -> str:
        """The words, and those that differ: what a person is told."""
        return f"{self.words} ({self.differs})" if self.differs else self.words


def differing_words(diff: Iterable[tuple[str, str]]) -> str:
    """`stored: brown, now: red` for each place that differs, the first ones in full."""
    pairs: list[list[str]] = []
    last = " "
    for mark, words in diff:
        if mark == "-" or (mark == "+" and last != "-"):
            pairs.append(["", ""])
        if mark != " ":
            pairs[-1][mark == "+"] = words
        last = mark
    shown = [f"stored: {excerpt(old, 60) or 'nothing'}, now: {excerpt(new, 60) or 'nothing'}" for old, new in pairs]
    more = f"; and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return "; ".join(shown[:MOST_SHOWN]) + more


@dataclass(frozen=True)
class Pass:
    """One run of the page from top to bottom: outcomes and verdicts of its code blocks, in order, and its times."""

    outcomes: tuple[BlockOutcome, ...]
    verdicts: tuple[Verdict, ...]
    kernel_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def cell_seconds(self) -> float:
        """The sum of the cells' own times."""
        return sum(outcome.seconds for outcome in self.outcomes)


class Installs(NamedTuple):
    """What the page's environment says of its install lines: which packages hold each imported module, which packages
    the lines bring with all that these require, and which named ones are not there to be asked.
    """

    modules: Mapping[str, tuple[str, ...]]
    brought: tuple[str, ...]
    unknown: tuple[str, ...] = ()


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
    protection: str = ""  # what kept the page apart from this machine, in words
    served: tuple[str, ...] = ()  # what was served to the page alone: `Milvus Lite at localhost:19530`
    installs: Installs | None = None
    problem: str = ""  # why no pass could begin, such as an environment that cannot be resolved

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every pass's verdicts, in order."""
        return tuple(verdict for run in self.passes for verdict in run.verdicts)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The defects: everything that a ledger has to excuse."""
        return tuple(failure for failure in self._wrong if failure.row == "defect")

    @property
    def excused(self) -> tuple[Failure, ...]:
        """What is wrong and no defect of the page: what follows from another row, environment, what varies."""
        return tuple(failure for failure in self._wrong if failure.row != "defect")

    @property
    def _wrong(self) -> Iterator[Failure]:
        return (failure for verdict in self.verdicts for failure in verdict.failures)

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
        if held := row.pop("installs"):
            modules = {module: tuple(holders) for module, holders in held.pop("modules").items()}
            row["installs"] = Installs(modules, **_tuples(held))
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
    values, askers = tuple(row.get("values", ())), tuple(row.get("askers", ()))
    return State(
        databases,
        engines=dict(row.get("engines", {})),
        problem=row.get("problem", ""),
        values=values,
        askers=askers,
        **pairs,
    )


def error_from(row: Mapping[str, Any]) -> CellError:
    """The CellError in a row of JSON."""
    return CellError(**_tuples(row))


def block_from(row: Mapping[str, Any]) -> Block:
    """The Block in a row of JSON or TOML."""
    return Block(**_tuples(row))


def _outcome(row: dict[str, Any]) -> BlockOutcome:
    error, state = row.pop("error"), row.pop("state")
    return BlockOutcome(
        error=error_from(error) if error else None,
        state=state_from(state) if state else None,
        outputs=tuple(row.pop("outputs")),
        **_tuples(row),
    )


def _verdict(row: dict[str, Any]) -> Verdict:
    effects = tuple(Effect(**effect) for effect in row.pop("effects"))
    diff = tuple((mark, words) for mark, words in row.pop("diff"))
    cause = row.pop("cause")
    return Verdict(effects=effects, diff=diff, cause=Cause(**cause) if cause else None, **_tuples(row))


def _seconds(row: dict[str, Any]) -> tuple[float, float]:
    return row["kernel_seconds"], row["seconds"]


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}

"""What the bench room passes round: queries, judgments, hits, scores, a condition's row, and the --out folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kit.errors import KitError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Status = Literal["measured", "not supported", "failed"]
FORMAT = 1  # of results.json; raised when a reader of the old one would misread the new one
DEFAULT_MEASURES = ("nDCG@10", "R@10", "R@100", "RR@10", "AP", "P@10", "Success@10")


class Passage(NamedTuple):
    """A labelled passage: `text[start:end]` of a document before it was chunked (end-exclusive code points)."""

    document_id: str
    start: int
    end: int


class Query(NamedTuple):
    """A query; `passages` where its labels are spans, `where` (field, value) where it asks for a filter."""

    query_id: str
    text: str
    category: str = ""
    answer: str = ""
    passages: tuple[Passage, ...] = ()
    where: tuple[tuple[str, str | int | float | bool], ...] = ()


class Qrel(NamedTuple):
    """A judgment; relevance above 0 is relevant."""

    query_id: str
    doc_id: str
    relevance: int


class ScoredDoc(NamedTuple):
    """A hit; a higher score is better on every engine and for every retriever."""

    query_id: str
    doc_id: str
    score: float


class Score(NamedTuple):
    """One measure of one query."""

    query_id: str
    measure: str
    value: float


@dataclass(frozen=True)
class Mean:
    """A measure's mean over `over` judged queries of `of` in the collection; None, with the reason, if not measured."""

    value: float | None
    over: int
    of: int
    reason: str = ""


@dataclass(frozen=True)
class Condition:
    """What is measured: `milvus-lite.hybrid-rrf.minilm.recursive-1000`, and the index when it is not the default."""

    engine: str  # milvus-lite or milvus-server
    retriever: str
    embeddings: str  # as load_embeddings takes it, several joined by +; "none" where no embeddings are used
    chunker: str
    index: str = ""  # such as hnsw-m16-efconstruction200-ef64; "" is the kit's default for the engine
    churn: int = 0  # cycles in which rows were deleted, inserted again and upserted before the search

    @property
    def id(self) -> str:
        """The id in config, file names, reports and baselines; its parts hold no dot, slash or colon."""
        churned = f"after-churn-{self.churn}" if self.churn else ""
        parts = (self.engine, self.retriever, self.embeddings, self.chunker, self.index, churned)
        return ".".join(re.sub(r"[^A-Za-z0-9_+-]+", "-", part) for part in parts if part)


def models_of(embeddings: str) -> list[str]:
    """The models of a condition's embeddings, one for each dense field: `minilm+wordllama` has two; none of "none"."""
    return [] if embeddings == "none" else [name.strip() for name in embeddings.split("+")]


@dataclass(frozen=True)
class Cost:
    """What a condition cost; None where it was not measured, or is unknown."""

    embedded_texts: int | None = None  # embedded in this --out, by this model and chunker; the cache gave the others
    embed_seconds: float | None = None
    embed_texts_per_second: float | None = None
    ingest_seconds: float | None = None  # insert, flush and index, without embedding
    ingest_documents_per_second: float | None = None
    wait_p50_ms: float | None = None  # what a user waits: the query's embedding, the search and the reranker
    wait_p95_ms: float | None = None
    embed_query_p50_ms: float | None = None  # of it the embedding, never from a cache
    search_p50_ms: float | None = None  # of it the search, one query a request
    search_p95_ms: float | None = None
    rerank_p50_ms: float | None = None  # of it the reranker
    chat_p50_ms: float | None = None  # of it the chat model that words the question anew
    search_queries_per_second: float | None = None  # in batches, without embedding; with a reranker one at a time
    timed_queries: int | None = None
    others_load: float | None = None  # share of all cores that other processes used meanwhile
    index_mb: float | None = None  # on disk (Lite); a server does not tell
    peak_memory_mb: float | None = None  # of this process, with Lite's inside it and a server's not
    tokens: int | None = None
    money_usd: float | None = None


@dataclass(frozen=True)
class IndexCheck:
    """An index held against exact search over the same vectors, for one selectivity, before or after a reopen."""

    search_params: dict[str, Any]
    reopened: bool  # False: as inserting leaves it, not flushed; True: flushed and opened again
    selectivity: float  # share of the rows that the filter lets through; 1 is no filter
    k: int
    queries: int
    recall: float  # share of the exact top k that came back
    short_queries: int  # that got fewer rows than exact search gives
    missing_rows: int
    queries_per_second: float
    search_p50_ms: float


@dataclass(frozen=True)
class ChurnCycle:
    """A store after so many cycles of rows that came and went, 0 as it was filled; None where nothing is measured."""

    number: int
    score: float  # the first measure's mean
    recall: float | None  # of the index against exact search
    recall_filtered: float | None  # the same with a filter that lets a tenth of the rows through
    short_queries: int  # that got fewer rows than exact search gives, with or without the filter
    search_p50_ms: float | None
    index_mb: float | None


@dataclass(frozen=True)
class ClientLoad:
    """What a server gave `clients` that asked at once, embedding not included."""

    clients: int
    queries_per_second: float
    p95_ms: float


@dataclass(frozen=True)
class Unread:
    """What a model never read of the texts that were put in: of how many, and how many of their tokens."""

    model: str
    limit: int  # tokens that it reads of a text
    texts: int  # longer than that
    of_texts: int
    tokens: int  # never read
    of_tokens: int

    @property
    def words(self) -> str:
        """In half a sentence, with shares."""
        return (
            f"{self.texts:,} of {self.of_texts:,} texts are longer than the {self.limit} tokens that {self.model} "
            f"reads, and {self.tokens / max(1, self.of_tokens):.0%} of all tokens are never read"
        )


@dataclass(frozen=True)
class ConditionResult:
    """One condition's result. `status` failed or not supported comes with a reason and without scores."""

    condition: Condition
    status: Status
    reason: str = ""
    command: str = ""  # repeats this row alone
    key: str = ""  # hash of all that decides the result; a resumed run repeats a row whose key differs
    scores: dict[str, Mean] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)  # documents, chunks, queries, judged, answered, short, no_hit
    no_hit_cause: str = ""  # why judged queries got no hit, as far as their words tell
    unread: Unread | None = None  # None where the model reads all, says no limit, or there is none
    cost: Cost = Cost()
    client_loads: tuple[ClientLoad, ...] = ()
    index_checks: tuple[IndexCheck, ...] = ()
    churn: tuple[ChurnCycle, ...] = ()
    engine_version: str = ""  # milvus-lite-3.2.2
    model: dict[str, str] = field(default_factory=dict)  # name, identity (with hash or version), dimensions
    settings: dict[str, str] = field(default_factory=dict)  # index, search parameters, fetch depth … as used
    notes: tuple[str, ...] = ()
    measured_at: str = ""  # UTC, ISO 8601
    versions: dict[str, str] = field(default_factory=dict)
    host: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The condition's id."""
        return self.condition.id


@dataclass(frozen=True)
class Dataset:
    """What was searched: its name, kind and split, a sha256 over its texts and judgments, and how much of it."""

    name: str
    kind: Literal["beir", "golden", "texts", "ir_datasets", "given"]
    split: str
    fingerprint: str
    documents: int
    queries: int
    judged: int
    notes: tuple[str, ...] = ()
    questions: str = ""  # a hash of the queries' ids and words, whatever is searched


@dataclass(frozen=True)
class Results:
    """results.json: a run's dataset, settings, surroundings and rows."""

    dataset: Dataset
    k: int
    measures: tuple[str, ...]
    seed: int
    command: str
    host: dict[str, str]  # system, processor, cores, memory, python
    versions: dict[str, str]
    rows: tuple[ConditionResult, ...] = ()
    format: int = FORMAT

    def row(self, condition_id: str) -> ConditionResult | None:
        """The row of a condition, or None."""
        return next((row for row in self.rows if row.id == condition_id), None)

    def dumps(self) -> str:
        """As JSON text."""
        return _adapter().dump_json(self, indent=1).decode() + "\n"

    @staticmethod
    def loads(text: str | bytes, name: str = "results.json") -> Results:
        """From JSON text; KitError says where it is not what this kit writes."""
        from pydantic import ValidationError

        try:
            results = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise KitError(f"{name}: {place}: {first['msg']}", wanted="a file that `kit bench run` wrote") from None
        if results.format != FORMAT:
            raise KitError(f"{name} has format {results.format}; this kit reads {FORMAT}.", mend="Run the grid again.")
        return results


@cache
def _adapter() -> TypeAdapter[Results]:
    from pydantic import TypeAdapter

    return TypeAdapter(Results)

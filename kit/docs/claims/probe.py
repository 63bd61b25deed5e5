"""What a probe is: a capability, its trial on a scratch database, and an answer with the evidence."""

from __future__ import annotations

import logging
import math
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.milvus.connection import connect

if TYPE_CHECKING:
    from langchain_milvus import Milvus
    from pymilvus import MilvusClient

ANSWERS = ("yes", "partly", "no", "unknown")
DIMENSIONS = 4


class Answer(NamedTuple):
    """What came of a trial: `yes`, `partly`, `no` or `unknown`, and the evidence in a sentence."""

    answer: str
    evidence: str


class Probe(NamedTuple):
    """A capability and the trial that tells whether it is there."""

    id: str
    capability: str
    trial: Callable[[Scratch], Answer]
    timed: bool = False  # compares times, so it runs alone


class Probed(NamedTuple):
    """A probe's answer on one engine."""

    id: str
    capability: str
    answer: str
    evidence: str
    seconds: float
    timed: bool = False  # it depends on the time that things take here, and is no evidence of what a page says


Trial = Callable[["Scratch"], Answer]
PROBES: dict[str, Probe] = {}


def probe(probe_id: str, capability: str, *, timed: bool = False) -> Callable[[Trial], Trial]:
    """Register a trial. It returns an Answer; a refusal by the engine that it does not expect counts as `no`."""

    def register(trial: Trial) -> Trial:
        PROBES[probe_id] = Probe(probe_id, capability, trial, timed)
        return trial

    return register


class Scratch:
    """A database to try things in; what a trial made is dropped when it ends."""

    def __init__(self, uri: str, other: Scratch | None = None):
        self.uri = uri
        self.connection: dict[str, Any] = other.connection if other else dict(connect(uri))
        self._names: list[str] = []
        if other:
            self.client = other.client

    @cached_property
    def client(self) -> MilvusClient:
        """The database's client."""
        from pymilvus import MilvusClient

        return MilvusClient(**self.connection)

    def run(self, probe: Probe) -> Probed:
        """Try a capability; an error of the trial itself is `unknown`, so that a broken probe never passes for a no."""
        began = time.monotonic()
        try:
            answer = probe.trial(self)
        except _refusals() as error:
            answer = Answer("no", in_words(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and the other probes go on
            answer = Answer("unknown", f"the probe itself failed: {in_words(error)}")
        finally:
            self._drop()
        words = f"{answer.evidence}; it depends on time" if probe.timed else answer.evidence
        seconds = round(time.monotonic() - began, 2)
        return Probed(probe.id, probe.capability, answer.answer, words, seconds, probe.timed)

    def name(self) -> str:
        """A collection name of this trial."""
        self._names.append(f"kit_probe_{uuid.uuid4().hex[:10]}")
        return self._names[-1]

    def create(
        self,
        fields: Mapping[str, Mapping[str, Any]],
        rows: Iterable[Mapping[str, Any]] = (),
        index: Mapping[str, Any] | None = None,
        *,
        auto_id: bool = False,
        functions: Sequence[Any] = (),
        **options: Any,
    ) -> str:
        """The name of a new collection: an INT64 key `pk`, a vector `v` indexed by `index`, and `fields`; with rows.

        `index` maps a vector field to its index parameters; `options` go to create_collection or the schema.
        """
        from pymilvus import DataType, MilvusClient

        schema = MilvusClient.create_schema(auto_id=auto_id, enable_dynamic_field=options.pop("dynamic", False))
        schema.add_field("pk", DataType.INT64, is_primary=True)
        for name, field in fields.items():
            schema.add_field(name, **field)
        if "v" not in fields:
            schema.add_field("v", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
        for function in functions:
            schema.add_function(function)
        params = MilvusClient.prepare_index_params()
        for name, values in ({"v": {"index_type": "FLAT", "metric_type": "COSINE"}} | dict(index or {})).items():
            params.add_index(name, **values)
        collection = self.name()
        options.setdefault("consistency_level", "Strong")
        self.client.create_collection(collection, schema=schema, index_params=params, **options)
        if rows := [{"v": vector(position), **row} for position, row in enumerate(rows)]:
            self.client.insert(collection, rows)
        return collection

    def count(self, collection: str, expression: str = "") -> int:
        """How many rows of a collection the filter lets through."""
        return self.client.query(collection, filter=expression, output_fields=["count(*)"])[0]["count(*)"]

    def store(self, documents: Sequence[Any] = (), **options: Any) -> Milvus:
        """A LangChain vector store on a new collection (vectors from a text's hash), filled with documents."""
        from langchain_milvus import Milvus

        options = {"collection_name": self.name(), "consistency_level": "Strong"} | options
        options |= {"connection_args": dict(self.connection)}
        if documents:
            return Milvus.from_documents(list(documents), hash_embeddings(), **options)
        return Milvus(hash_embeddings(), **options)

    def _drop(self) -> None:
        for name in self._names:
            if self.client.has_collection(name):
                self.client.drop_collection(name)
        self._names.clear()


def vector(position: int) -> list[float]:
    """A vector whose nearest neighbour is itself under every metric: a point on a half circle, by its position."""
    angle = position * math.pi / 1009
    return [math.cos(angle), math.sin(angle), 0.0, 0.0]


def key(hit: Mapping[str, Any]) -> Any:
    """The primary key of a hit; engines before 2.4 do not say what the field is called."""
    return hit["pk"] if "pk" in hit else hit["id"]


def hash_embeddings() -> Any:
    """Embeddings that give a text the same 16 numbers each time; what they mean does not matter to a probe."""
    from langchain_core.embeddings import DeterministicFakeEmbedding

    return DeterministicFakeEmbedding(size=16)


def refusal(trial: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """What was said when a call was refused, in a sentence; '' when it went through."""
    try:
        trial(*arguments, **options)
    except Exception as error:
        if not isinstance(error, (*_refusals(), ValueError, TypeError, AssertionError)):
            raise
        return in_words(error)
    return ""


def in_words(error: BaseException) -> str:
    """An error as `Type: its message` on one line, without volatile parts."""
    text = str(getattr(error, "message", "") or error)
    text = " ".join(re.sub(r"\n\s*\^?|, <elapsed:[^>]*>", " ", text).split())
    return f"{type(error).__name__}: {text[:200]}".rstrip(": ")


@contextmanager
def quiet() -> Iterator[None]:
    """pymilvus and Milvus Lite log every refusal with a traceback; a probe tells it in a sentence instead.

    faiss warns on the process' own stderr, past Python: that too is turned away.
    """
    import pymilvus  # noqa: F401 - importing it sets the level that is changed here

    loggers = [logging.getLogger(name) for name in ("pymilvus", "milvus_lite", "langchain_milvus", "asyncio", "faiss")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _refusals() -> tuple[type[Exception], ...]:
    from grpc import RpcError
    from pymilvus import MilvusException

    return MilvusException, RpcError

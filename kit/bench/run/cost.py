"""What a run costs: newly embedded texts, seconds, tokens, money and peak memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from kit.bench.records import Cost

SAMPLE_SECONDS = 0.02


class MeteredEmbeddings(Embeddings):
    """Cached embeddings that count the seconds spent, and note in a log each batch that was not in the cache."""

    def __init__(self, cached: Any, log: Path, chunker: str):  # a CacheBackedEmbeddings of load_embeddings
        self.seconds = 0.0
        self.embed_query_uncached = cached.underlying_embeddings.embed_query
        self._cached = cached
        model = cached.underlying_embeddings
        cached.underlying_embeddings = _Logged(model, log, chunker)
        self.identity = model.identity

    @property
    def parts(self) -> tuple[MeteredEmbeddings, ...]:
        """The models, one for each dense field."""
        return (self,)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors, from the cache where it has them."""
        started = time.perf_counter()
        try:
            return self._cached.embed_documents(texts)
        finally:
            self.seconds += time.perf_counter() - started

    def embed_queries(self, texts: list[str]) -> list[list[float]]:
        """The vectors of queries: together where the model takes queries like texts, else one by one."""
        if self._cached.underlying_embeddings.queries_like_texts:
            return self.embed_documents(texts)
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query, from the cache where it has it."""
        started = time.perf_counter()
        try:
            return self._cached.embed_query(text)
        finally:
            self.seconds += time.perf_counter() - started


class SeveralEmbeddings:
    """Models for several dense fields of one store; the vectors of a query stand side by side."""

    def __init__(self, parts: Sequence[MeteredEmbeddings]):
        self.parts = tuple(parts)
        self.identity = " + ".join(part.identity for part in parts)

    @property
    def seconds(self) -> float:
        """That embedding took."""
        return sum(part.seconds for part in self.parts)

    def embed_queries(self, texts: list[str]) -> np.ndarray:
        """(queries, dimensions of all models)."""
        return np.hstack([np.asarray(part.embed_queries(texts), dtype=np.float32) for part in self.parts])

    def embed_query_uncached(self, text: str) -> list[float]:
        """As a user waits for it: one model after the other."""
        return [value for part in self.parts for value in part.embed_query_uncached(text)]


class _Logged(Embeddings):
    """The model itself; a line of the log for each batch, written when the batch is done."""

    def __init__(self, model: Any, log: Path, chunker: str):  # a UnitEmbeddings
        self.name, self.identity, self.queries_like_texts = model.name, model.identity, model.queries_like_texts
        self._model, self._log, self._chunker = model, log, chunker

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._note(texts, lambda: self._model.embed_documents(texts))

    def embed_query(self, text: str) -> list[float]:
        return self._note([text], lambda: [self._model.embed_query(text)])[0]

    def _note(self, texts: list[str], embed: Callable[[], list[list[float]]]) -> list[list[float]]:
        started, tokens = time.perf_counter(), self._model.tokens_used or 0
        vectors = embed()
        told = self._model.tokens_used
        line = {
            "model": self.identity,
            "chunker": self._chunker,
            "texts": len(texts),
            "seconds": round(time.perf_counter() - started, 4),
            "tokens": None if told is None else told - tokens,
        }
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return vectors


@dataclass(frozen=True)
class Embedded:
    """The sum of a log: what was embedded by a model for a chunker, over all the runs into this folder."""

    texts: int = 0
    seconds: float = 0.0
    tokens: int | None = None


def embedded_so_far(log: Path, model: str, chunker: str) -> Embedded:
    """The sum of the log's lines on a model and a chunker; a line that a killed run left half is not counted."""
    texts, seconds, tokens = 0, 0.0, None
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if (row["model"], row["chunker"]) == (model, chunker):
            texts, seconds = texts + row["texts"], seconds + row["seconds"]
            tokens = tokens if row["tokens"] is None else (tokens or 0) + row["tokens"]
    return Embedded(texts, seconds, tokens)


def embedding_cost(embedded: Embedded, price_per_million: float | None) -> Cost:
    """The part of a Cost that embedding makes up; no rate when every text came from the cache."""
    if not embedded.texts:
        return Cost(embedded_texts=0)
    money = None
    if embedded.tokens is not None and price_per_million is not None:
        money = embedded.tokens * price_per_million / 1e6
    rate = embedded.texts / embedded.seconds if embedded.seconds else None
    return Cost(
        embedded.texts, round(embedded.seconds, 3), rate and round(rate, 1), tokens=embedded.tokens, money_usd=money
    )


def together(costs: Sequence[Cost]) -> Cost:
    """What several models cost; the rate is over all their texts, and a sum with an unknown part is unknown."""
    if len(costs) == 1:
        return costs[0]
    texts, seconds = (sum(getattr(cost, name) or 0 for cost in costs) for name in ("embedded_texts", "embed_seconds"))
    tokens, money = ([getattr(cost, name) for cost in costs] for name in ("tokens", "money_usd"))
    return Cost(
        texts, round(seconds, 3) if texts else None, round(texts / seconds, 1) if seconds else None,
        tokens=None if None in tokens else sum(tokens), money_usd=None if None in money else sum(money),
    )  # fmt: skip


class PeakMemory:
    """The most memory that this process had while the block ran, in MB, looked at 50 times a second.

    `base` are the bytes that it had before the first block: what stores of others, still open, take is not counted.
    """

    def __init__(self, base: int | None = None) -> None:
        import psutil

        self._process = psutil.Process()
        here = self._process.memory_info().rss
        self.base = here if base is None else base
        self._others = max(0, here - self.base)
        self._over = threading.Event()
        self._peak = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    @property
    def megabytes(self) -> float:
        """The peak until now."""
        return round((self._peak - self._others) / 1e6, 1)

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, self._process.memory_info().rss)

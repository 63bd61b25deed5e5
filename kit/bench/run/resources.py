"""What the conditions of a run share, each made once when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kit.bench.grid.chunkers import stored_text
from kit.bench.grid.multi_query import load_multi_query
from kit.bench.grid.rerankers import load_reranker
from kit.bench.measures.evaluate import Judgments, Texts, judgments
from kit.bench.measures.exact import QUERIES as CHECKED_QUERIES
from kit.bench.measures.exact import Exact, exact_search
from kit.bench.measures.judge_model import load_judge
from kit.bench.records import Unread, models_of
from kit.bench.run.cost import MeteredEmbeddings, SeveralEmbeddings
from kit.bench.run.own_documents import own_documents
from kit.bench.run.unread import unread
from kit.files.scratch import scratch_folder
from kit.milvus.scratch import drop_scratch_database, scratch_database
from kit.models.embeddings import load_embeddings
from kit.settings import load_settings

if TYPE_CHECKING:
    from kit.bench.collections.base import Collection
    from kit.bench.grid.chunkers import Chunker
    from kit.bench.grid.grid import Grid
    from kit.bench.grid.multi_query import MultiQuery
    from kit.bench.grid.rerankers import Reranker
    from kit.bench.measures.judge_model import Judge
    from kit.bench.out_folder import OutFolder


@dataclass
class Resources:
    """The collection with its judgments for each chunker, the queries' vectors, the exact answers, judge, reranker."""

    grid: Grid
    out: OutFolder
    collection: Collection
    _judgments: dict[str, Judgments] = field(default_factory=dict)
    _texts: dict[str, Texts] = field(default_factory=dict)
    _vectors: dict[str, np.ndarray] = field(default_factory=dict)
    _exact: dict[tuple[str, str], Exact] = field(default_factory=dict)
    _unread: dict[tuple[str, str], Unread | None] = field(default_factory=dict)
    _rerankers: dict[str, Reranker] = field(default_factory=dict)
    _multi_queries: dict[str, MultiQuery] = field(default_factory=dict)
    _server: str | None = None

    def judgments(self, chunker: Chunker) -> Judgments:
        """The judgments of this chunking."""
        if chunker.name not in self._judgments:
            self._judgments[chunker.name] = judgments(self.collection, chunker)
        return self._judgments[chunker.name]

    def texts(self, chunker: Chunker) -> Texts:
        """The texts that this chunking's hits stand for."""
        if chunker.name not in self._texts:
            self._texts[chunker.name] = Texts(self.collection, chunker, self.judgments(chunker))
        return self._texts[chunker.name]

    def embeddings(self, name: str, purpose: str) -> MeteredEmbeddings | SeveralEmbeddings:
        """Embeddings that note what they cost, under a chunker's name or `queries`."""
        log = self.out.embedding_log
        parts = [MeteredEmbeddings(load_embeddings(model), log, purpose) for model in models_of(name)]
        return parts[0] if len(parts) == 1 else SeveralEmbeddings(parts)

    def query_vectors(self, name: str) -> np.ndarray:
        """(queries, dimensions), in the order of the collection's queries."""
        if name not in self._vectors:
            vectors = self.embeddings(name, "queries").embed_queries([query.text for query in self.collection.queries])
            self._vectors[name] = np.asarray(vectors, dtype=np.float32)
        return self._vectors[name]

    def unread(self, name: str, chunker: Chunker) -> Unread | None:
        """What the model never reads of this chunking's texts; of several models, the one that reads least."""
        for model in models_of(name):
            if (model, chunker.name) not in self._unread:
                texts = map(stored_text, chunker.split(self.collection.documents()))
                self._unread[model, chunker.name] = unread(load_embeddings(model), model, texts)
        found = [left for model in models_of(name) if (left := self._unread[model, chunker.name])]
        return max(found, key=lambda left: left.tokens, default=None)

    @cached_property
    def own_documents(self) -> frozenset[str]:
        """The queries whose own text is searched."""
        return own_documents(self.collection)

    def exact(self, name: str, chunker: Chunker) -> Exact:
        """Exact search over all vectors, for the first queries."""
        key = (name, chunker.name)
        if key not in self._exact:
            chunks = chunker.split(self.collection.documents())
            (model,) = self.embeddings(name, chunker.name).parts
            self._exact[key] = exact_search(chunks, model, self.checked_queries(name))
        return self._exact[key]

    def checked_queries(self, name: str) -> np.ndarray:
        """The vectors of the queries that indexes are held against exact search with."""
        return self.query_vectors(name)[:CHECKED_QUERIES]

    def uri(self, engine: str) -> str:
        """Where a store is made: a new Lite file, this run's database on the server, or the one named in MILVUS_URI."""
        if engine == "milvus-lite":
            return str(scratch_folder("bench") / "milvus.db")
        self._server = self._server or scratch_database(str(load_settings().milvus_uri))
        return self._server

    def close(self) -> None:
        """Drop this run's database on the server."""
        if self._server:
            drop_scratch_database(self._server)

    def reranker(self, name: str) -> Reranker | None:
        """The reranker of a name, made once; None for none."""
        if name and name not in self._rerankers:
            self._rerankers[name] = load_reranker(name)
        return self._rerankers.get(name)

    def multi_query(self, name: str) -> MultiQuery | None:
        """The chat model that words questions anew, made once; None for none."""
        if name and name not in self._multi_queries:
            self._multi_queries[name] = load_multi_query(name)
        return self._multi_queries.get(name)

    @cached_property
    def judge(self) -> Judge | None:
        """The chat model that KIT_JUDGE names."""
        return load_judge() if "judge" in self.grid.extras else None

"""Rerankers by name: LangChain's document compressors, cross-encoders, and any class of an outside package."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from kit import registry
from kit.bench.search.retriever import RERANKED
from kit.errors import KitError, nearest
from kit.settings import mask

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, Document
    from langchain_core.embeddings import Embeddings


class Provider(NamedTuple):
    """Where a kind of reranker comes from."""

    module: str
    class_name: str
    argument: str  # that names the model
    package: str  # as pip knows it
    imports: str = ""  # a module that the class needs when it is made, where that is another


PROVIDERS = {
    "cohere": Provider("langchain_cohere", "CohereRerank", "model", "langchain-cohere"),
    "voyageai": Provider("langchain_voyageai", "VoyageAIRerank", "model", "langchain-voyageai"),
    "nvidia": Provider("langchain_nvidia_ai_endpoints", "NVIDIARerank", "model", "langchain-nvidia-ai-endpoints"),
    "jina": Provider("langchain_community.document_compressors", "JinaRerank", "model", "langchain-community"),
    "flashrank": Provider(
        "langchain_community.document_compressors", "FlashrankRerank", "model", "flashrank", "flashrank"
    ),
    "cross-encoder": Provider(
        "sentence_transformers", "CrossEncoder", "", "sentence-transformers", "sentence_transformers"
    ),
}
FORMS = "embeddings:minilm, cross-encoder:MODEL, cohere:rerank-v3.5 and the like, or package.module:Class"
NOT_CONFIGURED = "no reranker is configured: give --reranker, such as embeddings:minilm or cohere:rerank-v3.5"


@dataclass
class Reranker:
    """A compressor under its name; `asked` and `empty` count the queries, and those of which it gave back no text.

    `fresh` is the same without a cache of vectors, where it has one: what a user waits for.
    """

    name: str
    compress: Callable[[Sequence[Document], str], Sequence[Document]]
    fresh: Callable[[Sequence[Document], str], Sequence[Document]] | None = None
    seconds: float = field(default=0.0, compare=False)
    asked: int = field(default=0, compare=False)
    empty: int = field(default=0, compare=False)

    def uncached(self) -> Reranker:
        """The same with counts of its own, and without a cache."""
        return Reranker(self.name, self.fresh or self.compress)

    def __call__(self, query: str, documents: list[Document]) -> list[Document]:
        """The documents in its order; those that it leaves out are not there.

        Raises KitError when it fails, or when a relevance score of its is not a number.
        """
        if not documents:
            return []
        started = time.perf_counter()
        try:
            ranked = list(self.compress(documents, query))
        except Exception as error:  # noqa: BLE001 - every provider has errors of its own
            words = mask(f"{type(error).__name__}: {error}")
            raise KitError(f'The reranker "{self.name}" failed on {len(documents)} texts: {words}') from None
        self.seconds += time.perf_counter() - started
        scores = [document.metadata.get("relevance_score", 0.0) for document in ranked]
        if any(score != score for score in scores):
            raise KitError(f'The reranker "{self.name}" gave a score that is not a number (NaN) for {query[:60]!r}.')
        self.asked += 1
        self.empty += not ranked
        return ranked


def load_reranker(name: str) -> Reranker:
    """`cohere:rerank-v3.5` and other providers, `embeddings:minilm` (cosine), `cross-encoder:MODEL`, or your own class.

    Raises KitError for an unknown provider, a package or a key that is not there.
    """
    kind, colon, model = name.partition(":")
    if kind in registry.names("rerankers") or registry.is_path(name):
        return Reranker(name, _from_outside(name, kind))
    if not colon or not model:
        raise KitError(f'Found the reranker "{name}"', wanted=f"provider:model, such as {FORMS}")
    if kind == "embeddings":
        from kit.models.embeddings import load_embeddings

        cached = load_embeddings(model)
        alone = getattr(cached, "underlying_embeddings", cached)
        return Reranker(name, _nearest(cached).compress_documents, _nearest(alone).compress_documents)
    if kind == "cross-encoder":
        return Reranker(name, _cross_encoder(name, model))
    return Reranker(name, _compressor(name, kind, model).compress_documents)


def _from_outside(name: str, kind: str) -> Callable[[Sequence[Document], str], Sequence[Document]]:
    """A compressor of LangChain that a package registers or a path names: an object, or what makes one."""
    from langchain_core.documents import BaseDocumentCompressor

    known = name if registry.is_path(name) else kind
    compressor = registry.instance("rerankers", known, BaseDocumentCompressor, "a BaseDocumentCompressor")
    return compressor.compress_documents


def _nearest(embeddings: Embeddings) -> BaseDocumentCompressor:
    from langchain_classic.retrievers.document_compressors import EmbeddingsFilter

    return EmbeddingsFilter(embeddings=embeddings, k=RERANKED)


def _cross_encoder(name: str, model: str) -> Callable[[Sequence[Document], str], list[Document]]:
    encoder = _made(name, PROVIDERS["cross-encoder"], model)

    def compress(documents: Sequence[Document], query: str) -> list[Document]:
        scores = encoder.predict([(query, document.page_content) for document in documents])
        scored = [
            document.model_copy(update={"metadata": document.metadata | {"relevance_score": float(score)}})
            for document, score in zip(documents, scores, strict=True)
        ]
        return sorted(scored, key=lambda document: -document.metadata["relevance_score"])

    return compress


def _compressor(name: str, kind: str, model: str) -> BaseDocumentCompressor:
    if kind not in PROVIDERS:
        known = [*PROVIDERS, "embeddings", *registry.names("rerankers")]
        raise KitError(f'No reranker is called "{name}".{nearest(kind, known)}', wanted=FORMS)
    compressor = _made(name, PROVIDERS[kind], model)
    if "top_n" in getattr(type(compressor), "model_fields", ()):
        compressor.top_n = RERANKED
    return compressor


def _made(name: str, provider: Provider, model: str):
    try:
        if provider.imports:
            import_module(provider.imports)
        maker = getattr(import_module(provider.module), provider.class_name)
    except (ImportError, AttributeError) as error:
        where = f"{provider.module}.{provider.class_name}"
        mend = f"Install {provider.package}." if provider.class_name != model else ""
        raise KitError(f'The reranker "{name}" needs {where}, which is not there: {error}.', mend=mend) from None
    try:
        if provider.argument:
            return maker(**{provider.argument: model})
        return maker(model) if provider.class_name != model else maker()
    except Exception as error:  # noqa: BLE001 - a missing key is told in many ways
        words = mask(" ".join(f"{type(error).__name__}: {error}".split()))
        raise KitError(f'The reranker "{name}" cannot be made: {words[:300]}') from None

"""Rerankers through LangChain's document compressors, by a provider string."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kit.bench.grid.retrievers import RERANKED
from kit.bench.search.retrieve import Reranker
from kit.errors import KitError, nearest
from kit.settings import mask

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, Document

# provider -> (package, class, the argument that names the model)
PROVIDERS = {
    "cohere": ("langchain_cohere", "CohereRerank", "model"),
    "voyageai": ("langchain_voyageai", "VoyageAIRerank", "model"),
    "nvidia": ("langchain_nvidia_ai_endpoints", "NVIDIARerank", "model"),
    "jina": ("langchain_community.document_compressors", "JinaRerank", "model"),
    "flashrank": ("langchain_community.document_compressors", "FlashrankRerank", "model"),
}
NOT_CONFIGURED = "no reranker is configured: give --reranker, such as embeddings:minilm or cohere:rerank-v3.5"


def load_reranker(name: str) -> Reranker:
    """`cohere:rerank-v3.5` and other providers, `embeddings:minilm` (cosine), or `package.module:Class` of your own.

    Raises KitError for an unknown provider, a package or a key that is not there.
    """
    kind, colon, model = name.partition(":")
    if not colon or not model:
        raise KitError(f'Found the reranker "{name}"; wanted provider:model, such as embeddings:minilm.')
    compressor = _embeddings(model) if kind == "embeddings" else _compressor(name, kind, model)

    def rerank(query: str, documents: list[Document]) -> list[Document]:
        try:
            return list(compressor.compress_documents(documents, query))
        except Exception as error:  # noqa: BLE001 - every provider has errors of its own
            words = mask(f"{type(error).__name__}: {error}")
            raise KitError(f'The reranker "{name}" failed on {len(documents)} texts: {words}') from None

    return rerank


def _embeddings(model: str) -> BaseDocumentCompressor:
    from langchain_classic.retrievers.document_compressors import EmbeddingsFilter

    from kit.models.embeddings import load_embeddings

    return EmbeddingsFilter(embeddings=load_embeddings(model), k=RERANKED)


def _compressor(name: str, kind: str, model: str) -> BaseDocumentCompressor:
    package, class_name, argument = PROVIDERS.get(kind, (kind, model, ""))
    if kind not in PROVIDERS and "." not in kind:
        raise KitError(
            f'No reranker is called "{name}".{nearest(kind, [*PROVIDERS, "embeddings"])} Wanted one of '
            f"{', '.join(PROVIDERS)} or embeddings with a model, or package.module:Class."
        )
    try:
        found = getattr(import_module(package), class_name)
        compressor = found(**({argument: model} if argument else {}))
    except (ImportError, AttributeError) as error:
        raise KitError(f'The reranker "{name}" needs {package}.{class_name}, which is not there: {error}') from None
    except Exception as error:  # noqa: BLE001 - a missing key is told in many ways
        raise KitError(f'The reranker "{name}" cannot be made: {type(error).__name__}: {error}') from None
    if "top_n" in type(compressor).model_fields:
        compressor.top_n = RERANKED
    return compressor

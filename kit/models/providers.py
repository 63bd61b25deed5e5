"""Embeddings of any provider of LangChain's init_embeddings, and of any model: vectors of unit length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from langchain_core.embeddings import Embeddings

from kit.errors import KitError
from kit.settings import load_settings, mask

if TYPE_CHECKING:
    import httpx


class TokenLimit(NamedTuple):
    """How many tokens of a text a model reads, and what counts a text's tokens."""

    tokens: int
    lengths: Callable[[Sequence[str]], list[int]]


class UnitEmbeddings(Embeddings):
    """A model that turns texts into vectors of unit length; empty texts are refused.

    `embed_queries` is for a model that takes queries otherwise than texts; `tokens_used` is what a provider told so
    far, None where nobody tells; `limit` is what a model reads of a text, None where it reads all or nobody tells.
    """

    def __init__(
        self,
        name: str,
        identity: str,
        embed: Callable[[Sequence[str]], np.ndarray],
        embed_queries: Callable[[Sequence[str]], np.ndarray] | None = None,
        limit: TokenLimit | None = None,
    ):
        self.name = name
        self.limit = limit
        self.identity = identity
        self.tokens_used: int | None = None
        self.queries_like_texts = embed_queries is None
        self._embed, self._embed_queries = embed, embed_queries or embed

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, as lists of floats that float32 holds exactly."""
        return self._unit(texts, self._embed)

    def embed_query(self, text: str) -> list[float]:
        """The vector of one query."""
        return self._unit([text], self._embed_queries)[0]

    def _unit(self, texts: list[str], embed: Callable[[Sequence[str]], np.ndarray]) -> list[list[float]]:
        if not texts:
            return []
        for position, text in enumerate(texts):
            if not text.strip():
                raise KitError(
                    f"Text {position + 1} of {len(texts)} to embed is empty; an empty text has no direction",
                    mend="Drop empty chunks before storing or searching.",
                )
        vectors = np.asarray(embed(texts), dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        if bad.size:
            raise KitError(
                f"{self.identity} gave no usable vector for {texts[bad[0]][:60]!r}: its length is "
                f"{norms[bad[0], 0]}. The text holds nothing that the model knows; drop it or use minilm."
            )
        unit: list[list[float]] = (vectors / norms).tolist()
        return unit


def load_provider(name: str) -> UnitEmbeddings:
    """Any provider of LangChain's init_embeddings; the missing package or key is named."""
    from langchain.embeddings import init_embeddings

    settings = load_settings()
    provider = name.split(":", 1)[0]
    if provider == "openai" and settings.openai_api_key is None:
        raise KitError(
            f'"{name}" needs OPENAI_API_KEY, which is not set',
            mend="Set it in the environment or in .env, with OPENAI_BASE_URL for a compatible endpoint; or use "
            "minilm, which needs no key.",
        )
    options: dict[str, Any] = {}
    tokens = None
    if provider == "openai":
        tokens = _TokenCount()
        options = {"api_key": settings.openai_api_key, "http_client": tokens.client}
        if settings.openai_base_url:
            # Compatible endpoints rarely take token arrays, which is what the client sends otherwise.
            options |= {"base_url": settings.openai_base_url, "check_embedding_ctx_length": False}
    try:
        embeddings = init_embeddings(name, **options)
    except ImportError as error:
        raise KitError(f'"{name}" needs a package that is not installed: {error}') from None
    except ValueError as error:
        raise KitError(f'"{name}" cannot be loaded: {error}') from None
    endpoint = hashlib.sha256(str(settings.openai_base_url).encode()).hexdigest()[:8]
    identity = f"{name}@{endpoint}" if settings.openai_base_url and provider == "openai" else name

    def embed(texts: Sequence[str]) -> np.ndarray:
        vectors = _reported(lambda: embeddings.embed_documents(list(texts)), name, len(texts))
        model.tokens_used = tokens.total if tokens else None
        return vectors

    def embed_queries(texts: Sequence[str]) -> np.ndarray:
        return _reported(lambda: [embeddings.embed_query(text) for text in texts], name, len(texts))

    # OpenAI's models take both alike; of other providers' only their client knows.
    model = UnitEmbeddings(name, identity, embed, None if provider == "openai" else embed_queries)
    return model


class _TokenCount:
    """An HTTP client that adds up the `usage` of an OpenAI-compatible endpoint's answers; `total` None: none told."""

    def __init__(self) -> None:
        self.total: int | None = None

    @cached_property
    def client(self) -> httpx.Client:
        import httpx

        return httpx.Client(event_hooks={"response": [self._count]}, follow_redirects=True, timeout=600)

    def _count(self, response: httpx.Response) -> None:
        response.read()
        try:
            self.total = (self.total or 0) + int(response.json()["usage"]["total_tokens"])
        except (ValueError, KeyError, TypeError):
            return


def _reported(embed: Callable[[], list[list[float]]], name: str, count: int) -> np.ndarray:
    """Embed through a provider; what goes wrong there is said in a sentence, without the key."""
    try:
        return np.asarray(embed(), dtype=np.float32)
    except Exception as error:  # noqa: BLE001 - every provider has errors of its own
        words = mask(str(error))
        raise KitError(f'"{name}" did not embed {count} texts: {type(error).__name__}: {words}') from None

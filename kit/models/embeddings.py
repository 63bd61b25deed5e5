"""A name -> LangChain Embeddings whose vectors have unit length and are cached on disk by content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.stores import ByteStore

from kit.errors import KitError, nearest
from kit.models.minilm import MINILM_MODEL, MiniLM
from kit.models.providers import UnitEmbeddings, load_provider
from kit.settings import load_settings

if TYPE_CHECKING:
    import diskcache

EMBEDDED = ("minilm", "wordllama")
CACHE_BATCH = 64  # texts embedded between two writes of the cache: what a killed run loses at most


def load_embeddings(name: str | None = None) -> Embeddings:
    """Embeddings by name, or by KIT_EMBEDDINGS when no name is given.

    `minilm` (all-MiniLM-L6-v2, int8 ONNX, 384 dimensions, the default) and `wordllama` (static, 256 dimensions)
    need no key and no network; `provider:model` (`openai:text-embedding-3-small`) is any provider of LangChain's
    `init_embeddings`. Vectors are float32 of unit length. A text is embedded once: the cache in KIT_CACHE_DIR is
    keyed by the model's identity and the text.

    Raises:
        KitError: an unknown name, a package or key that is not there, a damaged model file, an unwritable cache.
    """
    from langchain_classic.embeddings import CacheBackedEmbeddings
    from langchain_classic.storage import EncoderBackedStore

    model = _load_model(name or load_settings().embeddings)
    disk = _DiskStore(load_settings().cache_dir / "embeddings")

    def vectors(purpose: str) -> EncoderBackedStore:
        return EncoderBackedStore(
            disk,
            lambda text: (
                f"{model.identity}/{purpose}{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
            ),
            lambda vector: np.asarray(vector, dtype=np.float32).tobytes(),
            lambda data: np.frombuffer(data, dtype=np.float32).tolist(),
        )

    store = vectors("")
    # A model that takes queries otherwise than texts gives the same words two vectors.
    queries = store if model.queries_like_texts else vectors("query/")
    return CacheBackedEmbeddings(model, store, batch_size=CACHE_BATCH, query_embedding_store=queries)


def embeddings_name(embeddings: Embeddings) -> str:
    """The name by which `load_embeddings` gave them, fit for a file name: `minilm`, `openai-text-embedding-3-small`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", embeddings.underlying_embeddings.name)


def embeddings_identity(embeddings: Embeddings) -> str:
    """The model's name with what fixes its vectors (file hash or version), such as `minilm-8199be6f`."""
    return embeddings.underlying_embeddings.identity


def _load_model(name: str) -> UnitEmbeddings:
    if name == "minilm":
        return UnitEmbeddings(name, f"minilm-{MINILM_MODEL.sha256[:8]}", MiniLM().embed)
    if name == "wordllama":
        return UnitEmbeddings(name, f"wordllama-{version('wordllama')}", lambda texts: _wordllama().embed(list(texts)))
    if ":" in name:
        return load_provider(name)
    raise KitError(
        f'No embeddings are called "{name}".{nearest(name, EMBEDDED)} '
        f"Wanted: {' or '.join(EMBEDDED)}, or provider:model such as openai:text-embedding-3-small."
    )


@cache
def _wordllama():
    import wordllama

    # The weights lie in the package; without its folder as the cache it would ask a model hub.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


class _DiskStore(ByteStore):
    """LangChain's byte store over diskcache (SQLite): two processes may write it, a killed one breaks nothing."""

    def __init__(self, folder: Path):
        self._folder = folder

    @cached_property
    def _cache(self) -> diskcache.Cache:
        import sqlite3

        import diskcache

        try:
            return diskcache.Cache(str(self._folder), eviction_policy="none", timeout=60)
        except (OSError, sqlite3.Error) as error:
            raise KitError(
                f"The embedding cache {self._folder} cannot be written ({error}). "
                "Set KIT_CACHE_DIR to a folder that can be written."
            ) from None

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self._cache.get(key) for key in keys]

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        with self._cache.transact():
            for key, value in key_value_pairs:
                self._cache[key] = value

    def mdelete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._cache.delete(key)

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        return (key for key in self._cache if key.startswith(prefix or ""))

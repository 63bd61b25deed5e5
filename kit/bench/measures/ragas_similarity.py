"""ragas' similarity of two texts, told apart faster; imports ragas, so import it late."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ragas.dataset_schema import SingleTurnSample
from ragas.metrics._string import NonLLMStringSimilarity
from rapidfuzz.distance import Levenshtein

THRESHOLD = 0.5  # from which ragas' non-LLM context metrics take two texts as alike


class TextSimilarity(NonLLMStringSimilarity):
    """As ragas' own from `THRESHOLD` upwards; below it 0, which those metrics cannot tell from the true value.

    Precision and recall ask for the same pairs, so each is compared once; and without the callbacks and time-outs
    that ragas wraps round every comparison.
    """

    async def single_turn_ascore(self, sample: SingleTurnSample, callbacks: Any = None, timeout: Any = None) -> float:
        """The similarity of the sample's reference and response, from 0 to 1."""
        del callbacks, timeout
        return _alike(*sorted((sample.reference or "", sample.response or "")))


@lru_cache(maxsize=50_000)
def _alike(one: str, other: str) -> float:
    return 1 - Levenshtein.normalized_distance(one, other, score_cutoff=THRESHOLD)

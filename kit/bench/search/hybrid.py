"""`hybrid`, `hybrid-weighted`, `hybrid-tuned`: vectors and words, joined by reciprocal rank or by weighted scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from kit.bench.search.method import SearchMethod
from kit.bench.search.parameters import Parameters
from kit.bench.search.request import RRF_K, Hit, Request
from kit.bench.search.words import MOST_HITS, Needs, WordSearch

FETCH = 100  # hits of each leg
FOLDS = 5


@dataclass(frozen=True)
class _TwoLegs(SearchMethod):
    """Vectors and words; `fetch` hits of each are joined."""

    words: WordSearch = field(default_factory=WordSearch)
    fetch: int = FETCH
    fixed: bool = False  # the name says it

    @property
    def needs(self) -> Needs:
        """Both."""
        return Needs(dense=True, words=self.words)

    def for_hits(self, k: int) -> Self:
        """Each leg gives k hits at least, unless the name says how many."""
        return self if self.fixed else replace(self, fetch=min(max(FETCH, k), MOST_HITS))

    def depth_of_leg(self, depth: int) -> int:
        """More than `fetch` where several chunks are of one document and the name does not fix it."""
        return self.fetch if self.fixed else min(max(self.fetch, depth), MOST_HITS)

    @property
    def _options(self) -> list[str]:
        return [*self.words.options, *([f"fetch={self.fetch}"] if self.fetch != FETCH else [])]


def _two_legs(parameters: Parameters) -> tuple[WordSearch, int, bool]:
    """The options that both have."""
    fixed = "fetch" in parameters.options
    return WordSearch.parse(parameters), parameters.take_int("fetch", FETCH, 1, MOST_HITS), fixed


@dataclass(frozen=True)
class HybridRRF(_TwoLegs):
    """By reciprocal rank fusion."""

    summary = "both, by reciprocal rank (hybrid-rrf-30: k of 30 instead of 60)"
    rrf_k: int = RRF_K

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """The number is RRF's k."""
        return cls(*_two_legs(parameters), parameters.take_number(RRF_K, 1, MOST_HITS - 1, "RRF's k as a number"))

    @property
    def name(self) -> str:
        """hybrid-rrf, with its k where that is not 60."""
        return ":".join(["hybrid-rrf" + (f"-{self.rrf_k}" if self.rrf_k != RRF_K else ""), *self._options])

    def settings(self, depth: int) -> dict[str, str]:
        """RRF's k, and the hits of each leg."""
        return {"rrf_k": str(self.rrf_k), "fetch": str(self.depth_of_leg(depth))}

    def search(self, request: Request) -> list[list[Hit]]:
        """By the sum of 1 / (k + rank) over the legs."""
        from pymilvus import RRFRanker

        return request.fused(RRFRanker(self.rrf_k), self.depth_of_leg(request.depth))


@dataclass(frozen=True)
class HybridWeighted(_TwoLegs):
    """By a weighted sum of the legs' scores, as Milvus scales them."""

    summary = "both, by weighted scores (hybrid-weighted-70: 70 % dense)"
    percent: int = 50

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """The number is the dense share in per cent."""
        return cls(*_two_legs(parameters), parameters.take_number(50, 0, 100, "a share in per cent"))

    @property
    def name(self) -> str:
        """hybrid-weighted, with its share where that is not half."""
        return ":".join(["hybrid-weighted" + (f"-{self.percent}" if self.percent != 50 else ""), *self._options])

    def settings(self, depth: int) -> dict[str, str]:
        """The weights, and the hits of each leg."""
        dense = self.percent / 100
        return {"weights": f"{dense:g} dense, {1 - dense:g} BM25", "fetch": str(self.depth_of_leg(depth))}

    def search(self, request: Request) -> list[list[Hit]]:
        """By the weighted sum."""
        from pymilvus import WeightedRanker

        dense = self.percent / 100 / len(request.store.embeddings)  # each field of vectors has an equal part
        ranker = WeightedRanker(*[dense] * len(request.store.embeddings), 1 - self.percent / 100)
        return request.fused(ranker, self.depth_of_leg(request.depth))


@dataclass(frozen=True)
class HybridTuned(_TwoLegs):
    """By a weighted sum whose weight is chosen for each fold of the queries on the other folds' judgments."""

    summary = "both, by weights tuned on other folds of the queries (hybrid-tuned-10: ten folds)"
    folds: int = FOLDS
    percents: Mapping[str, int] = field(default_factory=dict, compare=False)  # query id -> dense share, once tuned

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """The number is how many folds the queries are divided into."""
        return cls(*_two_legs(parameters), parameters.take_number(FOLDS, 2, 100, "a number of folds"))

    @property
    def name(self) -> str:
        """hybrid-tuned, with its folds where they are not five."""
        return ":".join(["hybrid-tuned" + (f"-{self.folds}" if self.folds != FOLDS else ""), *self._options])

    def settings(self, depth: int) -> dict[str, str]:
        """The dense shares that were chosen, and the hits of each leg."""
        chosen = ", ".join(f"{percent / 100:g}" for percent in sorted(set(self.percents.values())))
        return {"dense shares": chosen, "fetch": str(self.depth_of_leg(depth))}

    def weighted(self, percent: int) -> HybridWeighted:
        """The same with one weight for all queries."""
        return HybridWeighted(self.words, self.fetch, self.fixed, percent)

    def search(self, request: Request) -> list[list[Hit]]:
        """Each query with its fold's weight; half and half before it is tuned, which costs the same."""
        of_percent: dict[int, list[int]] = {}
        for place, query in enumerate(request.queries):
            of_percent.setdefault(self.percents.get(query.query_id, 50), []).append(place)
        answers: dict[int, list[Hit]] = {}
        for percent, places in of_percent.items():
            vectors = None if request.vectors is None else request.vectors[places]
            part = replace(request, queries=[request.queries[place] for place in places], vectors=vectors)
            answers |= dict(zip(places, self.weighted(percent).search(part), strict=True))
        return [answers[place] for place in range(len(request.queries))]

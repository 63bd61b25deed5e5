"""`mmr`: maximal marginal relevance, over a depth that is a number of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from kit.bench.search.method import SearchMethod
from kit.bench.search.parameters import Parameters
from kit.bench.search.request import Hit, Request
from kit.bench.search.words import MOST_HITS, Needs
from kit.errors import KitError

FETCH = 200


@dataclass(frozen=True)
class MMR(SearchMethod):
    """The `fetch` nearest, each next one by `percent` likeness to the query against likeness to those before it."""

    summary = "dense, then maximal marginal relevance (mmr-70:fetch=50: lambda .7 instead of .5, over 50 hits)"
    queries_a_request = 10  # that bring the vectors of their hits
    one_field = True
    percent: int = 50
    fetch: int = FETCH
    fixed: bool = False  # the name says it

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """The number is lambda in per cent; `fetch` is how many hits it chooses from."""
        fixed = "fetch" in parameters.options
        fetch = parameters.take_int("fetch", FETCH, 1, MOST_HITS)
        return cls(parameters.take_number(50, 0, 100, "lambda in per cent"), fetch, fixed)

    @property
    def name(self) -> str:
        """Always with its depth: another one gives another order from the second hit on."""
        return f"mmr{f'-{self.percent}' if self.percent != 50 else ''}:fetch={self.fetch}"

    @property
    def needs(self) -> Needs:
        """Vectors."""
        return Needs(dense=True)

    @property
    def most(self) -> int:
        """It gives what it fetched."""
        return self.fetch

    def for_hits(self, k: int) -> Self:
        """Twice k where that is more than the usual depth; a depth that the name gives stays, and must hold k."""
        if self.fixed and self.fetch < k:
            raise KitError(f'"{self.name}" chooses from {self.fetch} hits; k is {k}', wanted=f"fetch={k} or more, "
                           f"or --k {self.fetch}")  # fmt: skip
        return self if self.fixed else replace(self, fetch=min(max(FETCH, 2 * k), MOST_HITS))

    def settings(self, depth: int) -> dict[str, str]:  # noqa: ARG002 - it does not hang on how many hits are asked for
        """lambda, and the hits that it chooses from."""
        return {"lambda": f"{self.percent / 100:g}", "fetch": str(self.fetch)}

    def search(self, request: Request) -> list[list[Hit]]:
        """In the order in which LangChain's maximal_marginal_relevance picks."""
        answers = []
        vectors = () if request.vectors is None else request.vectors
        for vector, hits in zip(vectors, request.nearest(self.fetch, "vector"), strict=True):
            order = marginal_relevance(
                vector, np.array([hit.vector for hit in hits]), self.percent / 100, request.depth
            )
            answers.append([hits[place]._replace(score=1 / rank) for rank, place in enumerate(order, start=1)])
        return answers


def marginal_relevance(query: np.ndarray, vectors: np.ndarray, share: float, k: int) -> list[int]:
    """The rows that LangChain's maximal_marginal_relevance picks, in its order, without its quadratic cost.

    query (dimensions,), vectors (rows, dimensions); `share` is lambda, 1 for relevance alone.
    """
    if not len(vectors):
        return []
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = vectors @ (query / np.linalg.norm(query))
    chosen = [int(np.argmax(relevance))]
    redundancy = vectors @ vectors[chosen[0]]
    while len(chosen) < min(k, len(vectors)):
        gain = share * relevance - (1 - share) * redundancy
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
        redundancy = np.maximum(redundancy, vectors @ vectors[chosen[-1]])
    return chosen

"""`dense`: the nearest vectors."""

from __future__ import annotations

from dataclasses import dataclass

from kit.bench.search.method import SearchMethod
from kit.bench.search.request import Hit, Request
from kit.bench.search.words import Needs


@dataclass(frozen=True)
class Dense(SearchMethod):
    """By cosine, through the condition's index."""

    summary = "vectors, by cosine"

    @property
    def name(self) -> str:
        """dense."""
        return "dense"

    @property
    def needs(self) -> Needs:
        """Vectors."""
        return Needs(dense=True)

    def search(self, request: Request) -> list[list[Hit]]:
        """The nearest."""
        return request.nearest(request.depth)

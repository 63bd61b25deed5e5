"""Retrievers by name, `hybrid-weighted-70+rerank`: what they need and what their numbers mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.bench.search.store import Legs
from kit.errors import KitError, nearest

MOST_HITS = 16_384  # a query, Milvus' limit
FETCH = 100  # hits a leg of hybrid search gives at least
MMR_FETCH = 2  # times k: what MMR chooses from
RERANKED = 50  # hits that the reranker sees; the others keep their places behind
BASES = {
    "dense": "vectors, by cosine",
    "bm25": "Milvus' built-in full text",
    "hybrid-rrf": "both, by reciprocal rank (hybrid-rrf-30: k of 30 instead of 60)",
    "hybrid-weighted": "both, by weighted scores (hybrid-weighted-70: 70 % dense)",
    "mmr": "dense, then maximal marginal relevance (mmr-70: lambda .7 instead of .5)",
}


@dataclass(frozen=True)
class Retriever:
    """A way to search: a base with its number, and whether hits are filtered by the query's fields or reranked."""

    base: str
    number: int
    filtered: bool = False
    reranked: bool = False

    @property
    def name(self) -> str:
        """As in a condition's id."""
        usual = _NUMBERS.get(self.base, 0)
        number = "" if self.number == usual else f"-{self.number}"
        return self.base + number + "+filter" * self.filtered + "+rerank" * self.reranked

    @property
    def legs(self) -> Legs:
        """Which vectors it needs."""
        return {"dense": "dense", "mmr": "dense", "bm25": "sparse"}.get(self.base, "both")

    def settings(self, k: int) -> dict[str, str]:
        """What it does beyond its name."""
        said = {}
        if self.base == "mmr":
            said = {"lambda": f"{self.number / 100:g}", "fetch": str(mmr_fetch(k))}
        if self.base == "hybrid-rrf":
            said = {"rrf_k": str(self.number), "fetch": str(hybrid_fetch(k))}
        if self.base == "hybrid-weighted":
            said = {
                "weights": f"{self.number / 100:g} dense, {1 - self.number / 100:g} BM25",
                "fetch": str(hybrid_fetch(k)),
            }
        return said | ({"reranked": str(min(RERANKED, k))} if self.reranked else {})


_NUMBERS = {"hybrid-rrf": 60, "hybrid-weighted": 50, "mmr": 50}


def parse_retriever(name: str) -> Retriever:
    """`dense`, `bm25`, `hybrid` (that is hybrid-rrf), `hybrid-weighted-70`, `mmr`, each with +filter and +rerank."""
    base, *more = name.split("+")
    match = re.fullmatch(r"([a-z0-9]+(?:-[a-z]+)?)(?:-(\d+))?", base)
    kind, number = match.groups() if match else (base, None)
    kind = "hybrid-rrf" if kind == "hybrid" else kind
    usual = _NUMBERS.get(kind)
    if kind not in BASES or not set(more) <= {"filter", "rerank"} or (number and usual is None):
        raise KitError(
            f'No retriever is called "{name}".{nearest(kind, list(BASES))} Wanted {", ".join(BASES)}, each also with '
            "+filter or +rerank."
        )
    if number and kind != "hybrid-rrf" and int(number) > 100:
        raise KitError(f'Found the retriever "{name}"; wanted a share from 0 to 100 (per cent).')
    return Retriever(kind, int(number) if number else usual or 0, "filter" in more, "rerank" in more)


def hybrid_fetch(k: int) -> int:
    """How many hits each leg of hybrid search gives, so that k can be filled."""
    return min(max(k, FETCH), MOST_HITS)


def mmr_fetch(k: int) -> int:
    """How many hits MMR chooses k from."""
    return min(MMR_FETCH * k, MOST_HITS)

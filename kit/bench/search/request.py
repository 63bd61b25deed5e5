"""Queries that are put to a store together, and the searches that methods are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kit.bench.records import Query

if TYPE_CHECKING:
    from pymilvus import AnnSearchRequest, RRFRanker, WeightedRanker

    from kit.bench.search.store import Store


LEG = 100  # hits at least of each field, where several are joined
RRF_K = 60


class Hit(NamedTuple):
    """A row that Milvus found: its id and score (higher is better); text and vector where they were asked for."""

    row_id: str
    score: float
    text: str = ""
    vector: Sequence[float] = ()


@dataclass(frozen=True)
class Request:
    """Queries with one filter, their vectors (queries, dimensions), and how many hits each is to get."""

    store: Store
    queries: Sequence[Query]
    vectors: np.ndarray | None
    depth: int
    filter: str = ""
    fields: tuple[str, ...] = ("pk",)  # that come back with each hit
    search_params: dict[str, Any] | None = None  # of the dense index; None for those that scores are measured with

    @property
    def texts(self) -> list[str]:
        """The queries' words."""
        return [query.text for query in self.queries]

    def nearest(self, depth: int, *fields: str) -> list[list[Hit]]:
        """By the vectors' cosine; where the store has several fields of vectors, by reciprocal rank over them."""
        if len(self.store.embeddings) > 1:
            from pymilvus import RRFRanker

            return self._joined(self._dense_legs(max(depth, LEG)), RRFRanker(RRF_K), depth)
        answers = self.store.vector_store.client.search(
            self.store.name,
            data=list(self._vectors),
            anns_field="vector",
            search_params=self._dense_params(depth),
            limit=depth,
            filter=self.filter,
            output_fields=[*self.fields, *fields],
        )
        return [[_hit(row) for row in rows] for rows in answers]

    def by_words(self, depth: int) -> list[list[Hit]]:
        """By BM25; a query none of whose words any text has gets no hit."""
        words, data = self.store.words, self.store.word_data(self.texts)
        asked = [place for place, query in enumerate(data) if query]
        if not asked:
            return [[] for _ in data]
        answers = self.store.vector_store.client.search(
            self.store.name,
            data=[data[place] for place in asked],
            anns_field="sparse",
            search_params=words.search_params,
            limit=depth,
            filter=self.filter,
            output_fields=list(self.fields),
        )
        # Lite gives the negative of Milvus' own BM25 score, the best the most negative.
        sign = -1 if self.store.lite and words.metric == "BM25" else 1
        hits = {place: [_hit(row, sign) for row in rows] for place, rows in zip(asked, answers, strict=True)}
        return [hits.get(place, []) for place in range(len(data))]

    def fused(self, ranker: RRFRanker | WeightedRanker, fetch: int) -> list[list[Hit]]:
        """By vectors and by words, `fetch` hits each, joined by one of Milvus' rankers."""
        return self._joined([*self._dense_legs(fetch), self._words_leg(fetch)], ranker, self.depth)

    def _joined(self, legs: list[AnnSearchRequest], ranker: RRFRanker | WeightedRanker, depth: int) -> list[list[Hit]]:
        answers = self.store.vector_store.client.hybrid_search(
            self.store.name, reqs=legs, ranker=ranker, limit=depth, output_fields=list(self.fields)
        )
        return [[_hit(row) for row in rows] for rows in answers]

    def _dense_legs(self, fetch: int) -> list[AnnSearchRequest]:
        """One for each field of vectors; the query vectors of all models stand side by side."""
        from pymilvus import AnnSearchRequest

        params, widths = self._dense_params(fetch), self.store.dense_fields
        parts = np.split(self._vectors, np.cumsum(list(widths.values()))[:-1], axis=1)
        return [
            AnnSearchRequest(list(part), name, params, fetch, expr=self.filter or None)
            for name, part in zip(widths, parts, strict=True)
        ]

    def _words_leg(self, fetch: int) -> AnnSearchRequest:
        from pymilvus import AnnSearchRequest

        words = self.store.words
        return AnnSearchRequest(self.store.leg_data(self.texts), "sparse", words.search_params, fetch,
                                expr=self.filter or None)  # fmt: skip

    @property
    def _vectors(self) -> np.ndarray:
        if self.vectors is None:
            raise ValueError("a search by vectors was asked for without vectors")
        return self.vectors

    def _dense_params(self, depth: int) -> dict[str, Any]:
        """The index' search parameters; a server refuses an ef below the number of hits."""
        params = self.store.index.search_params(self.search_params)
        if "ef" in params["params"] and not self.store.lite:
            params["params"]["ef"] = max(params["params"]["ef"], depth)
        return params


def _hit(row: dict[str, Any], sign: int = 1) -> Hit:
    entity = row["entity"]
    return Hit(row["pk"], sign * float(row["distance"]), entity.get("text", ""), entity.get("vector", ()))

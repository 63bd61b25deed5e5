"""`bm25`: the words of the query, by Milvus' own full text search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from kit.bench.search.method import SearchMethod
from kit.bench.search.parameters import Parameters
from kit.bench.search.request import Hit, Request
from kit.bench.search.words import Needs, WordSearch


@dataclass(frozen=True)
class BM25(SearchMethod):
    """By BM25."""

    summary = "words, by BM25"
    words: WordSearch = field(default_factory=WordSearch)

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """Its options are how words are found and weighed."""
        return cls(WordSearch.parse(parameters))

    @property
    def name(self) -> str:
        """bm25, with its options."""
        return ":".join(["bm25", *self.words.options])

    @property
    def needs(self) -> Needs:
        """The text's words."""
        return Needs(words=self.words)

    def search(self, request: Request) -> list[list[Hit]]:
        """The texts that share the most telling words."""
        return request.by_words(request.depth)

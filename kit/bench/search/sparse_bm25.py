"""BM25 weights as sparse vectors, for what an engine's analyzers lack: stems, and bigrams of characters.

A text's vector holds each term's BM25 weight, a query's how often it has the term; their inner product is BM25.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

from langchain_milvus.utils.sparse import BaseSparseEmbedding

EMPTY = 2**31 + 1  # the number of no term
_WORD = re.compile(r"\w+")
# Scripts that are written without spaces between words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


class SparseBM25(BaseSparseEmbedding):
    """BM25 over the texts that `fit` has seen; k1 and b as in the literature, idf as in Lucene."""

    def __init__(self, tokens: str, k1: float, b: float):
        self._tokenize, self._k1, self._b = tokenizer(tokens), k1, b
        self._ids: dict[str, int] = {}
        self._idf: dict[int, float] = {}
        self._mean_length = 1.0

    def fit(self, texts: Iterable[str]) -> None:
        """Count in how many texts each term is, and how long texts are; one pass, in memory only the vocabulary."""
        containing: Counter[int] = Counter()
        texts_seen = length = 0
        for text in texts:
            terms = self._tokenize(text)
            texts_seen, length = texts_seen + 1, length + len(terms)
            containing.update({self._ids.setdefault(term, len(self._ids)) for term in terms})
        self._mean_length = length / texts_seen if length else 1.0
        self._idf = {term: math.log(1 + (texts_seen - n + 0.5) / (n + 0.5)) for term, n in containing.items()}

    def embed_documents(self, texts: list[str]) -> list[dict[int, float]]:
        """The weights of each text's terms."""
        return [self._weights(self._tokenize(text)) for text in texts]

    def embed_query(self, query: str) -> dict[int, float]:
        """How often the query has each term; a term that no text has is left out."""
        counts = Counter(self._ids[term] for term in self._tokenize(query) if term in self._ids)
        return {term: float(count) for term, count in counts.items()}

    def _weights(self, terms: list[str]) -> dict[int, float]:
        norm = self._k1 * (1 - self._b + self._b * len(terms) / self._mean_length)
        counts = Counter(self._ids[term] for term in terms if term in self._ids)
        weights = {term: self._idf[term] * n * (self._k1 + 1) / (n + norm) for term, n in counts.items()}
        return weights or {EMPTY: 1e-9}  # Milvus takes no empty vector


def tokenizer(name: str) -> Callable[[str], list[str]]:
    """`words`, `bigrams`, or the stems of a language."""
    if name == "words":
        return lambda text: _WORD.findall(text.lower())
    if name == "bigrams":
        return _bigrams
    import Stemmer

    stemmer, left_out = Stemmer.Stemmer(name), stop_words(name)
    return lambda text: stemmer.stemWords([w for w in _WORD.findall(text.lower()) if w not in left_out])


# Lucene's English stop words; other languages keep all their words, which idf makes light.
_ENGLISH = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with"
)


@cache
def stop_words(language: str) -> frozenset[str]:
    """The words that a language's index leaves out."""
    return frozenset(_ENGLISH.split()) if language in ("english", "porter") else frozenset()


def _bigrams(text: str) -> list[str]:
    """Words; a run of a script without spaces as its pairs of characters."""
    terms = []
    for word in _WORD.findall(text.lower()):
        end = 0
        for run in _UNSPACED.finditer(word):
            terms += [word[end : run.start()]] if run.start() > end else []
            characters = run[0]
            terms += [characters[n : n + 2] for n in range(len(characters) - 1)] or [characters]
            end = run.end()
        terms += [word[end:]] if end < len(word) else []
    return terms

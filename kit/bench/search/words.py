"""What a method needs of a store, and how words are found and weighed: by an analyzer of Milvus, or by the kit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from kit.bench.search.parameters import Parameters
from kit.errors import KitError

MOST_HITS = 16_384  # a query, Milvus' limit
K1, B = 1.2, 0.75
LITE_K1 = 1.5  # whatever it is told
LITE_ANALYZERS = ("standard", "jieba")  # it takes others and ignores them
BUILT_IN = ("standard", "english", "chinese")
TOKENIZERS = ("whitespace", "jieba", "icu", "lindera")
PLAIN = ("words", "bigrams")


@dataclass(frozen=True)
class WordSearch:
    """BM25: Milvus' own full text over an `analyzer`, or, with `tokens`, weights that the kit puts into sparse vectors.

    tokens: `words` as they stand, `bigrams` (pairs of characters in scripts without spaces, else words), or a language
    whose Snowball stemmer is used.
    """

    analyzer: str = "standard"
    tokens: str = ""
    k1: float = K1
    b: float = B

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:
        """From the options of a retriever's name; KitError for one that is not known."""
        analyzer = parameters.take_text("analyzer", "standard")
        tokens = parameters.take_text("tokens")
        if tokens and analyzer != "standard":
            raise KitError(f'Found both analyzer and tokens in the retriever "{parameters.name}"',
                           wanted="analyzer for Milvus' own BM25, or tokens for the kit's")  # fmt: skip
        if tokens and tokens not in PLAIN:
            languages = stemmers()
            if tokens not in languages:
                raise KitError(f'Found tokens={tokens} in the retriever "{parameters.name}"',
                               wanted=f"{', '.join(PLAIN)}, or a language: {', '.join(languages)}")  # fmt: skip
        words = cls(analyzer, tokens, parameters.take_float("k1", K1, 0, 10), parameters.take_float("b", B, 0, 1))
        _ = words.analyzer_params
        return words

    @property
    def options(self) -> list[str]:
        """Those that are not the usual ones, as `parse` takes them."""
        usual = WordSearch()
        named = {"analyzer": self.analyzer, "tokens": self.tokens, "k1": self.k1, "b": self.b}
        return [
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in named.items()
            if value != getattr(usual, name)
        ]

    @property
    def metric(self) -> str:
        """Of the sparse index."""
        return "IP" if self.tokens else "BM25"

    @property
    def index_params(self) -> dict[str, Any]:
        """`index_params` for langchain-milvus."""
        params = {} if self.tokens else {"bm25_k1": self.k1, "bm25_b": self.b}
        return {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": self.metric, "params": params}

    @property
    def search_params(self) -> dict[str, Any]:
        """`search_params` for the client."""
        return {"metric_type": self.metric, "params": {}}

    @property
    def analyzer_params(self) -> dict[str, Any] | None:
        """As Milvus takes them: `english`, or a tokenizer with filters, `icu/lowercase/stemmer-german`."""
        if self.analyzer == "standard":
            return None
        first, *filters = self.analyzer.split("/")
        if first in BUILT_IN and not filters:
            return {"type": first}
        if first not in (*BUILT_IN[:1], *TOKENIZERS):
            raise KitError(
                f'Found the analyzer "{self.analyzer}"',
                wanted=f"{', '.join(BUILT_IN)}, or one of "
                f"{', '.join(('standard', *TOKENIZERS))} with filters: standard/lowercase/stemmer-german",
            )
        return {"tokenizer": first, "filter": [_filter(name) for name in filters]}

    @property
    def setting(self) -> str:
        """The parameters that it runs with on an engine that reads them."""
        way = f"{self.tokens} tokens" if self.tokens else f"{self.analyzer} analyzer"
        return f"k1 {self.k1:g}, b {self.b:g}, {way}"

    def setting_on(self, lite: bool) -> str:
        """The parameters that it really ran with."""
        if lite and not self.tokens:
            return f"k1 {LITE_K1}, b {B}, {self.analyzer} analyzer"
        return self.setting

    def unsupported(self, engine_version: str) -> str:
        """Why an engine cannot do it, or ''."""
        if self.tokens or not engine_version.startswith("milvus-lite"):
            return ""
        if self.analyzer not in LITE_ANALYZERS:
            return (
                f"Milvus Lite has the analyzers {' and '.join(LITE_ANALYZERS)}; {self.analyzer} would be ignored "
                "without a word. The kit's own tokens work on it: bm25:tokens=english, bm25:tokens=bigrams"
            )
        if (self.k1, self.b) != (K1, B):
            return (
                f"Milvus Lite weighs with k1 {LITE_K1} and b {B} whatever it is told; k1 and b would be ignored "
                "without a word. The kit's own tokens work on it: bm25:tokens=words:k1=0.9"
            )
        return ""


@dataclass(frozen=True)
class Needs:
    """What a store must hold for a method: dense vectors, a way to search by words, or both."""

    dense: bool = False
    words: WordSearch | None = None

    @property
    def both(self) -> bool:
        """Whether it is more than one field."""
        return self.dense and self.words is not None


def stemmers() -> list[str]:
    """The languages that have a Snowball stemmer; KitError without the package."""
    try:
        import Stemmer
    except ImportError:
        raise KitError("Stemmed tokens need the package pystemmer, which is not there.",
                       mend="Install it: pip install pystemmer.") from None  # fmt: skip
    return list(Stemmer.algorithms())


def _filter(name: str) -> str | dict[str, Any]:
    kind, _, language = name.partition("-")
    if kind == "stemmer" and language:
        return {"type": "stemmer", "language": language}
    if kind == "stop" and language:
        return {"type": "stop", "stop_words": [f"_{language}_"]}
    return name

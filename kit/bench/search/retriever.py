"""Retrievers by name, `hybrid-weighted-70:fetch=200+rerank`: a method with its parameters, filtered or reranked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kit import registry
from kit.bench.search.bm25 import BM25
from kit.bench.search.dense import Dense
from kit.bench.search.hybrid import HybridRRF, HybridTuned, HybridWeighted
from kit.bench.search.method import SearchMethod
from kit.bench.search.mmr import MMR
from kit.bench.search.parameters import parse_parameters
from kit.bench.search.words import Needs
from kit.errors import KitError, nearest

RERANKED = 50  # hits that the reranker sees; the others keep their places behind
METHODS: dict[str, type[SearchMethod]] = {
    "dense": Dense,
    "bm25": BM25,
    "hybrid-rrf": HybridRRF,
    "hybrid-weighted": HybridWeighted,
    "hybrid-tuned": HybridTuned,
    "mmr": MMR,
}
ALIASES = {"hybrid": "hybrid-rrf"}
MODIFIERS = {
    "filter": "by the fields that each query names",
    "multi-query": "for a chat model's other wordings of the question, too: +multi-query=openai:gpt-4o-mini",
    "merge": "documents in the order of all their chunks that were found, not of the best one alone",
    "rerank": f"the first {RERANKED} hits in the order of a reranker: +rerank=embeddings:minilm",
}

NAMING = ("rerank", "multi-query")  # modifiers that may name a model


@dataclass(frozen=True)
class Retriever:
    """A method of searching, and whether hits are filtered by the query's fields, merged by document, or reranked."""

    method: SearchMethod
    filtered: bool = False
    reranked: bool = False
    reranker: str = ""  # by its name; "" where none is named
    merged: bool = False
    worded: bool = False  # other wordings of the question are searched for, too
    chat: str = ""  # the model that words them; "" where none is named

    @property
    def name(self) -> str:
        """As in a condition, and as `parse_retriever` takes it."""
        rerank = f"+rerank={self.reranker}" if self.reranker else "+rerank"
        multi_query = f"+multi-query={self.chat}" if self.chat else "+multi-query"
        name = self.method.name + "+filter" * self.filtered + multi_query * self.worded
        return name + "+merge" * self.merged + rerank * self.reranked

    @property
    def needs(self) -> Needs:
        """What a store must hold for it."""
        return self.method.needs

    def for_hits(self, k: int) -> Retriever:
        """The same with a depth that gives k hits."""
        return replace(self, method=self.method.for_hits(k))

    def settings(self, k: int) -> dict[str, str]:
        """What it does beyond its name."""
        return self.method.settings(k) | ({"reranked": str(min(RERANKED, k))} if self.reranked else {})


def parse_retriever(name: str) -> Retriever:
    """`dense`, `bm25`, `hybrid` (hybrid-rrf), `hybrid-weighted-70`, `mmr:fetch=50`, with modifiers: `dense+filter`.

    Raises KitError for a name or a parameter that is not known, or out of its range.
    """
    start, *modifiers = name.split("+")
    word, *options = start.split(":")
    match = re.fullmatch(r"(.*?)(?:-(\d+))?", word)
    kind, number = match.groups() if match else (word, None)
    kind = ALIASES.get(kind, kind)
    if options and registry.is_path(f"{word}:{options[0]}"):
        kind, number = f"{word}:{options.pop(0)}", None
    named = {
        kind: name for word in modifiers for kind, equals, name in [word.partition("=")] if kind in NAMING and equals
    }
    modifiers = [word.partition("=")[0] if word.partition("=")[0] in NAMING else word for word in modifiers]
    if unknown_words := [word for word in modifiers if word not in MODIFIERS]:
        unknown = unknown_words[0]
        raise KitError(f'No retriever is called "{name}".{nearest(unknown, list(MODIFIERS))}',
                       wanted=f"a method with {' or '.join(f'+{word}' for word in MODIFIERS)}")  # fmt: skip
    parameters = parse_parameters(name, number, options)
    method = _method(kind).parse(parameters)
    parameters.finish()
    return Retriever(
        method, "filter" in modifiers, "rerank" in modifiers, named.get("rerank", ""), "merge" in modifiers,
        "multi-query" in modifiers, named.get("multi-query", ""),
    )  # fmt: skip


def _method(kind: str) -> type[SearchMethod]:
    """The kit's own method of a name, or one of an outside package."""
    if kind in METHODS:
        return METHODS[kind]
    method = registry.lookup("retrievers", kind, METHODS, example="each also with +filter or +rerank")
    if not (isinstance(method, type) and issubclass(method, SearchMethod)):
        raise KitError(f'The retriever "{kind}" is {method!r}', wanted="a subclass of kit.bench.SearchMethod")
    return method

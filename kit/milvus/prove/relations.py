"""What must hold between searches of one vector field, whatever the collection is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from kit.milvus.prove import judge
from kit.milvus.prove.conditions import EVERY, Condition
from kit.milvus.prove.records import Call, Case, Try
from kit.milvus.prove.subject import Leg, Subject, few

QUERIES = 20  # of each relation that needs no filter
PER_PAIR = 4  # queries for each pair of filters
BATCH = 8
LIMIT = 10
BATCHES = "a batch gives what single searches give"
FINDABLE = ("FLOAT_VECTOR", "BINARY_VECTOR", "SPARSE_FLOAT_VECTOR")  # whose distances are computed here, too


class Relation(NamedTuple):
    """A relation of one vector field: its tries, and why there are none.

    `always`: it has to hold in every try; otherwise, in the share that the field's index has to reach.
    """

    name: str
    tries: Callable[[Subject, Leg], Iterator[Try]]
    always: bool = False
    unfit: Callable[[Subject, Leg], str] | None = None


def search(leg: Leg, query: Any, limit: int, condition: Condition = EVERY) -> Call:
    """A search of one field for one query."""
    options = {"data": [query], "anns_field": leg.field, "limit": limit, "search_params": {"metric_type": leg.metric}}
    return Call("search", options | ({"filter": condition.expr} if condition.expr else {}))


def hybrid(leg: Leg, queries: list[Any], limit: int, condition: Condition = EVERY) -> Call:
    """A hybrid search of one field with two queries, all weight on the first."""
    filtered = {"expr": condition.expr} if condition.expr else {}
    legs = [{"data": [query], "anns_field": leg.field, "limit": limit, **filtered} for query in queries]
    return Call("hybrid_search", {"legs": legs, "weights": [1.0, 0.0], "limit": limit})


def _itself(subject: Subject, leg: Leg) -> Iterator[Try]:
    """Each row finds itself: the search for its own vector, or its own text, gives it."""
    keys = subject.columns[subject.primary]
    for place, query in subject.queries(leg, QUERIES * 2):
        key, score = keys[place], _own_score(leg, query)
        own = Condition("", ())
        if score is None:  # of BM25: at least among itself
            own = Condition(f"{subject.primary} in [{key!r}]" if isinstance(key, int) else _named(subject, key), ())

        def case(limit: int, query: Any = query, key: Any = key, score: Any = score, own: Condition = own) -> Case:
            calls = {"hits": search(leg, query, limit, own)}
            given = {"key": key, "score": score, "limit": limit, "lower": leg.lower}
            return Case(judge.judge_itself, calls, given, f"the {leg.text or leg.field} of {key!r}")

        yield Try(case, LIMIT)


def _named(subject: Subject, key: Any) -> str:
    from kit.milvus.filters import field

    return str(field(subject.primary).is_in([key]))


def _own_score(leg: Leg, query: Any) -> float | None:
    """The score of a vector against itself; None where the engine alone knows."""
    if leg.text or leg.kind not in FINDABLE:
        return None
    if isinstance(query, dict):
        return float(sum(weight * weight for weight in query.values()))
    return {"IP": float(np.dot(query, query)) if isinstance(query, list) else 0.0, "COSINE": 1.0}.get(leg.metric, 0.0)


def _prefix(subject: Subject, leg: Leg) -> Iterator[Try]:
    """The top k are the first k of the top 2k."""
    for _, query in subject.queries(leg, QUERIES):

        def case(limit: int, query: Any = query) -> Case:
            calls = {"short": search(leg, query, limit), "long": search(leg, query, 2 * limit)}
            return Case(judge.judge_prefix, calls, {"limit": limit, "lower": leg.lower}, "one query")

        yield Try(case, LIMIT)


def _batch(subject: Subject, leg: Leg) -> Iterator[Try]:
    """A query in a batch gets what it gets alone, with a filter and without."""
    filters = [EVERY, *(pair.stricter for pair in few(subject.pairs, 2))]
    for condition in filters:
        queries = [query for _, query in subject.queries(leg, BATCH)]
        for place, query in enumerate(queries):

            def case(
                limit: int,
                queries: list[Any] = queries,
                place: int = place,
                query: Any = query,
                condition: Condition = condition,
            ) -> Case:
                single = search(leg, query, limit, condition)
                batch = Call("search", {**single.options, "data": queries})
                given = {"place": place, "lower": leg.lower}
                return Case(judge.judge_batch, {"batch": batch, "single": single}, given, _words(condition))

            yield Try(case, LIMIT)


def _narrower(subject: Subject, leg: Leg) -> Iterator[Try]:
    """What a stricter filter finds, the looser one finds, and so does none."""
    for pair in subject.pairs:
        loosers = [pair.looser] if pair.looser == EVERY else [pair.looser, EVERY]
        for _, query in subject.queries(leg, PER_PAIR):
            for looser in loosers:

                def case(
                    limit: int, query: Any = query, looser: Condition = looser, stricter: Condition = pair.stricter
                ) -> Case:
                    calls = {
                        "stricter": search(leg, query, limit, stricter),
                        "looser": search(leg, query, limit, looser),
                    }
                    about = f"{stricter.expr} against {_words(looser)}"
                    return Case(judge.judge_narrower, calls, {"limit": limit, "lower": leg.lower}, about)

                yield Try(case, LIMIT)


def _filter(subject: Subject, leg: Leg) -> Iterator[Try]:
    """Every hit is a stored row that meets the filter: alone, in a batch, in a hybrid search, in both legs of it."""
    for pair in [*subject.pairs]:
        for condition in dict.fromkeys([pair.looser.expr, pair.stricter.expr]):
            parts = pair.looser.parts if condition == pair.looser.expr else pair.stricter.parts
            queries = [query for _, query in subject.queries(leg, 2)]
            modes = ["search", "batch", "hybrid"] if _hybrid_unfit(subject, leg) == "" else ["search", "batch"]
            for mode in modes if queries else []:

                def case(
                    limit: int, mode: str = mode, filter_: Condition = Condition(condition, parts), asked: Any = queries
                ) -> Case:
                    call = search(leg, asked[0], limit, filter_)
                    if mode == "batch":
                        call = Call("search", {**call.options, "data": asked})
                    if mode == "hybrid":
                        call = hybrid(leg, [asked[0], asked[-1]], limit, filter_)
                    given = {
                        "conditions": list(filter_.parts),
                        "primary": subject.primary,
                        "place": len(asked) - 1 if mode == "batch" else 0,
                    }
                    return Case(
                        judge.judge_hits, {"hits": call, "rows": subject.scan}, given, f"{mode}, {_words(filter_)}"
                    )

                yield Try(case, LIMIT)


def _exact(subject: Subject, leg: Leg) -> Iterator[Try]:
    """The hits are the nearest rows, computed one by one from what is stored; under filters, too."""
    conditions = [EVERY, *dict.fromkeys(pair.stricter for pair in subject.pairs)]
    for condition in conditions:
        for _, query in subject.queries(leg, QUERIES if condition == EVERY else PER_PAIR):

            def case(limit: int, query: Any = query, condition: Condition = condition) -> Case:
                given = {
                    "field": leg.field,
                    "metric": "SPARSE" if isinstance(query, dict) else leg.metric,
                    "conditions": list(condition.parts),
                    "query": query,
                    "limit": limit,
                    "primary": subject.primary,
                }
                calls = {"hits": search(leg, query, limit, condition), "rows": subject.scan}
                return Case(judge.judge_exact, calls, given, _words(condition))

            yield Try(case, LIMIT)


def _leg(subject: Subject, leg: Leg) -> Iterator[Try]:
    """A hybrid search with weights (1, 0) ranks as its first leg alone."""
    queries = [query for _, query in subject.queries(leg, QUERIES)]
    for query, other in zip(queries, [*queries[1:], *queries[:1]], strict=True):

        def case(limit: int, query: Any = query, other: Any = other) -> Case:
            calls = {"hybrid": hybrid(leg, [query, other], limit), "leg": search(leg, query, limit)}
            return Case(judge.judge_leg, calls, {"lower": leg.lower}, "two queries on one field")

        yield Try(case, LIMIT)


def _words(condition: Condition) -> str:
    return condition.expr or "no filter"


def _hybrid_unfit(subject: Subject, _: Leg) -> str:
    version = re.search(r"milvus-(\d+)\.(\d+)", subject.engine)
    if version and (int(version[1]), int(version[2])) < (2, 4):
        return f"{subject.engine} has no hybrid search"
    return ""


def _not_computed(_: Subject, leg: Leg) -> str:
    if leg.text:
        return "BM25's scores are the engine's own"
    if leg.kind not in FINDABLE or leg.metric not in ("L2", "IP", "COSINE", "HAMMING", "JACCARD"):
        return f"{leg.metric} over {leg.kind} is not computed here"
    return ""


RELATIONS = (
    Relation("each row finds itself", _itself),
    Relation("the top k begin the top 2k", _prefix),
    Relation(BATCHES, _batch, always=True),
    Relation("a stricter filter's hits lie within a looser one's", _narrower),
    Relation("a filter holds in every mode", _filter, always=True),
    Relation("the hits are the nearest rows", _exact, unfit=_not_computed),
    Relation("weights (1, 0) rank as the first leg", _leg, always=True, unfit=_hybrid_unfit),
)

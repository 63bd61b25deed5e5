"""The weight of a fusion chosen by cross-validation: for each fold of the queries on the judgments of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from kit.bench.measures.measure import measure
from kit.bench.records import Qrel, Query, ScoredDoc
from kit.bench.search.hybrid import HybridTuned, HybridWeighted
from kit.bench.search.store import bucket
from kit.errors import KitError

PERCENTS = range(0, 101, 10)  # dense shares that are tried
JUDGED = 10  # queries at least


def tune(
    method: HybridTuned,
    ask: Callable[[HybridWeighted], list[ScoredDoc]],
    queries: Sequence[Query],
    qrels: Sequence[Qrel],
    by: str,
) -> dict[str, int]:
    """The dense share in per cent of each query; `ask` gives all queries' hits, `by` is the measure that decides."""
    judged = {qrel.query_id for qrel in qrels}
    if len(judged) < JUDGED:
        raise KitError(f"{method.name} tunes its weight on judged queries, and there are {len(judged)}",
                       wanted=f"{JUDGED} or more", mend="Name the weight: hybrid-weighted-70.")  # fmt: skip
    scores = {
        percent: {score.query_id: score.value for score in measure(qrels, ask(method.weighted(percent)), [by])}
        for percent in PERCENTS
    }
    folds = {query.query_id: bucket(query.text.casefold()) % method.folds for query in queries}
    best = {fold: best_outside(fold, folds, scores) for fold in set(folds.values())}
    return {query_id: best[fold] for query_id, fold in folds.items()}


def best_outside(fold: int, folds: Mapping[str, int], scores: Mapping[int, Mapping[str, float]]) -> int:
    """The share with the best mean over the queries of the other folds; of equals the nearest to half.

    Questions with the same words share a fold, whatever their ids, so that none is tuned on itself.
    """
    others = [query_id for query_id in next(iter(scores.values())) if folds[query_id] != fold]
    if not others:
        raise KitError("All judged queries fall into one fold", wanted="different questions")
    return max(scores, key=lambda percent: (fmean(scores[percent][one] for one in others), -abs(percent - 50)))

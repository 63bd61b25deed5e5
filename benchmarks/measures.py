"""The kit's measures beside pytrec_eval called directly: 1,000 queries x 100 hits x 7 measures.

python benchmarks/measures.py [pairs]
"""

from __future__ import annotations

import random
import statistics
import sys
import time

import pytrec_eval

from kit.bench.measures.measure import measure
from kit.bench.records import DEFAULT_MEASURES, Qrel, ScoredDoc

QUERIES, HITS = 1000, 100
NAMES = {"ndcg_cut_10", "recall_10", "recall_100", "recip_rank", "map", "P_10", "success_10"}


def main(pairs: int = 9) -> None:
    """Print seconds of each and the median ratio of the pairs."""
    draw = random.Random(7)
    qrels = [Qrel(f"q{q}", f"d{d}", 1) for q in range(QUERIES) for d in draw.sample(range(2000), 20)]
    run = [ScoredDoc(f"q{q}", f"d{d}", draw.random()) for q in range(QUERIES) for d in draw.sample(range(2000), HITS)]

    def direct() -> None:
        judged: dict[str, dict[str, int]] = {}
        for query_id, doc_id, relevance in qrels:
            judged.setdefault(query_id, {})[doc_id] = relevance
        hits: dict[str, dict[str, float]] = {}
        for query_id, doc_id, score in run:
            hits.setdefault(query_id, {})[doc_id] = score
        pytrec_eval.RelevanceEvaluator(judged, NAMES).evaluate(hits)

    def seconds(call) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    seconds(direct), seconds(lambda: measure(qrels, run, DEFAULT_MEASURES))
    both = [(seconds(lambda: measure(qrels, run, DEFAULT_MEASURES)), seconds(direct)) for _ in range(pairs)]
    ours, theirs = (statistics.median(column) for column in zip(*both, strict=True))
    ratio = statistics.median(a / b for a, b in both)
    print(f"{QUERIES} queries x {HITS} hits x {len(DEFAULT_MEASURES)} measures, both from the same lists of tuples")
    print(f"kit.bench.measures.measure {ours:.3f} s, pytrec_eval {theirs:.3f} s")
    print(f"median ratio of {pairs} pairs: {ratio:.2f} (wanted: at most 2)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

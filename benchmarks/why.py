"""How often `kit bench why` names the change that was planted, and how often another one.

    python benchmarks/why.py COLLECTION [--pairs 50]

Each pair is one row and the same row with one change that costs it queries and one or two that cost none. Printed: the
pairs on which the planted factor was named, those on which none was, and those on which another one was; and what the
analysis took against one run of the row, with what is embedded in the cache.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from kit.bench import Grid, OutFolder, open_collection, run_grid
from kit.bench.report.compare import open_side
from kit.bench.run.why import find_cause

# For each factor the rows as they were, and as the change leaves them.
PLANTED = {
    "words": [
        ("bm25:tokens=english", "bm25:tokens=english:k1=9:b=0"),
        ("bm25:tokens=english", "bm25:tokens=bigrams:b=0"),
    ],
    "method": [("bm25:tokens=english", "dense"), ("hybrid-rrf:tokens=english", "hybrid-weighted-100:tokens=english")],
    "fetch": [("mmr-30:fetch=60", "mmr-30:fetch=400")],
    "reranker": [("bm25:tokens=english", "bm25:tokens=english+rerank=embeddings:wordllama")],
    "chunker": [("dense", "dense")],
}
CHUNKERS = ("recursive-120", "recursive-100", "token-24")
HARMLESS = {"words": (":k1=1.21", ":b=0.76"), "k": (60, 80, 90)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collection")
    parser.add_argument("--pairs", type=int, default=50)
    arguments = parser.parse_args()
    rng, root = random.Random(7), Path(tempfile.mkdtemp())
    usual = open_collection(arguments.collection, tolerate=["empty-texts"]).default_chunker
    right = none = wrong = harmless = 0
    run_seconds = why_seconds = 0.0
    for number in range(arguments.pairs):
        planted = list(PLANTED)[number % len(PLANTED)]
        before, after = rng.choice(PLANTED[planted])
        chunkers = (usual, rng.choice(CHUNKERS) if planted == "chunker" else usual)
        if "tokens=english" in after and planted != "words" and rng.random() < 0.6:
            after = after.replace("tokens=english", "tokens=english" + rng.choice(HARMLESS["words"]), 1)
        k = rng.choice(HARMLESS["k"]) if "mmr" not in after else 50
        sides = []
        for name, retriever, chunker, hits in (("a", before, chunkers[0], 50), ("b", after, chunkers[1], k)):
            folder, started = root / f"{number}-{name}", time.perf_counter()
            grid = Grid(dataset=arguments.collection, retrievers=[retriever], embeddings=["wordllama"], k=hits,
                        extras=[], chunkers=[chunker], measures=["nDCG@10"], tolerate=["empty-texts"])  # fmt: skip
            run_grid(grid, OutFolder(folder), timed=False)
            run_seconds += time.perf_counter() - started
            sides.append(open_side(str(folder)))
        started = time.perf_counter()
        cause = find_cause(*sides)
        why_seconds += time.perf_counter() - started
        if not cause.lost:
            harmless += 1
        elif cause.cause == planted:
            right += 1
        elif cause.cause:
            wrong += 1
        else:
            none += 1
        print(f"{number + 1}: {planted}: named {cause.cause or 'none'}: {cause.words}", flush=True)
    print(f"right {right}, none named {none}, wrong {wrong}, nothing lost {harmless} of {arguments.pairs} pairs")
    print(f"the analysis took {why_seconds / (run_seconds / 2):.2f} times one run")


if __name__ == "__main__":
    main()

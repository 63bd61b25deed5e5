"""Whether made questions put conditions in the order that human ones do: Kendall's tau, kind by kind.

    python benchmarks/questions.py COLLECTION [COLLECTION …] [--most 80] [--embeddings wordllama,minilm-fast]

Each collection has human questions and judgments. From its texts `kit bench questions` makes others; both are asked of
the same eleven rows. Printed, for each collection and kind, tau-b between the two orders by nDCG@10, and as the most
that can be hoped for tau between two halves of the human questions; then which kinds reach .7 on each of six
collections or more. A document with a short first line counts as a section under that heading.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import pandas as pd
from langchain_core.documents import Document
from scipy.stats import kendalltau

from kit.bench import Grid, OutFolder, judgments, open_collection, parse_chunker, run_grid
from kit.bench.collections.generated import ENOUGH_TAU, KINDS, generate
from kit.bench.report.compare import scores_table

RETRIEVERS = ("bm25", "bm25:tokens=english", "bm25:tokens=words:b=0", "dense", "hybrid-rrf",
              "hybrid-rrf:tokens=english", "hybrid-weighted-80:tokens=english")  # fmt: skip
MEASURE = "nDCG@10"
COLLECTIONS = 6
QUESTIONS = 20  # fewer of a kind say nothing
HUMAN = 200  # questions at most: tau grows little with more, and each is asked of every row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collections", nargs="+")
    parser.add_argument("--most", type=int, default=80, help="questions of each kind")
    parser.add_argument("--embeddings", default="wordllama,minilm-fast")
    arguments = parser.parse_args()
    taus: dict[str, dict[str, float]] = defaultdict(dict)
    for name in arguments.collections:
        with tempfile.TemporaryDirectory() as folder:
            data, out = Path(folder, "data"), OutFolder(Path(folder, "out"))
            write_collection(name, data, arguments.most)
            grid = Grid(dataset=str(data), retrievers=list(RETRIEVERS), embeddings=arguments.embeddings, k=10,
                        extras=[], chunkers=["whole"], measures=[MEASURE])  # fmt: skip
            rows = [row.id for row in run_grid(grid, out, timed=False).rows if row.status == "measured"]
            scores = pd.concat([scores_table(out, row)[MEASURE] for row in rows], axis=1, keys=rows).dropna()
        for kind, (tau, questions) in taus_of(scores).items():
            taus[kind][name] = tau
            print(f"{name} {kind}: tau {tau:.2f} over {len(rows)} rows, {questions} questions", flush=True)
    for kind, of_kind in taus.items():
        print(f"{kind}: tau {min(of_kind.values()):.2f} to {max(of_kind.values()):.2f}, median "
              f"{median(of_kind.values()):.2f}, on {len(of_kind)} collections")  # fmt: skip
    print(f"to be trusted: {', '.join(sorted(trusted(taus))) or 'none'}")


def write_collection(name: str, folder: Path, per_kind: int) -> None:
    """Human and made questions on one collection's texts, as a BEIR folder; the kind stands before each query's id."""
    collection = open_collection(name, tolerate=["empty-texts"])
    chunker = parse_chunker(collection.default_chunker)
    texts = list(collection.documents() if chunker.is_whole else chunker.split(collection.documents()))
    human = random.Random(7).sample(collection.queries, min(HUMAN, len(collection.queries)))
    queries = {f"human:{query.query_id}": query.text for query in human}
    qrels = [(f"human:{q.query_id}", q.doc_id, q.relevance) for q in judgments(collection, chunker).qrels]
    for number, made in enumerate(generate([_with_heading(text) for text in texts], KINDS, per_kind)):
        queries[f"{made.kind}:{number}"] = made.text
        qrels.append((f"{made.kind}:{number}", made.document, 1))
    qrels = [qrel for qrel in qrels if qrel[0] in queries]
    judged = {query_id for query_id, _, _ in qrels}
    (folder / "qrels").mkdir(parents=True)
    rows = ({"_id": text.id, "text": text.page_content} for text in texts)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ({"_id": key, "text": text} for key, text in queries.items() if key in judged)
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    lines = "".join(f"{query_id}\t{doc_id}\t{relevance}\n" for query_id, doc_id, relevance in qrels)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + lines)


def _with_heading(text: Document) -> Document:
    """A short first line as a heading."""
    first, newline, rest = text.page_content.partition("\n")
    heading = f"# {first}\n{rest}" if newline and len(first) <= 120 else text.page_content
    return Document(page_content=heading, id=text.id)


def taus_of(scores: pd.DataFrame, seed: int = 7) -> dict[str, tuple[float, int]]:
    """For each kind tau-b of its order of the columns against the human one, and its questions.

    `scores` has a row a query, `KIND:ID`, and a column a condition. `two human halves` is the median of 20 splits.
    """
    of_kind = dict(iter(scores.groupby(scores.index.str.partition(":").get_level_values(0))))
    human = of_kind.pop("human")
    rng, halves = random.Random(seed), []
    for _ in range(20):
        first = set(rng.sample(range(len(human)), len(human) // 2))
        half = [place in first for place in range(len(human))]
        halves.append(_tau(human[half], human[[not one for one in half]]))
    found = {"two human halves": (median(halves), len(human))}
    return found | {kind: (_tau(part, human), len(part)) for kind, part in of_kind.items() if len(part) >= QUESTIONS}


def _tau(one: pd.DataFrame, other: pd.DataFrame) -> float:
    return float(kendalltau(one.mean(), other.mean()).statistic)


def trusted(taus: Mapping[str, Mapping[str, float]]) -> set[str]:
    """The kinds whose tau is enough on every collection, of which there are enough."""
    return {
        kind
        for kind, of_kind in taus.items()
        if kind in KINDS and len(of_kind) >= COLLECTIONS and min(of_kind.values()) >= ENOUGH_TAU
    }


if __name__ == "__main__":
    main()

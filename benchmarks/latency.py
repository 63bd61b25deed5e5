"""Whether what is timed hangs on the order: equal conditions in stores of their own, side by side, and one by one.

    python benchmarks/latency.py COLLECTION [--stores 4] [--embeddings wordllama]

The stores hold the same texts and differ in a chunk size above all of them alone. `kit bench run` times them in turn,
each query against all stores before the next one; the other way, as a plain loop does it, is each store with all its
queries after the other, the first one cold. Printed for both: the median wait and the queries a second of each store,
and the greatest over the least. 1 is right.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from kit.bench import Grid, OutFolder, open_collection, parse_chunker, run_grid
from kit.bench.grid.indexes import default_index
from kit.bench.search.retriever import parse_retriever
from kit.bench.search.search import Search
from kit.bench.search.store import fill_store
from kit.files.scratch import scratch_folder
from kit.models.embeddings import load_embeddings

LARGEST = 100_000  # characters; no text of the collections is longer
K, QUERIES = 10, 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collection")
    parser.add_argument("--stores", type=int, default=4)
    parser.add_argument("--embeddings", default="wordllama")
    arguments = parser.parse_args()
    chunkers = [f"recursive-{LARGEST + number}" for number in range(arguments.stores)]
    waits, rates = one_by_one(arguments.collection, chunkers, arguments.embeddings)
    tell("one by one", waits, rates)
    waits, rates = in_turn(arguments.collection, chunkers, arguments.embeddings)
    tell("in turn   ", waits, rates)


def one_by_one(collection_name: str, chunkers: list[str], embedder: str) -> tuple[list[float], list[float]]:
    """Milliseconds a query and queries a second of each store, the first searches included."""
    collection, embeddings = open_collection(collection_name, tolerate=["empty-texts"]), load_embeddings(embedder)
    queries = collection.queries[:QUERIES]
    vectors = np.asarray([embeddings.embed_query(query.text) for query in queries], dtype=np.float32)
    waits, rates = [], []
    for name in chunkers:
        store = fill_store(
            lambda name=name: parse_chunker(name).split(collection.documents()),
            uri=str(scratch_folder("bench") / "milvus.db"), needs=parse_retriever("dense").needs,
            index=default_index("milvus-lite"), embeddings=(embeddings,), embedding_seconds=lambda: 0.0,
            progress=lambda _: None,
        )  # fmt: skip
        store.settle()
        search = Search(parse_retriever("dense"), store, by_document=True)
        started = time.perf_counter()
        list(search.run(queries, vectors, K))
        rates.append(len(queries) / (time.perf_counter() - started))
        seconds = []
        for place, query in enumerate(queries):
            started = time.perf_counter()
            list(search.run([query], vectors[place : place + 1], K))
            seconds.append(time.perf_counter() - started)
        waits.append(1000 * statistics.median(seconds))
        store.drop()
    return waits, rates


def in_turn(collection: str, chunkers: list[str], embedder: str) -> tuple[list[float], list[float]]:
    """The same as a grid's rows say it."""
    grid = Grid(dataset=collection, tolerate="empty-texts", retrievers="dense", embeddings=embedder, chunkers=chunkers,
                k=K, measures="nDCG@10", extras="none")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        rows = run_grid(grid, OutFolder(Path(folder))).rows
    costs = [row.cost for row in rows]
    return [cost.search_p50_ms or 0.0 for cost in costs], [cost.search_queries_per_second or 0.0 for cost in costs]


def tell(way: str, waits: list[float], rates: list[float]) -> None:
    """A line for the waits, one for the rates."""
    for what, values in (("ms a query", waits), ("queries/s ", rates)):
        listed = "  ".join(f"{value:8.1f}" for value in values)
        print(f"{way}  {what}  {listed}   greatest / least {max(values) / min(values):.2f}", flush=True)


if __name__ == "__main__":
    main()

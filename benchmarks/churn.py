"""What a store on Milvus Lite loses when its rows come and go: recall against exact search, short answers, disk, time.

    python benchmarks/churn.py COLLECTION [--cycles 10] [--indexes flat,hnsw] [--embeddings wordllama]

A cycle deletes a tenth of the rows and inserts them again, upserts another tenth as it was, flushes, compacts, closes
the database and opens it again. The rows are then the same as before, so any difference is a loss. Printed: a line a
cycle and index, 0 being the store as it was filled, with recall@10 and short answers without and with a filter that
lets through a tenth of the rows, nDCG@10, megabytes on disk and the median wait of a search.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from langchain_core.documents import Document

from kit.bench import Collection, means, measure, open_collection, parse_chunker
from kit.bench.grid.chunkers import stored_text
from kit.bench.grid.indexes import parse_index
from kit.bench.measures.evaluate import judgments
from kit.bench.measures.exact import check_index, exact_search
from kit.bench.search.retriever import parse_retriever
from kit.bench.search.search import Search
from kit.bench.search.store import BATCH, Store, batches, bucket, fill_store
from kit.models.embeddings import load_embeddings

K = 10
SHARE = 0.1


class Cycle(NamedTuple):
    """A store after so many cycles; recall and short answers without a filter and with one."""

    number: int
    recall: tuple[float, float]
    short: tuple[int, int]
    ndcg: float
    megabytes: float
    wait_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collection")
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--indexes", default="flat,hnsw")
    parser.add_argument("--embeddings", default="wordllama")
    arguments = parser.parse_args()
    collection = open_collection(arguments.collection, tolerate=["empty-texts"])
    for index in arguments.indexes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            uri = str(Path(folder, "store", "milvus.db"))
            Path(uri).parent.mkdir()
            for one in churn(collection, uri, index, arguments.embeddings, arguments.cycles):
                print(f"{index} cycle {one.number}: recall@{K} {one.recall[0]:.4f}, filtered {one.recall[1]:.4f}; "
                      f"short {one.short[0]}, filtered {one.short[1]}; nDCG@{K} {one.ndcg:.4f}; "
                      f"{one.megabytes:.1f} MB, {one.wait_ms:.1f} ms", flush=True)  # fmt: skip


def churn(collection: Collection, uri: str, index: str, embedder: str, cycles: int) -> Iterator[Cycle]:
    """The store before the first cycle and after each."""
    chunker, embeddings, rng = parse_chunker(collection.default_chunker), load_embeddings(embedder), random.Random(7)
    chunks = list(collection.documents() if chunker.is_whole else chunker.split(collection.documents()))
    queries = collection.queries[:200]
    vectors = np.asarray([embeddings.embed_query(query.text) for query in queries], dtype=np.float32)
    exact, retriever = exact_search(chunks, embeddings, vectors), parse_retriever("dense")
    store = fill_store(
        lambda: chunks, uri=uri, needs=retriever.needs, index=parse_index(index), embeddings=embeddings,
        embedding_seconds=lambda: 0.0, progress=lambda _: None,
    )  # fmt: skip
    ids = {query.query_id for query in queries}
    qrels = [qrel for qrel in judgments(collection, chunker).qrels if qrel.query_id in ids]
    for number in range(cycles + 1):
        if number:
            turn_over(store, rng.sample(chunks, round(2 * SHARE * len(chunks))))
        store.settle()  # raises where rows are missing
        checks = {
            check.selectivity: check
            for check in check_index(store, exact, vectors, reopened=True)
            if check.search_params == store.index.search[0]
        }  # what a search is asked with
        hits = [hit for of_query in Search(retriever, store, False).run(queries, vectors, K) for hit in of_query]
        ndcg = means(measure(qrels, hits, [f"nDCG@{K}"]), of=len(queries))[f"nDCG@{K}"].value
        whole, filtered = checks[1.0], checks[0.1]
        yield Cycle(number, (whole.recall, filtered.recall), (whole.short_queries, filtered.short_queries), ndcg,
                    store.megabytes or 0.0, whole.search_p50_ms)  # fmt: skip
    store.drop()


def turn_over(store: Store, chunks: list[Document]) -> None:
    """Delete the first half and insert it again, upsert the other, and compact."""
    rows = [
        Document(stored_text(chunk), metadata=chunk.metadata | {"bucket": bucket(str(chunk.id))}) for chunk in chunks
    ]
    names, half, client = [str(chunk.id) for chunk in chunks], len(chunks) // 2, store.vector_store.client
    client.delete(store.name, ids=names[:half])
    for part in batches(range(half), BATCH):
        store.vector_store.add_documents([rows[place] for place in part], ids=[names[place] for place in part])
    store.vector_store.upsert(names[half:], rows[half:])
    client.flush(store.name)
    client.compact(store.name)


if __name__ == "__main__":
    main()

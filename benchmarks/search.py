"""Batched search beside a loop over similarity_search, and beside exact search in numpy; same queries, same hits.

python benchmarks/search.py [documents] [queries]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
from langchain_core.documents import Document
from langchain_milvus import Milvus

import kit
from kit.bench.grid.chunkers import parse_chunker
from kit.bench.grid.indexes import default_index
from kit.bench.records import Query
from kit.bench.search.retriever import parse_retriever
from kit.bench.search.search import Search
from kit.bench.search.store import fill_store
from kit.bench.search.words import Needs

K = 10
REPEATS = 7


def main(documents: int = 5000, queries: int = 300) -> None:
    """Print seconds and ratios."""
    speeches = kit.load_speeches(1960, 2026)
    for speech in speeches:
        speech.id = speech.metadata["speech_id"]
    chunks = list(parse_chunker("recursive-500").split(speeches))[: documents + queries]
    asked = [Query(f"q{n}", chunk.page_content.split(". ")[0][:200]) for n, chunk in enumerate(chunks[:queries])]
    chunks = chunks[queries:]
    embeddings = kit.load_embeddings("wordllama")
    embeddings.embed_documents([query.text for query in asked])  # from the cache, in both ways of asking
    print(f"{len(chunks)} documents, {len(asked)} queries, k={K}, wordllama, Milvus Lite")

    stored = [Document(page_content=chunk.page_content, metadata={"id": chunk.id}) for chunk in chunks]
    left = Milvus.from_documents(stored, embeddings, connection_args=kit.connect(kit.scratch_uri()))
    started = time.perf_counter()
    loop_hits = [[hit.metadata["id"] for hit in left.similarity_search(query.text, k=K)] for query in asked]
    loop = time.perf_counter() - started

    store = fill_store(
        lambda: chunks, uri=kit.scratch_uri(), needs=Needs(dense=True), index=default_index("milvus-lite"),
        embeddings=(embeddings,), embedding_seconds=lambda: 0.0, progress=lambda _: None,
    )  # fmt: skip
    store.settle()
    search = Search(parse_retriever("dense"), store, by_document=False)
    vectors = np.array(embeddings.embed_documents([query.text for query in asked]), dtype=np.float32)
    matrix = np.array(embeddings.embed_documents([chunk.page_content for chunk in chunks]), dtype=np.float32)
    batched, searched, exact = [], [], []
    for _ in range(REPEATS):  # in turn, so that what else the machine does meets all three
        started = time.perf_counter()
        vectors = np.array(embeddings.embed_documents([query.text for query in asked]), dtype=np.float32)
        with_vectors = time.perf_counter()
        hits = list(search.run(asked, vectors, K))
        batched.append(time.perf_counter() - started)
        searched.append(time.perf_counter() - with_vectors)
        started = time.perf_counter()
        best = exact_top(vectors, matrix)
        exact.append(time.perf_counter() - started)
    batched, searched, exact = (statistics.median(column) for column in (batched, searched, exact))

    same_as_loop = np.mean([set(a) == {hit.doc_id for hit in b} for a, b in zip(loop_hits, hits, strict=True)])
    same_as_exact = np.mean(
        [{chunks[i].id for i in row} == {h.doc_id for h in b} for row, b in zip(best, hits, strict=True)]
    )
    print(f"loop over similarity_search, as from_documents leaves the store: {loop:.2f} s")
    print(f"medians of {REPEATS} repeats:")
    print(f"batched, flushed, the queries' vectors from the cache included:  {batched:.3f} s")
    print(f"batched, the search alone: {searched:.3f} s; numpy exact search: {exact:.3f} s")
    print(f"the same hits as the loop: {same_as_loop:.1%} of queries; as exact search: {same_as_exact:.1%}")
    print(f"ratio loop / batched: {loop / batched:.0f} (wanted: at least 100)")
    print(f"ratio batched search / numpy: {searched / exact:.1f} (wanted: at most 8)")


def exact_top(queries: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The rows of the K nearest, best first."""
    scores = queries @ matrix.T
    best = np.argpartition(-scores, K, axis=1)[:, :K]
    return np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

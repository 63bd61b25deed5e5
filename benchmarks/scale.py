"""1,000 to 100,000 documents with given vectors: ingest rate, latency, peak memory, and how each grows.

Each size runs in fresh processes, three times: the kit's streamed ingest, and the same rows put in by pymilvus
alone; the difference of their median peaks is the kit's own memory, `swing` what the latter's peaks differ by.

python benchmarks/scale.py [size ...]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
DIMENSIONS, BATCH, QUERIES, K, REPEATS = 256, 512, 100, 10, 3
TEXT = "A text of some length that stands for a document of the collection. " * 8


class Given(Embeddings):
    """Vectors made from a text's number, so that nobody holds them."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Unit vectors that the number at the end of a text fixes."""
        return [vector(int(text.rpartition(" ")[2])).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """As for documents."""
        return self.embed_documents([text])[0]


def vector(number: int) -> np.ndarray:
    """A random unit vector by its number."""
    found = np.random.default_rng(number).standard_normal(DIMENSIONS).astype(np.float32)
    return found / np.linalg.norm(found)


def documents(size: int) -> Iterator[Document]:
    """Streamed documents."""
    for number in range(size):
        yield Document(
            page_content=f"{TEXT}{number}", id=f"d{number}", metadata={"document_id": f"d{number}", "start_index": 0}
        )


def with_kit(size: int) -> dict[str, float]:
    """Ingest and search through the kit."""
    from langchain_milvus import Milvus  # noqa: F401 - its import is not part of the ingest

    import kit
    from kit.bench.grid.indexes import default_index
    from kit.bench.records import Query
    from kit.bench.run.cost import PeakMemory
    from kit.bench.search.retriever import parse_retriever
    from kit.bench.search.search import Search
    from kit.bench.search.store import fill_store
    from kit.bench.search.words import Needs

    asked = np.stack([vector(-number % 2**32) for number in range(1, QUERIES + 1)])
    queries = [Query(f"q{number}", "") for number in range(QUERIES)]
    with PeakMemory() as memory:
        started = time.perf_counter()
        store = fill_store(
            lambda: documents(size), uri=kit.scratch_uri(), needs=Needs(dense=True), index=default_index("milvus-lite"),
            embeddings=(Given(),), embedding_seconds=lambda: 0.0, progress=lambda _: None,
        )  # fmt: skip
        peak = memory.megabytes
        store.settle()
        seconds = time.perf_counter() - started
        search = Search(parse_retriever("dense"), store, by_document=False)
        list(search.run(queries[:1], asked[:1], K))
        started = time.perf_counter()
        list(search.run(queries, asked, K))
        batched = (time.perf_counter() - started) / QUERIES
        single = []
        for number in range(10):
            started = time.perf_counter()
            list(search.run(queries[:1], asked[number : number + 1], K))
            single.append(time.perf_counter() - started)
    return {"rate": size / seconds, "batched": batched * 1e3, "single": float(np.median(single)) * 1e3, "peak": peak}


def engine_alone(size: int) -> dict[str, float]:
    """The same rows, put in with pymilvus from a plain loop."""
    from langchain_milvus import Milvus  # noqa: F401 - the same libraries are loaded in both processes
    from pymilvus import DataType, MilvusClient

    import kit
    from kit.bench.run.cost import PeakMemory
    from kit.bench.search.store import bucket

    with PeakMemory() as memory:
        client = MilvusClient(**kit.connect(kit.scratch_uri()))
        schema = client.create_schema(auto_id=False)
        schema.add_field("text", DataType.VARCHAR, max_length=65_535)
        schema.add_field("pk", DataType.VARCHAR, is_primary=True, max_length=65_535)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
        schema.add_field("document_id", DataType.VARCHAR, max_length=65_535)
        schema.add_field("start_index", DataType.INT64)
        schema.add_field("bucket", DataType.INT64)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="COSINE")
        client.create_collection("rows", schema=schema, index_params=index)
        rows = []
        for number in range(size):
            rows.append({"text": f"{TEXT}{number}", "pk": f"d{number}", "vector": vector(number).tolist(),
                         "document_id": f"d{number}", "start_index": 0, "bucket": bucket(f"d{number}")})  # fmt: skip
            if len(rows) == BATCH or number == size - 1:
                client.insert("rows", rows)
                rows = []
        return {"peak": memory.megabytes}


def main(sizes: tuple[int, ...]) -> None:
    """Run each size in fresh processes, and fit how the numbers grow."""
    table = []
    print(
        "documents   documents/s   ms a query: batched   alone   peak MB   pymilvus alone MB   kit's own MB   swing MB"
    )
    for size in sizes:
        ours, plain = (_in_processes(mode, size) for mode in ("kit", "engine"))
        own = ours["peak"] - plain["peak"]
        table.append((size, 1 / ours["rate"] * size, ours["batched"], ours["single"], ours["peak"], own))
        print(f"{size:>9,} {ours['rate']:>13,.0f} {ours['batched']:>21.3f} {ours['single']:>7.1f} {ours['peak']:>9.0f} "
              f"{plain['peak']:>19.0f} {own:>14.1f} {plain['swing']:>10.0f}", flush=True)  # fmt: skip
    columns = np.array(table).T
    names = ("ingest seconds", "ms a query, batched", "ms a query, alone", "peak memory")
    for name, column in zip(names, columns[1:5], strict=True):
        exponent = np.polyfit(np.log(columns[0]), np.log(column), 1)[0]
        print(f"growth of {name}: documents to the power of {exponent:.2f}")
    per_document = np.polyfit(columns[0], columns[5], 1)[0] * 1e6
    print(f"the kit's own memory: {columns[5].max():.0f} MB at most, {per_document:+.0f} bytes a document more")


def _in_processes(mode: str, size: int) -> dict[str, float]:
    """The median of each number over fresh processes: when Lite flushes, its peak differs from run to run."""
    runs = []
    for _ in range(REPEATS):
        done = subprocess.run([sys.executable, __file__, mode, str(size)], capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    peaks = [run["peak"] for run in runs]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} | {"swing": max(peaks) - min(peaks)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["kit"]:
        print(json.dumps(with_kit(int(sys.argv[2]))))
    elif sys.argv[1:2] == ["engine"]:
        print(json.dumps(engine_alone(int(sys.argv[2]))))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)

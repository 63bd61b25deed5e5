"""A collection put into Milvus through langchain-milvus, batch by batch, and opened again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from kit.bench.grid.chunkers import HEADER, stored_text
from kit.bench.grid.indexes import IndexChoice
from kit.bench.search.words import Needs, WordSearch
from kit.errors import KitError
from kit.files.scratch import remove_scratch
from kit.milvus.connection import connect, engine, is_lite

if TYPE_CHECKING:
    from langchain_milvus import Milvus

    from kit.bench.search.sparse_bm25 import SparseBM25

NO_TERM = 2**31  # the number of no term
BATCH = 512  # chunks embedded and inserted at a time: what lies in memory besides Milvus
COLLECTION = "kit_bench"
_NUMBERS = count(1)  # several stores are open at a time, on a server in one database
MOST_BYTES = 65_535  # of a VARCHAR
BUCKETS = 1000  # each chunk is in one by the hash of its id: filters of any selectivity


@dataclass
class Store:
    """A Milvus collection, and what it took to fill it."""

    vector_store: Milvus
    uri: str
    needs: Needs
    index: IndexChoice
    embeddings: Sequence[Embeddings]  # one for each dense field
    sparse: SparseBM25 | None = None  # where the kit weighs the words
    rows: int = 0
    seconds: float = 0.0  # insert, flush and index, without embedding
    cut: int = 0  # texts longer than Milvus stores

    @property
    def name(self) -> str:
        """The Milvus collection's name."""
        return self.vector_store.collection_name

    @cached_property
    def dense_fields(self) -> dict[str, int]:
        """Its vector fields with their dimensions, in the order of the models."""
        fields = self.vector_store.client.describe_collection(self.name)["fields"]
        dimensions = {field["name"]: int(field["params"].get("dim", 0)) for field in fields}
        return {name: dimensions[name] for name in dense_fields(len(self.embeddings))}

    @property
    def words(self) -> WordSearch:
        """How its words are searched."""
        if self.needs.words is None:
            raise ValueError("a store without words was asked for them")
        return self.needs.words

    def word_data(self, texts: list[str]) -> list[Any]:
        """What the client is given for queries by words: the texts, or their sparse vectors ({} for no known word)."""
        return [self.sparse.embed_query(text) for text in texts] if self.sparse else texts

    def leg_data(self, texts: list[str]) -> list[Any]:
        """The same for one leg of several, where each query must be there: one without a known word finds nothing."""
        return [query or {NO_TERM: 1.0} for query in self.word_data(texts)]

    @cached_property
    def engine_version(self) -> str:
        """Such as milvus-lite-3.2.2."""
        return engine(self.vector_store.client)

    @property
    def lite(self) -> bool:
        """Whether Milvus Lite answers, be it behind an address."""
        return self.engine_version.startswith("milvus-lite")

    @property
    def megabytes(self) -> float | None:
        """What a Lite database takes on disk; a server does not tell."""
        if not is_lite(self.uri):
            return None
        return sum(path.stat().st_size for path in Path(self.uri).rglob("*") if path.is_file()) / 1e6

    def settle(self) -> None:
        """Flush, and wait until the indexes are built: what is searched must not hang on timing.

        Lite builds them in the background and tells nobody when it is done, but waits for them when it closes.
        Raises KitError when Milvus then holds another number of rows than were put in.
        """
        started, client = time.perf_counter(), self.vector_store.client
        client.flush(self.name)
        if is_lite(self.uri):
            self.reopen()
        elif not self.lite:
            for name in client.list_indexes(self.name):
                while client.describe_index(self.name, name).get("pending_index_rows", 0):
                    time.sleep(0.1)
            client.load_collection(self.name)
        self.seconds += time.perf_counter() - started
        # To count(*) Lite reads every row with its vector into memory; its statistics count the same rows.
        client = self.vector_store.client
        if self.lite:
            found = client.get_collection_stats(self.name)["row_count"]
        else:  # whose statistics also count deleted rows, until they are compacted
            found = client.query(self.name, output_fields=["count(*)"])[0]["count(*)"]
        if found != self.rows:
            raise KitError(f"Milvus holds {found} rows of the {self.rows} that were put in.")

    def reopen(self) -> None:
        """Go on through a new connection; on Lite the database is closed and read from disk again."""
        self.vector_store.client.close()
        _release(self.uri)
        name = self.name
        self.vector_store = _vector_store(connect(self.uri), name, self.needs, self.index, self.embeddings, self.sparse)
        self.vector_store.client.load_collection(name)

    def connected_anew(self) -> Store:
        """The same collection through a connection of its own; close its client."""
        again = _vector_store(connect(self.uri), self.name, self.needs, self.index, self.embeddings, self.sparse)
        return replace(self, vector_store=again)

    def drop(self) -> None:
        """Remove the collection; on Lite with its database."""
        if is_lite(self.uri):
            self.vector_store.client.close()
            _release(self.uri)
            remove_scratch(Path(self.uri).parent)
        else:
            self.vector_store.client.drop_collection(self.name)
            self.vector_store.client.close()


def fill_store(
    split: Callable[[], Iterable[Document]],
    *,
    uri: str,
    needs: Needs,
    index: IndexChoice,
    embeddings: Sequence[Embeddings],
    embedding_seconds: Callable[[], float],
    progress: Callable[[int], None],
) -> Store:
    """A new collection with the chunks that `split` gives, at each call anew, as inserting leaves it.

    `progress` is told how many went in. Where the kit weighs the words, the chunks are read once more before.
    """
    connection, name = connect(uri), f"{COLLECTION}_{next(_NUMBERS)}"
    sparse = _fitted(needs.words, split()) if needs.words and needs.words.tokens else None
    vector_store = _vector_store(connection, name, needs, index, embeddings, sparse, drop_old=True)
    store = Store(vector_store, uri, needs, index, embeddings, sparse)
    started, embedded = time.perf_counter(), embedding_seconds()
    for batch in batches(split(), BATCH):
        store.cut += sum(len(stored_text(chunk).encode()) > MOST_BYTES for chunk in batch)
        store.vector_store.add_documents([stored(chunk) for chunk in batch], ids=[chunk.id for chunk in batch])
        store.rows += len(batch)
        progress(len(batch))
    if not store.rows:
        raise KitError("There is nothing to search: the chunker gave no chunk.")
    store.seconds = time.perf_counter() - started - (embedding_seconds() - embedded)
    return store


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most `size` rows, in order."""
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def bucket(doc_id: str) -> int:
    """0 to 999 by the hash of a chunk's id; `bucket < 100` lets about a tenth of the chunks through."""
    return int.from_bytes(blake2b(doc_id.encode(), digest_size=8).digest(), "big") % BUCKETS


def stored(chunk: Document) -> Document:
    """The chunk as it is stored: text cut to what a VARCHAR holds, its metadata and bucket."""
    text = stored_text(chunk)
    if len(text.encode()) > MOST_BYTES:
        text = text.encode()[:MOST_BYTES].decode(errors="ignore")
    metadata = {name: value for name, value in chunk.metadata.items() if name != HEADER}
    return Document(page_content=text, metadata=metadata | {"bucket": bucket(str(chunk.id))})


def dense_fields(models: int) -> list[str]:
    """The names of the vector fields: vector, vector_2, …."""
    return ["vector", *(f"vector_{number}" for number in range(2, models + 1))]


def _fitted(words: WordSearch, chunks: Iterable[Document]) -> SparseBM25:
    from kit.bench.search.sparse_bm25 import SparseBM25

    sparse = SparseBM25(words.tokens, words.k1, words.b)
    sparse.fit(stored_text(chunk) for chunk in chunks)
    return sparse


def _vector_store(
    connection: dict[str, Any],
    name: str,
    needs: Needs,
    index: IndexChoice,
    embeddings: Sequence[Embeddings],
    sparse: SparseBM25 | None = None,
    drop_old: bool = False,
) -> Milvus:
    """The store as the notebooks build it: dense vectors, words by Milvus' own BM25 or as sparse vectors, or both."""
    from langchain_milvus import BM25BuiltInFunction, Milvus

    fields: list[tuple[str, dict[str, Any], dict[str, Any]]] = []  # name, index and search parameters
    options: dict[str, Any] = {}
    functions: list[Any] = list(embeddings) if needs.dense else []
    if needs.dense:
        fields += [(name, index.params, index.search_params()) for name in dense_fields(len(embeddings))]
    if needs.words:
        fields.append(("sparse", needs.words.index_params, needs.words.search_params))
    if sparse:
        functions.append(sparse)
    elif needs.words:
        analyzer = needs.words.analyzer_params
        options["builtin_function"] = BM25BuiltInFunction(output_field_names="sparse", analyzer_params=analyzer)
    names = [name for name, _, _ in fields]
    index_params = [params for _, params, _ in fields]
    search_params = [params for _, _, params in fields]
    alone = len(fields) == 1
    return Milvus(
        embedding_function=functions[0] if len(functions) == 1 else functions or None,
        collection_name=name,
        connection_args=connection,
        drop_old=drop_old,
        vector_field=names[0] if alone else names,
        index_params=index_params[0] if alone else index_params,
        search_params=search_params[0] if alone else search_params,
        **options,
    )


def _release(uri: str) -> None:
    """Close the Lite engine of this process for a database; pymilvus' close leaves it running."""
    if is_lite(uri):
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(uri)

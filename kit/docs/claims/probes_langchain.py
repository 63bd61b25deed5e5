"""Trials of what langchain-milvus does with what a docs page tells its readers to write."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from importlib.metadata import requires, version
from typing import TYPE_CHECKING, Any

from kit.docs.claims.probe import Answer, Scratch, hash_embeddings, probe, refusal

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus


def _documents(*texts: str, **metadata: object) -> list:
    from langchain_core.documents import Document

    return [Document(page_content=text, metadata=dict(metadata)) for text in texts]


@probe("langchain-partition-key", "LangChain: partition_key_field=… creates a partition key")
def partition_key_field(scratch: Scratch) -> Answer:
    def made(**options: bool) -> bool:
        store = scratch.store(_documents("a", tenant="u1"), partition_key_field="tenant", **options)
        fields = scratch.client.describe_collection(store.collection_name)["fields"]
        return any(field["name"] == "tenant" and field.get("is_partition_key") for field in fields)

    plain, dynamic = made(), made(enable_dynamic_field=True)
    evidence = f"alone: {'one' if plain else 'none'}; with enable_dynamic_field=True: {'one' if dynamic else 'none'}"
    return Answer("yes" if plain else "partly" if dynamic else "no", evidence)


@probe("langchain-isolation", "LangChain: expr in search_kwargs keeps one user's documents from another's")
def isolation(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", "b", user="u1") + _documents("c", user="u2"))
    hits = store.as_retriever(search_kwargs={"expr": 'user == "u2"', "k": 3}).invoke("a")
    users = sorted({hit.metadata["user"] for hit in hits})
    return Answer("yes" if users == ["u2"] else "no", f"a search for u2 returns {len(hits)} documents, of {users}")


@probe("langchain-retriever-filter", "LangChain: retriever.invoke(query, filter={…})")
def retriever_filter(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", user="u1") + _documents("c", user="u2"))
    said = refusal(store.as_retriever().invoke, "a", filter={"user": "u2"})
    hits = store.as_retriever().invoke("a", expr='user == "u2"')
    return Answer("no" if said else "yes", f"{said or 'accepted'}; with expr=… {len(hits)} of 1 document is found")


@probe("langchain-pk-in-hits", "LangChain: hits carry their primary key in the metadata")
def pk_in_hits(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", user="u1"))
    keys = sorted(store.similarity_search("a", k=1)[0].metadata)
    return Answer("yes" if "pk" in keys else "no", f"the metadata of a hit has {', '.join(keys)}")


@probe("langchain-store-hits", "LangChain: hits can be stored again with from_documents")
def store_hits(scratch: Scratch) -> Answer:
    hits = scratch.store(_documents("a", user="u1")).similarity_search("a", k=1)
    said = refusal(scratch.store, hits)
    return Answer("no" if said else "yes", said or f"{len(hits)} hit was stored")


@probe("langchain-open-missing", "LangChain: opening a collection that does not exist is an error")
def open_missing(scratch: Scratch) -> Answer:
    from langchain_milvus import Milvus

    name = scratch.name()
    said = refusal(Milvus, hash_embeddings(), collection_name=name, connection_args=dict(scratch.connection))
    if said:
        return Answer("yes", said)
    store = Milvus(hash_embeddings(), collection_name=name, connection_args=dict(scratch.connection))
    return Answer("no", f"no error; a search returns {len(store.similarity_search('a'))} documents")


def _upsert(store: Milvus, keys: Any, documents: list[Document]) -> object:
    """What upsert returns, whatever its signature says."""
    call: Any = store.upsert
    return call(keys, documents)


@probe("langchain-upsert", "LangChain: upsert(ids, documents) replaces documents")
def upsert(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", "b", "c", number=1))
    ids = store.get_pks("number == 1")
    returned = _upsert(store, ids, _documents("A", "B", "C", number=2))
    rows = scratch.count(store.collection_name), scratch.count(store.collection_name, "number == 2")
    evidence = f"{rows[0]} rows after an upsert of 3 on 3, {rows[1]} of them new; it returns {returned!r}"
    return Answer("yes" if rows == (3, 3) else "no", evidence)


@probe("langchain-upsert-returns-ids", "LangChain: upsert returns the primary keys")
def upsert_returns_ids(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", number=1))
    returned = _upsert(store, store.get_pks("number == 1"), _documents("A", number=2))
    return Answer("yes" if isinstance(returned, list) else "no", f"it returns {type(returned).__name__}")


@probe("langchain-upsert-fewer-ids", "LangChain: upsert takes fewer ids than documents")
def upsert_fewer_ids(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", "b", "c", number=1))
    said = refusal(store.upsert, (store.get_pks("number == 1") or [])[:2], _documents("A", "B", "C", number=2))
    return Answer("no" if said else "yes", said or f"{scratch.count(store.collection_name)} rows afterwards")


@probe("langchain-delete", "LangChain: get_pks and delete remove the documents of an expression")
def delete(scratch: Scratch) -> Answer:
    store = scratch.store(_documents("a", "b", number=1) + _documents("c", number=2))
    keys: Any = store.get_pks("number in [1]")  # numbers, where the signature of delete says texts
    returned = store.delete(keys)
    rows = scratch.count(store.collection_name)
    return Answer("yes" if rows == 1 else "no", f"{rows} of 3 rows left, wanted 1; delete returns {returned!r}")


@probe("langchain-bm25-defaults", "LangChain: BM25BuiltInFunction() works without index parameters")
def bm25_defaults(scratch: Scratch) -> Answer:
    from langchain_milvus import BM25BuiltInFunction

    def trial() -> None:
        # Dynamic, so that the store can be made without metadata.
        options = {"builtin_function": BM25BuiltInFunction(), "vector_field": ["dense", "sparse"]}
        store = scratch.store(_documents("the cat runs", "two dogs"), enable_dynamic_field=True, **options)
        found.extend(hit.page_content for hit in store.similarity_search("dogs", k=1))

    found: list[str] = []
    said = refusal(trial)
    return Answer("no" if said else "yes", said or f"a hybrid search for dogs finds {found}")


@probe("langchain-relevance-reopened", "LangChain: relevance scores survive reopening a COSINE collection")
def relevance_reopened(scratch: Scratch) -> Answer:
    from langchain_milvus import Milvus

    index = {"index_type": "FLAT", "metric_type": "COSINE", "params": {}}
    store = scratch.store(_documents("a", "b", user="u1"), index_params=index)
    again = Milvus(
        hash_embeddings(), collection_name=store.collection_name, connection_args=dict(scratch.connection),
        consistency_level="Strong",
    )  # fmt: skip
    first, second = (s.similarity_search_with_relevance_scores("a", k=1)[0][1] for s in (store, again))
    evidence = f"an exact match scores {first:.2f}, and {second:.2f} after reopening without index_params"
    return Answer("yes" if abs(first - second) < 0.01 else "no", evidence)


@probe("langchain-async", "LangChain: afrom_documents and asimilarity_search")
def langchain_async(scratch: Scratch) -> Answer:
    from langchain_milvus import Milvus

    async def trial() -> list[str]:
        store = await Milvus.afrom_documents(
            _documents("a", "b", user="u1"), hash_embeddings(), collection_name=scratch.name(),
            connection_args=dict(scratch.connection), consistency_level="Strong",
        )  # fmt: skip
        return [hit.page_content for hit in await store.asimilarity_search("b", k=1)]

    found = asyncio.run(asyncio.wait_for(trial(), 30))
    return Answer("yes" if found == ["b"] else "no", f"a search for b finds {found}")


@probe("pymilvus-brings-lite", "Installing pymilvus alone brings Milvus Lite")
def pymilvus_brings_lite(scratch: Scratch) -> Answer:  # noqa: ARG001 - the installed metadata answers
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in requires("pymilvus") or []]
    plain = any(r.name == "milvus-lite" and (not r.marker or r.marker.evaluate({"extra": ""})) for r in needed)
    extra = any(r.name == "milvus-lite" and "extra" in str(r.marker) for r in needed)
    how = "always" if plain else "only with the extra pymilvus[milvus-lite]" if extra else "not at all"
    return Answer("yes" if plain else "no", f"pymilvus {version('pymilvus')} requires milvus-lite {how}")


@probe("unattended-prompt", "A cell that asks for input runs where nobody sits: nbval, nbmake, papermill, CI")
def unattended_prompt(scratch: Scratch) -> Answer:  # noqa: ARG001 - no database is needed
    """Run by nbclient, which all of them run notebooks with."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell("import getpass\ngetpass.getpass('key')")])
    try:
        NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    except CellExecutionError as error:
        return Answer("no", f"{error.ename}: a run that nobody attends ends at the prompt")
    return Answer("yes", "the prompt was answered")


@probe("openai-embeddings-offline", "OpenAIEmbeddings counts tokens without a download")
def openai_embeddings_offline(scratch: Scratch) -> Answer:  # noqa: ARG001 - no database is needed
    """A process of its own with an empty encoding cache and no way out; the request itself is never reached."""
    from kit.files.scratch import remove_scratch, scratch_folder

    code = (
        "from langchain_openai import OpenAIEmbeddings\n"
        "try:\n    OpenAIEmbeddings(api_key='none', base_url='http://127.0.0.1:9/v1', max_retries=0)"
        ".embed_documents(['a'])\n"
        "except Exception as error:\n    print(type(error).__module__, type(error).__name__)\n"
    )
    folder = scratch_folder("encoding")
    nowhere = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "TIKTOKEN_"))}
    environment |= nowhere | {"TIKTOKEN_CACHE_DIR": str(folder), "NO_PROXY": "", "no_proxy": "", "PYTHONPATH": ""}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, text=True, capture_output=True, timeout=120, check=False
        )
    finally:
        remove_scratch(folder)
    told = done.stdout.split()
    if told[:1] and told[0].startswith("openai"):
        return Answer("yes", "with no cache and no network it gets as far as its own request")
    if told[:1] and told[0].startswith("requests"):
        return Answer("no", f"{told[1]}: tiktoken downloads its encoding before the first request")
    return Answer("unknown", f"it ended with {' '.join(told) or done.stderr.strip()[-150:]}")

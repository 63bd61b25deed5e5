"""Hostile names and values through every guard: filters, tenants, ingest, prove. They stay values, each its own."""

import random

import pytest
from langchain_core.documents import Document
from pymilvus import MilvusException

from kit.errors import KitError
from kit.milvus.connection import connect, is_lite, open_client
from kit.milvus.filters import field
from kit.milvus.ingest import ingest
from kit.milvus.prove.run import prove_collection
from kit.milvus.require import require
from kit.milvus.strict import strict
from kit.milvus.tenants import tenant_retriever
from tests.milvus.test_ingest import vector_store

PIECES = [
    '"', "'", "\\", "\n", "\r", "\t", "%", "_", " ", "{", "}", "$", "(", ")", "[", "]", ";", "--", "/*", "\x00", "\x7f",
    "\u200b", "\u202e", "\ufeff", "é", "e\u0301", "漢", "🙂", "𝔘", "a", "1", "or", " and ", " or 1 == 1", "\u2028", "ı",
    '" or namespace != "', "in [", "like", "null", "true", "exists", "$meta", "pk", "\\n", "\\u0022", "&#34;", "ß",
    "\x1b[31m",
]  # fmt: skip


def hostile(count: int, seed: int) -> list[str]:
    """As many different texts that are not blank, of pieces that mean something to some language."""
    draw, texts = random.Random(seed), set()
    while len(texts) < count:
        text = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 8)))
        if text.strip() and len(text.encode()) < 200:
            texts.add(text)
    return sorted(texts)


def through_every_guard(uri: str, count: int, seed: int) -> None:
    texts = hostile(count, seed)
    store = vector_store(uri, "hostile")
    rows = [Document(text, metadata={"namespace": text}) for text in texts]
    assert ingest(store, rows, ids=texts).written == count
    assert ingest(store, rows, ids=texts).rows == count
    guarded, wrong = strict(store), []
    require(store, embeddings=store.embedding_func)
    for text in texts:  # each finds its own row, as a value, as a key and as a tenant
        for condition in (field("namespace") == text, field("pk").is_in([text]), field("text") == text):
            found = store.client.query("hostile", filter=str(condition), output_fields=["pk"])
            if [row["pk"] for row in found] != [text]:
                wrong.append((text, str(condition)))
        retriever = tenant_retriever(store, "namespace", text)
        if [hit.page_content for hit in retriever.invoke(text)] != [text]:
            wrong.append((text, "tenant"))
        if [row.page_content for row in guarded.get_by_ids([text])] != [text]:
            wrong.append((text, "strict"))
    assert wrong == []
    assert [one for one in proof(uri).broken if one.relation != "every way of counting agrees"] == []


def proof(uri: str):
    client = open_client(connect(uri))
    try:
        return prove_collection(client, "hostile", uri, lite=is_lite(uri))
    finally:
        client.close()


def opens(uri: str, collection: str):
    """A store of that collection, where langchain-milvus opens one: on a server it fails with Milvus' own words."""
    try:
        return vector_store(uri, collection)
    except MilvusException:
        return None


def refused_names(uri: str, count: int, seed: int) -> None:
    """A hostile name of a field, a key or a collection is refused in a sentence, or works: never an error of Milvus."""
    store = vector_store(uri, "hostile")
    for text in hostile(count, seed):
        for use in (
            lambda text=text: field(text) == 1,
            lambda text=text: tenant_retriever(store, text, "me"),
            lambda text=text: ingest(store, [Document("a", metadata={text: 1, "namespace": "b"})]),
            lambda text=text: (opened := opens(uri, text)) and ingest(opened, [Document("a", metadata={"x": "b"})]),
        ):
            try:
                use()
            except KitError as error:
                assert len(str(error)) < 2000


def test_hostile_values_stay_values(uri):
    through_every_guard(uri, 60, seed=1)
    refused_names(uri, 25, seed=2)


@pytest.mark.long
def test_thousands_of_hostile_values_stay_values(database):
    count = 5000 if is_lite(database) else 500
    through_every_guard(database, count, seed=3)
    refused_names(database, count, seed=4)

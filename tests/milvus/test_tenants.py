"""A tenant sees its own rows, all of them and no other's, whatever it is called and whatever the caller asks for."""

import random
import unicodedata
import zlib

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_milvus import Milvus
from pydantic import ValidationError
from pymilvus import MilvusException

from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.filters import field
from kit.milvus.require import require
from kit.milvus.schema import index_params
from kit.milvus.tenants import TenantRetriever, tenant_retriever
from kit.server import servers as server

K = 2


class Scattered(Embeddings):
    """A text becomes a random direction in 16 dimensions, always the same one."""

    def embed_documents(self, texts):
        return [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(16).tolist() for t in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def open_store(uri, **options) -> Milvus:
    options = {"index_params": index_params(uri), "consistency_level": "Strong", "auto_id": True} | options
    return Milvus(Scattered(), connection_args=connect(uri), collection_name="tenants", **options)


def fill(uri, rows, **options) -> Milvus:
    """A store of (tenant, text) rows, a tenant's texts told apart by their end."""
    store = open_store(uri, **options)
    store.add_documents([Document(text, metadata={"namespace": tenant}) for tenant, text in rows])
    return store


# Hostile names

FRAGMENTS = (
    *("\"", "'", "\\", "\\\"", "\" or namespace != \"", "\" or \"\" == \"", "\") or (id > 0", " == ", "!=", "in ["),
    *("]", "(", ")", "or", "and", "not", "namespace", "like", "%", "_", "true", "1 == 1", "is null", "$meta", "exists"),
    *("{x}", "--", "/*", "\n", "\r", "\t", "\x00", "\x01", "\x1b", "\x7f", "\x85", "\u2028", "\u200b", "\ufeff"),
    *("\u202e", "\\u0022", "\\x22", "&&", "||", "!", ";", "#", " ", "  ", "a", "A", "ä", "é", "e\u0301", "а", "ａ"),
    *("ﬁ", "ß", "ss", "İ", "漢", "🙂", "\ue000", "\U0010ffff", "0", "7", "1e9", "NaN", "None", "null", "ankush"),
)  # fmt: skip


def hostile_names(count: int, seed: int, longest: int = 20) -> list[str]:
    """Names of pieces that mean something to a parser, look-alikes of one another among them; `longest` huge ones."""
    draw, names = random.Random(seed), {}
    while len(names) < 1.1 * count:
        name = "".join(draw.choices(FRAGMENTS, k=draw.randint(1, 5)))
        for form in (name, unicodedata.normalize("NFD", name), name + name[-1], name.swapcase()):
            names[form] = True
    names = [name for name in names if name.strip()][: count - longest]
    assert len(names) == count - longest
    for number in range(longest):  # just as long as a VARCHAR may be: 65,535 bytes
        end = f'{draw.choice(FRAGMENTS)}" or namespace != "{number}'
        names.append("x" * (65_535 - len(end.encode())) + end)
    return names


def rows_for(names) -> list[tuple[str, str]]:
    """One, two or three rows a name."""
    return [(name, f"{number}/{part}") for number, name in enumerate(names) for part in range(1 + number % 3)]


def leaks_and_errors(store, names) -> tuple[int, int]:
    """How often a filter that is written as a plain f-string gives another tenant's row, or fails."""
    leaks = errors = 0
    for name in names:
        try:
            found = store.similarity_search("q", k=K, expr=f'namespace == "{name}"')
        except MilvusException:
            errors += 1
        else:
            leaks += any(document.metadata["namespace"] != name for document in found)
    return leaks, errors


def check_every_tenant(store, names, level):
    """Each gets min(k, its rows) documents, its own ones, also under a filter that would show others'."""
    for number, name in enumerate(names):
        other = names[number - 1]
        wider = (field("namespace") == other) | ~(field("namespace") == name) | (field("namespace") == name)
        expr = None if number % 2 else wider
        retriever = tenant_retriever(store, "namespace", name, k=K, consistency_level=level)
        found = retriever.invoke("q") if expr is None else retriever.invoke("q", expr=expr)
        texts = [document.page_content for document in found]
        assert len(set(texts)) == len(texts) == min(K, 1 + number % 3), ascii(name[:80])
        assert all(text.startswith(f"{number}/") for text in texts), ascii(name[:80])


def test_two_thousand_hostile_names_on_lite_see_their_own_rows_and_no_others(tmp_path):
    names = hostile_names(2000, seed=1)
    assert len(set(names)) == 2000
    store = fill(str(tmp_path / "test.db"), rows_for(names))
    store.client.flush("tenants")
    check_every_tenant(store, names, "Strong")
    leaks, errors = leaks_and_errors(store, names[:200])
    assert leaks >= 5 and errors >= 20  # so that this test can fail


def test_two_hundred_hostile_names_on_a_server_see_their_own_rows_and_no_others(new_database):
    names = hostile_names(200, seed=2, longest=2)
    store = fill(new_database("server"), rows_for(names))
    assert len(store.client.query("tenants", filter="", output_fields=["count(*)"])) == 1  # strong: all are there
    check_every_tenant(store, names, "Bounded")
    leaks, errors = leaks_and_errors(store, names[:40])
    assert leaks >= 1 and errors >= 1


@pytest.mark.parametrize(
    "name",
    ["", " ", "\n\t", "\u3000", "half \ud800", "\udfff", None, True, 1.5, b"bytes", ["a"], {"$ne": 1}],
    ids=ascii,
)
def test_what_cannot_name_a_tenant_is_refused_by_name(two, name):
    with pytest.raises(KitError, match="Wanted a tenant|half a surrogate pair"):
        tenant_retriever(two, "namespace", name)


def test_a_name_longer_than_the_field_has_no_rows(database):
    store = fill(database, [("x" * 65_535, "a")])
    assert tenant_retriever(store, "namespace", "x" * 65_536).invoke("q") == []


# What the caller may say

WIDENING = ['namespace != ""', ") or (namespace != ''", "pk > 0) or (pk > 0", "", "true", 'namespace == "harrison"']


@pytest.fixture(scope="module")
def two(shared_database) -> Milvus:
    return fill(shared_database, [("ankush", "facebook"), ("ankush", "meta"), ("harrison", "kensho")])


@pytest.mark.parametrize("expr", WIDENING)
def test_a_text_as_expr_is_refused_when_made_and_when_asked(two, expr):
    with pytest.raises(KitError, match="Wanted a filter of kit.milvus.filters as expr; found str"):
        tenant_retriever(two, "namespace", "ankush", expr=expr)
    with pytest.raises(KitError, match="Wanted a filter of kit.milvus.filters as expr; found str"):
        tenant_retriever(two, "namespace", "ankush").invoke("q", expr=expr)


def test_a_filter_narrows_and_both_are_kept(two):
    retriever = tenant_retriever(two, "namespace", "ankush", expr=field("text").is_in(["facebook", "kensho"]))
    assert [d.page_content for d in retriever.invoke("q")] == ["facebook"]
    assert retriever.invoke("q", expr=field("text") == "meta") == []


def test_nothing_turns_a_retriever_to_another_tenant(two):
    retriever = tenant_retriever(two, "namespace", "ankush")
    with pytest.raises(ValidationError):
        retriever.tenant = "harrison"
    with pytest.raises(TypeError):
        retriever.invoke("q", tenant="harrison")
    with pytest.raises(KitError):
        TenantRetriever(vector_store=two, field="namespace", tenant="")
    assert {d.page_content for d in retriever.invoke("q", k=9)} == {"facebook", "meta"}


async def both_at_once(retrievers):
    import asyncio

    return await asyncio.gather(*(retriever.ainvoke("q") for retriever in retrievers))


def test_two_tenants_ask_at_the_same_time(two):
    import asyncio

    pair = [tenant_retriever(two, "namespace", name) for name in ("ankush", "harrison")]
    first, second = asyncio.run(both_at_once(pair))
    assert ({d.page_content for d in first}, {d.page_content for d in second}) == ({"facebook", "meta"}, {"kensho"})


def test_a_row_of_another_tenant_is_never_given_out_whatever_the_engine_does(two, monkeypatch):
    retriever = tenant_retriever(two, "namespace", "ankush")
    real = two.similarity_search_by_vector
    monkeypatch.setattr(two, "similarity_search_by_vector", lambda *a, **o: real(*a, **(o | {"expr": ""})))
    with pytest.raises(KitError, match="met a row of another one; nothing is given out"):
        retriever.invoke("q")


@pytest.mark.parametrize("k", [0, -1, 16_385, 2.0, True, "4"])
def test_k_is_a_number_of_documents(two, k):
    with pytest.raises(KitError, match="Wanted k, a number of documents from 1 to 16384"):
        tenant_retriever(two, "namespace", "ankush", k=k)


@pytest.mark.parametrize(
    ("name", "tenant", "said"),
    [
        ("namespaces", "ankush", "has no field 'namespaces'; it has .*Did you mean \"namespace\""),
        ("namespace", 7, "The tenant 7 wants a field of type INT; 'namespace' in 'tenants' is VARCHAR"),
        ("vector", "ankush", "'vector' in 'tenants' is FLOAT_VECTOR"),
        ('x" or "', "ankush", "Wanted a field's name"),
    ],
)
def test_a_field_that_does_not_fit_is_told_with_what_is_there(two, name, tenant, said):
    with pytest.raises(KitError, match=said):
        tenant_retriever(two, name, tenant)


def test_a_collection_that_does_not_exist_is_no_empty_tenant(database):
    with pytest.raises(KitError, match="There is no collection 'tenants'"):
        tenant_retriever(open_store(database), "namespace", "ankush")


def test_a_dynamic_field_that_was_forgotten_on_reopening_is_said(database):
    store = fill(database, [("ankush", "facebook"), ("harrison", "kensho")], enable_dynamic_field=True)
    assert [d.page_content for d in tenant_retriever(store, "namespace", "ankush").invoke("q")] == ["facebook"]
    with pytest.raises(KitError, match="has no field 'namespace'; it has"):
        tenant_retriever(open_store(database), "namespace", "ankush")


def test_an_integer_can_be_a_tenant(database):
    store = fill(database, [(7, "seven"), (70, "seventy")])
    assert [d.page_content for d in tenant_retriever(store, "namespace", np.int64(7)).invoke("q")] == ["seven"]


class Lying(str):
    """A text that claims to be every other one."""

    def translate(self, table):
        return 'ankush" or namespace != "'

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = str.__hash__


def test_only_the_characters_of_a_tenants_name_count(two):
    made = tenant_retriever(two, "namespace", Lying("harrison"), k=np.int64(9))
    direct = TenantRetriever(vector_store=two, field="namespace", tenant=Lying("harrison"), k=9)
    for retriever in (made, direct):
        assert [d.page_content for d in retriever.invoke("q")] == ["kensho"]


def test_a_row_that_the_engine_takes_for_the_tenants_does_not_keep_it_from_its_own(database):
    store = open_store(database, enable_dynamic_field=True)
    rows = [(1, "mine"), (True, "another's"), (1, "mine, too"), (2, "not mine")]
    store.add_documents([Document(text, metadata={"namespace": tenant}) for tenant, text in rows])
    found = tenant_retriever(store, "namespace", 1).invoke("q")
    assert {document.page_content for document in found} == {"mine", "mine, too"}


class Wide(Scattered):
    """Vectors of another model."""

    def embed_documents(self, texts):
        return [vector * 2 for vector in super().embed_documents(texts)]


def test_another_models_vectors_are_told_by_their_dimension(two):
    connection = two._connection_args
    wide = Milvus(Wide(), connection_args=connection, collection_name="tenants")
    with pytest.raises(KitError, match="The embeddings give 32 numbers; the vectors in 'tenants' have 16"):
        tenant_retriever(wide, "namespace", "ankush").invoke("q")


def test_a_filter_on_a_field_that_is_not_there_is_a_sentence(two):
    with pytest.raises(KitError, match='The collection "tenants" cannot be asked: .*yaer'):
        tenant_retriever(two, "namespace", "ankush").invoke("q", expr=field("yaer") == 2022)


def test_a_server_that_is_away_is_a_sentence(own_server):
    with server.running() as running:
        store = fill(running.uri, [("ankush", "facebook")])
        retriever = tenant_retriever(store, "namespace", "ankush")
    for ask in (
        lambda: retriever.invoke("q"),
        lambda: tenant_retriever(store, "namespace", "ankush"),
        lambda: require(store, metric="L2"),
    ):
        with pytest.raises(KitError, match="cannot be asked: No Milvus server answers at"):
            ask()


# Every index

INDEXES = {
    "FLAT": {},
    "AUTOINDEX": {},
    "HNSW": {"M": 8, "efConstruction": 64},
    "IVF_FLAT": {"nlist": 16},
}
TENANTS = {f"tenant {number}": 1 + number * 7 for number in range(5)}  # from 1 to 29 rows


@pytest.mark.parametrize("index", INDEXES)
def test_every_tenant_gets_min_k_of_its_rows_before_and_after_a_reopen(database, index):
    options = {"index_params": {"index_type": index, "metric_type": "COSINE", "params": INDEXES[index]}}
    rows = [(name, f"{name} row {part}") for name, count in TENANTS.items() for part in range(count)]
    rows += [("everyone else", f"other {number}") for number in range(600)]
    store = fill(database, rows, **options)
    wanted = {name: min(10, count) for name, count in TENANTS.items()}

    def found(opened):
        return {name: len(tenant_retriever(opened, "namespace", name, k=10).invoke("q")) for name in TENANTS}

    assert found(store) == wanted
    store.client.flush("tenants")
    assert found(open_store(database, **options)) == wanted


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
def test_where_the_index_falls_short_the_vectors_are_compared_one_by_one_in_the_right_order(
    database, metric, monkeypatch
):
    rows = [("ankush", f"row {number}") for number in range(30)] + [
        ("harrison", f"row {number}") for number in range(9)
    ]
    store = fill(database, rows, index_params=index_params(database, metric))
    retriever = tenant_retriever(store, "namespace", "ankush", k=5)
    exact = [document.page_content for document in retriever.invoke("q")]
    monkeypatch.setattr(store, "similarity_search_by_vector", lambda *a, **o: [])  # an index that finds nothing
    assert [document.page_content for document in retriever.invoke("q")] == exact

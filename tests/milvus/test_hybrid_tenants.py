"""A tenant of a hybrid store: both legs look at its rows only, whatever it is called, in every way of asking."""

import asyncio

import pytest
from langchain_milvus import BM25BuiltInFunction, Milvus

from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.filters import field
from kit.milvus.schema import index_params
from kit.milvus.strict import strict
from kit.milvus.tenants import tenant_retriever
from tests.milvus.test_tenants import Scattered, fill, hostile_names

BM25 = {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25", "params": {}}
PAIR = {"ankush": ["he worked at facebook", "he worked at meta"], "harrison": ["he worked at kensho"]}


def hybrid_store(uri, dense=None, **options) -> Milvus:
    """Rows with a dense vector and one of words; Milvus 2.3.5 has no hybrid search, so these tests are on Lite."""
    return Milvus(
        Scattered(),
        builtin_function=BM25BuiltInFunction(),
        vector_field=["dense", "sparse"],
        connection_args=connect(uri),
        collection_name="tenants",
        index_params=[dense or index_params(uri), BM25],
        search_params=[{"metric_type": metric, "params": {}} for metric in ("COSINE", "BM25")],
        **options,
    )


def filled(uri, texts_of, **options) -> Milvus:
    store = hybrid_store(uri, auto_id=True, **options)
    texts, tenants = zip(*((text, tenant) for tenant, texts in texts_of.items() for text in texts), strict=True)
    store.add_texts(list(texts), [{"namespace": tenant} for tenant in tenants])
    return store


def texts(documents) -> set[str]:
    return {document.page_content for document in documents}


@pytest.fixture(scope="module")
def pair(new_database) -> Milvus:
    return filled(new_database("lite"), PAIR)


def test_each_way_of_asking_gives_the_tenants_rows_and_all_of_them(pair):
    first, second = (tenant_retriever(pair, "namespace", name) for name in PAIR)
    questions = ["who worked at kensho", "facebook", "nobody's words", ""]

    async def at_once():
        return await asyncio.gather(first.ainvoke("kensho"), second.ainvoke("facebook"), first.abatch(questions))

    found = [first.invoke("kensho"), *first.batch(questions)]
    one, other, many = asyncio.run(at_once())
    assert all(texts(documents) == set(PAIR["ankush"]) for documents in [*found, one, *many])
    assert texts(second.invoke("facebook")) == texts(other) == set(PAIR["harrison"])


def test_the_leg_of_words_decides_where_the_ranker_says_so(pair):
    for weights, best in (([0.0, 1.0], "he worked at meta"), ([0.0, 1.0], "he worked at facebook")):
        options = {"ranker_type": "weighted", "ranker_params": {"weights": weights}, "k": 1}
        retriever = tenant_retriever(pair, "namespace", "ankush", **options)
        assert retriever.invoke(best.split()[-1])[0].page_content == best


def test_a_hundred_hostile_names_hold_on_both_legs(tmp_path):
    names = hostile_names(100, seed=4, longest=2)
    words = {name: [f"common words {number}", f"common {number}/2"] for number, name in enumerate(names)}
    store = filled(str(tmp_path / "test.db"), words)
    for name in names:
        wider = (field("namespace") != name) | (field("namespace") == name)
        found = tenant_retriever(store, "namespace", name, k=9, expr=wider).invoke("common words")
        assert texts(found) == set(words[name]), ascii(name[:80])
    leaks = [n for n in names[:40] if '"' in n and leaked(store, n)]
    assert len(leaks) >= 1  # so that this test can fail


def leaked(store, name) -> bool:
    """Whether a filter written as a plain f-string shows another tenant's row, or fails."""
    try:
        found = store.similarity_search("common", k=9, expr=f'namespace == "{name}"', ranker_type="rrf", fetch_k=9)
    except Exception:  # noqa: BLE001 - whatever the engine says to broken syntax
        return True
    return any(document.metadata["namespace"] != name for document in found)


@pytest.mark.parametrize("index", ["FLAT", "AUTOINDEX", "HNSW"])
def test_every_tenant_gets_min_k_of_its_rows_before_and_after_a_reopen(uri, index):
    dense = {"index_type": index, "metric_type": "COSINE", "params": {"M": 8, "efConstruction": 64}}
    rows = {f"tenant {number}": [f"tenant{number} row{part}" for part in range(1 + number * 7)] for number in range(5)}
    rows["everyone else"] = [f"other{number}" for number in range(600)]
    store = filled(uri, rows, dense=dense)

    def counts(opened):
        return {n: len(tenant_retriever(opened, "namespace", n, k=10).invoke("row1 other1")) for n in list(rows)[:5]}

    wanted = {name: min(10, len(found)) for name, found in list(rows.items())[:5]}
    assert counts(store) == wanted
    store.client.flush("tenants")
    assert counts(hybrid_store(uri, dense=dense)) == wanted


def test_a_row_of_another_tenant_is_never_given_out_whatever_a_leg_does(pair, monkeypatch):
    real = pair.similarity_search
    retriever = tenant_retriever(pair, "namespace", "ankush")
    monkeypatch.setattr(pair, "similarity_search", lambda *given, **options: real(*given, **(options | {"expr": ""})))
    with pytest.raises(KitError, match="met a row of another one; nothing is given out"):
        retriever.invoke("kensho")


def test_where_a_leg_falls_short_the_vectors_are_compared_one_by_one(pair, monkeypatch):
    retriever = tenant_retriever(pair, "namespace", "ankush")
    real = pair.similarity_search
    monkeypatch.setattr(pair, "similarity_search", lambda *given, **options: real(*given, **options)[:1])
    assert texts(retriever.invoke("meta")) == set(PAIR["ankush"])


def test_a_strict_hybrid_store_gives_the_same(pair):
    assert texts(tenant_retriever(strict(pair), "namespace", "ankush").invoke("kensho")) == set(PAIR["ankush"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ranker_type": "rff"}, "ranker_type is 'rff'; wanted: rrf or weighted"),
        ({"ranker_params": {"kk": 60}}, "ranker_params are {'kk': 60}; wanted: a dict with k"),
        ({"expr": "pk > 0"}, "Wanted a filter of kit.milvus.filters as expr; found str"),
    ],
)
def test_what_would_be_dropped_or_widen_is_refused(pair, options, said):
    with pytest.raises(KitError, match=said):
        tenant_retriever(pair, "namespace", "ankush", **options)


def test_a_ranker_is_for_hybrid_stores_and_words_alone_are_not_enough(uri):
    store = fill(uri, [("ankush", "facebook")])
    with pytest.raises(KitError, match="are for a hybrid store; this one has one vector field"):
        tenant_retriever(store, "namespace", "ankush", ranker_type="rrf")
    options = {"connection_args": connect(uri), "vector_field": ["sparse"], "index_params": BM25}
    words = Milvus(None, builtin_function=BM25BuiltInFunction(), collection_name="words", auto_id=True, **options)
    words.add_texts(["facebook"], [{"namespace": "ankush"}])
    with pytest.raises(KitError, match="wants a dense vector field with its embeddings; 'words' has sparse"):
        tenant_retriever(words, "namespace", "ankush")

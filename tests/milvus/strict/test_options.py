"""An option that would be dropped is refused with the right name; every option that is read passes."""

import copy
import inspect

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_milvus import BM25BuiltInFunction, Milvus
from pymilvus import MilvusClient

import kit
from kit.errors import KitError
from kit.milvus.langchain import searches_not_run
from kit.milvus.strict.options import options_of
from kit.milvus.strict.store import check_options, strict_class

TEXTS = ["Wheat prices rose in spring.", "The court has a new judge.", "A harbour was built for grain ships."]
METADATAS = [{"year": 2019, "user": "ann"}, {"year": 2020, "user": "bob"}, {"year": 2021, "user": "ann"}]


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("strict") / "test.db")


@pytest.fixture(scope="module")
def dense(uri) -> Milvus:
    store = Milvus(
        kit.load_embeddings("wordllama"),
        collection_name="dense",
        connection_args=kit.connect(uri),
        index_params=kit.index_params(uri),
    )
    store.add_texts(TEXTS, METADATAS, ids=["a", "b", "c"])
    return kit.strict(store)


@pytest.fixture(scope="module")
def hybrid(uri) -> Milvus:
    store = Milvus(
        kit.load_embeddings("wordllama"),
        collection_name="hybrid",
        connection_args=kit.connect(uri),
        builtin_function=BM25BuiltInFunction(output_field_names="sparse"),
        vector_field=["dense", "sparse"],
        index_params=[kit.index_params(uri), {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"}],
        search_params=[{"metric_type": "COSINE"}, {"metric_type": "BM25"}],
    )
    store.add_texts(TEXTS, METADATAS, ids=["a", "b", "c"])
    return kit.strict(store)


def methods(store: Milvus) -> list[str]:
    """The public methods that take any option."""
    members = inspect.getmembers(type(store), callable)
    return [name for name, member in members if not name.startswith("_") and takes_anything(member)]


def takes_anything(member) -> bool:
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in inspect.signature(member).parameters.values())


def misspellings(name: str) -> list[str]:
    """One letter less, one more, two exchanged."""
    middle = len(name) // 2
    return [
        name[:middle] + name[middle + 1 :],
        name + "s",
        name[:middle] + name[middle:][::-1][:2] + name[middle + 2 :],
    ]


@pytest.mark.parametrize("kind", ["dense", "hybrid"])
def test_every_option_of_every_method_is_refused_misspelt_and_passes_spelt_right(kind, request):
    store = request.getfixturevalue(kind)
    refused = 0
    for method in methods(store):
        known = options_of(Milvus, method, searches_not_run(store)).names
        for option in known - {"namespace"}:
            right = {option: None} if option not in ("ranker_params", "ranker_type", "reranker") else {}
            check_options(store, Milvus, method, right)
            for wrong in set(misspellings(option)) - known:
                with pytest.raises(KitError, match="drops"):
                    check_options(store, Milvus, method, {wrong: None})
                refused += 1
    assert len(methods(store)) >= 30
    assert refused > 500


def test_what_the_client_names_is_read_unless_the_store_sets_it(dense):
    """The signature of pymilvus' search, without what langchain-milvus passes itself."""
    names = set(inspect.signature(MilvusClient.search).parameters) - {"self", "kwargs", "collection_name"}
    set_by_the_store = {"data", "anns_field", "search_params", "limit", "filter", "output_fields"}
    assert names - set_by_the_store <= options_of(Milvus, "similarity_search", searches_not_run(dense)).names
    assert not set_by_the_store & options_of(Milvus, "similarity_search", searches_not_run(dense)).names


@pytest.mark.parametrize(
    ("option", "right"),
    [
        ({"exprs": "year > 2019"}, "expr"),
        ({"filter": "year > 2019"}, "expr"),
        ({"filters": "year > 2019"}, "expr"),
        ({"limit": 2}, "k"),
        ({"search_params": {}}, "param"),
        ({"fetch_kk": 9}, None),
        ({"consistency": "Strong"}, "consistency_level"),
    ],
)
@pytest.mark.parametrize("kind", ["dense", "hybrid"])
def test_a_dropped_option_is_refused_with_the_right_name(kind, option, right, request):
    with pytest.raises(KitError, match=f'Did you mean "{right}"' if right else "drops fetch_kk="):
        request.getfixturevalue(kind).similarity_search("grain", k=1, **option)


@pytest.mark.parametrize("kind", ["dense", "hybrid"])
def test_a_namespace_of_a_collection_without_namespaces_is_refused(kind, request):
    with pytest.raises(KitError, match=r"drops namespace=.*kit\.tenant_retriever"):
        request.getfixturevalue(kind).similarity_search("grain", namespace="ann")


@pytest.mark.filterwarnings("ignore:The 'ranker_type':DeprecationWarning")
def test_the_unguarded_store_drops_them_all(dense, hybrid):
    for store, option in [(dense, "exprs"), (hybrid, "filter")]:
        plain = Milvus.__new__(Milvus)
        plain.__dict__ = copy.deepcopy({"_vector_field": store._vector_field}) | {
            name: value for name, value in store.__dict__.items() if name != "_vector_field"
        }
        assert len(plain.similarity_search("grain", k=3, **{option: "year > 2020"})) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ranker_type": "rrf", "ranker_params": {"kk": 9}}, "'rrf' drops the parameter 'kk'"),
        ({"ranker_type": "weighted", "ranker_params": {"weight": [1, 0]}}, '"weights"'),
        ({"ranker_type": "weighted", "ranker_params": {"k": 60}}, "'weighted' drops the parameter 'k'"),
        ({"ranker_params": {"weights": [1, 0]}}, "without ranker_type"),
        ({"ranker_type": "rff"}, '"rrf"'),
    ],
)
def test_a_rankers_unknown_parameter_is_refused(hybrid, options, words):
    with pytest.raises(KitError, match=words):
        hybrid.similarity_search("grain", **options)


@pytest.mark.filterwarnings("ignore:The 'ranker_type':DeprecationWarning")
def test_right_options_search_as_before(dense, hybrid):
    year = {"expr": "year >= 2020", "consistency_level": "Strong", "timeout": 30, "round_decimal": 3}
    assert {hit.id for hit in dense.similarity_search("grain", k=3, **year)} == {"b", "c"}
    assert len(dense.similarity_search("grain", k=3, offset=1, partition_names=["_default"])) == 2
    weighted = {"ranker_type": "weighted", "ranker_params": {"weights": [0.5, 0.5]}, "fetch_k": 3}
    assert {hit.id for hit in hybrid.similarity_search("grain", k=3, **weighted, expr="year >= 2020")} == {"b", "c"}


@pytest.mark.filterwarnings("ignore:The 'ranker_type':DeprecationWarning")
def test_a_hybrid_search_without_a_ranker_works_more_than_once(hybrid):
    first, second, third = (hybrid.similarity_search("grain", k=2) for _ in range(3))
    assert first == second == third and len(first) == 2


async def test_it_is_the_store_in_retrievers_chains_and_async_code(dense):
    assert isinstance(dense, Milvus) and isinstance(dense, VectorStore)
    retriever = dense.as_retriever(search_kwargs={"k": 1, "expr": 'user == "bob"'})
    chain = retriever | (lambda hits: hits[0].id)
    assert chain.invoke("grain") == "b"
    assert await chain.ainvoke("grain") == "b"
    assert [hit.id for hit in (await dense.asimilarity_search("grain", k=3, expr="year == 2021"))] == ["c"]
    with pytest.raises(KitError, match='"expr"'):
        await dense.asimilarity_search("grain", exprs="year == 2021")
    with pytest.raises(KitError, match='"expr"'):
        retriever.invoke("grain", filter="year == 2021")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"search_kwarg": {"k": 1}}, '"search_kwargs"'),
        ({"search_kwargs": {"exprs": "year > 1"}}, '"expr"'),
        ({"search_type": "mmr", "search_kwargs": {"lambda_mul": 0.5}}, '"lambda_mult"'),
        ({"search_kwargs": {"score_threshold": 0.5}}, "drops score_threshold="),
    ],
)
def test_a_retriever_is_refused_before_its_first_search(dense, options, words):
    with pytest.raises(KitError, match=words):
        dense.as_retriever(**options)


def test_the_guard_shares_the_stores_state_and_is_put_on_once(dense):
    assert kit.strict(dense) is dense
    assert type(dense) is strict_class(Milvus)
    with pytest.raises(KitError, match="wanted: a vector store of langchain-milvus"):
        kit.strict("a.db")


@pytest.mark.parametrize(
    ("param", "right"),
    [
        ({"params": {"nprob": 4}}, "nprobe"),
        ({"params": {"ef_search": 64}}, "ef"),
        ({"params": {"efSearch": 64}}, "ef"),
        ({"params": {"raduis": 0.4}}, "radius"),
        ({"metric": "COSINE"}, "metric_type"),
        ({"parms": {"ef": 64}}, "params"),
        ([{"metric_type": "COSINE", "params": {"nprobes": 4}}, {}], "nprobe"),
    ],
)
@pytest.mark.parametrize("kind", ["dense", "hybrid"])
def test_a_misspelt_search_parameter_is_refused_with_the_right_name(kind, param, right, request):
    with pytest.raises(KitError, match=f'Did you mean "{right}"'):
        request.getfixturevalue(kind).similarity_search("grain", k=1, param=param)


def test_right_search_parameters_pass_and_so_does_a_name_like_none_known(dense):
    for entry in dense.default_search_params.values():
        check_options(dense, Milvus, "similarity_search", {"param": entry})
    for name in ("radius", "range_filter", "drop_ratio_search", "search_list", "reorder_k", "brand_new"):
        check_options(dense, Milvus, "similarity_search", {"param": {"metric_type": "L2", "params": {name: 1}}})

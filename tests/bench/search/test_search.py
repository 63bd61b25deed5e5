"""Retrievers on a real Milvus Lite, held against what they claim to compute."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from kit.bench.collections.open import open_collection
from kit.bench.grid.chunkers import parse_chunker
from kit.bench.grid.indexes import IndexChoice, parse_index
from kit.bench.measures.exact import check_index, exact_search
from kit.bench.records import Query
from kit.bench.search.mmr import marginal_relevance
from kit.bench.search.request import Hit
from kit.bench.search.retriever import parse_retriever
from kit.bench.search.search import Search
from kit.bench.search.store import _vector_store, fill_store
from kit.bench.search.words import Needs, WordSearch
from kit.errors import KitError
from kit.milvus.connection import connect
from kit.models.embeddings import load_embeddings
from tests.bench.beir import beir_folder

K = 10


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A collection in a store with both kinds of vectors, the queries' vectors and the documents'."""
    collection = open_collection(str(beir_folder(tmp_path_factory.mktemp("beir"), 90)))
    embeddings = load_embeddings("wordllama")
    store = fill_store(
        lambda: parse_chunker("whole").split(collection.documents()),
        uri=str(tmp_path_factory.mktemp("store") / "both.db"),
        needs=Needs(dense=True, words=WordSearch()),
        index=IndexChoice("FLAT"),
        embeddings=(embeddings,),
        embedding_seconds=lambda: 0.0,
        progress=lambda _: None,
    )
    store.settle()
    documents = list(collection.documents())
    vectors = np.array(embeddings.embed_documents([d.page_content for d in documents]))
    asked = np.array(embeddings.embed_documents([q.text for q in collection.queries]))
    yield SimpleNamespace(store=store, queries=collection.queries, asked=asked, documents=documents, vectors=vectors)
    store.drop()


def run(filled, name, k=K, **options):
    search = Search(parse_retriever(name), filled.store, by_document=False, **options)
    return list(search.run(filled.queries, filled.asked, k))


def test_dense_gives_the_exact_neighbours_and_their_cosines(filled):
    scores = filled.asked @ filled.vectors.T
    for hits, row in zip(run(filled, "dense"), scores, strict=True):
        assert [hit.score for hit in hits] == pytest.approx(sorted(row, reverse=True)[:K], abs=1e-5)
        assert all(row[int(hit.doc_id[1:])] == pytest.approx(hit.score, abs=1e-5) for hit in hits)


def test_bm25_scores_fall_and_its_best_hit_holds_the_words(filled):
    for query, hits in zip(filled.queries, run(filled, "bm25"), strict=True):
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] > 0
        assert all(word in filled.documents[int(hits[0].doc_id[1:])].page_content for word in query.text.split())


def test_rrf_adds_the_reciprocal_ranks_of_both_legs(filled):
    legs = [run(filled, name, k=90) for name in ("dense", "bm25")]
    for place, hits in enumerate(run(filled, "hybrid-rrf-20")):
        expected = {}
        for leg in legs:
            for rank, hit in enumerate(leg[place], start=1):
                expected[hit.doc_id] = expected.get(hit.doc_id, 0) + 1 / (20 + rank)
        assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[:K], abs=1e-6)


@pytest.mark.parametrize(
    "name", ["dense", "hybrid-rrf", "hybrid-weighted", "hybrid-weighted-90", "mmr", "dense+filter"]
)
def test_every_retriever_fills_k_and_repeats_no_document(filled, name):
    for hits in run(filled, name, k=25):
        assert len({hit.doc_id for hit in hits}) == 25


def test_a_filter_lets_through_only_what_the_query_asks_for(filled):
    for query, hits in zip(filled.queries, run(filled, "dense+filter"), strict=True):
        years = {filled.documents[int(hit.doc_id[1:])].metadata["year"] for hit in hits}
        assert years == {dict(query.where)["year"]}


def test_a_value_of_a_filter_never_becomes_syntax():
    search = Search(parse_retriever("dense+filter"), None, by_document=False)
    query = Query("q", "", where=(("year", 2022), ("who", 'x" or who != "'), ("done", True)))
    assert search._filter(query) == r'(year == 2022) and (who == "x\" or who != \"") and (done == true)'
    assert search._filter(Query("q", "")) == ""


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_marginal_relevance_picks_what_langchain_picks(share):
    random = np.random.default_rng(7)
    vectors, query = random.standard_normal((60, 16)), random.standard_normal(16)
    assert marginal_relevance(query, vectors, share, 20) == maximal_marginal_relevance(query, vectors, share, 20)


def test_a_reranker_decides_the_order_and_loses_nobody(filled):
    def reranker(_query: str, documents: list[Document]) -> list[Document]:
        return sorted(documents, key=lambda document: document.page_content)[:3]

    plain, reranked = run(filled, "dense", k=60), run(filled, "dense+rerank", k=60, reranker=reranker)
    for before, after in zip(plain, reranked, strict=True):
        first = sorted((hit.doc_id for hit in before[:50]), key=lambda d: filled.documents[int(d[1:])].page_content)[:3]
        assert [hit.doc_id for hit in after][:3] == first
        assert {hit.doc_id for hit in after} == {hit.doc_id for hit in before}
        assert [hit.doc_id for hit in after][3:] == [hit.doc_id for hit in before if hit.doc_id not in first]


def test_chunks_of_one_document_count_once_and_k_is_still_filled(tmp_path):
    texts = [Document(page_content=f"the cat number {n} sat. " * 12, id=f"d{n}") for n in range(12)]
    embeddings = load_embeddings("wordllama")
    store = fill_store(
        lambda: parse_chunker("recursive-30").split(texts), uri=str(tmp_path / "chunks.db"), needs=Needs(dense=True),
        index=IndexChoice("FLAT"), embeddings=(embeddings,), embedding_seconds=lambda: 0.0, progress=lambda _: None,
    )  # fmt: skip
    store.settle()
    query = SimpleNamespace(query_id="q", text="cat number 3", where=())
    search = Search(parse_retriever("dense"), store, by_document=True)
    hits = next(search.run([query], np.array(embeddings.embed_documents([query.text])), 10))
    store.drop()
    assert store.rows >= 100
    assert hits[0].doc_id == "d3"
    assert len({hit.doc_id for hit in hits}) == len(hits) == 10


def test_an_index_is_held_against_exact_search_before_and_after_a_reopen(filled, tmp_path):
    embeddings = load_embeddings("wordllama")
    documents = [
        Document(page_content=f"{d.page_content} {n}", id=f"{d.id}-{n}") for d in filled.documents for n in range(20)
    ]
    store = fill_store(
        lambda: parse_chunker("whole").split(documents), uri=str(tmp_path / "index.db"), needs=Needs(dense=True),
        index=parse_index("ivf_flat:nlist=128:nprobe=1/128"), embeddings=(embeddings,),
        embedding_seconds=lambda: 0.0, progress=lambda _: None,
    )  # fmt: skip
    queries = filled.asked.astype(np.float32)
    exact = exact_search(documents, embeddings, queries)
    before = list(check_index(store, exact, queries, reopened=False))
    store.settle()
    after = {
        (check.search_params["nprobe"], check.selectivity): check for check in check_index(store, exact, queries, True)
    }
    store.drop()
    assert {check.recall for check in before} == {1.0}  # what is not flushed is searched without the index
    assert after[1, 1.0].recall < after[128, 1.0].recall == 1.0
    assert after[1, 0.1].short_queries > 0 == after[128, 0.1].short_queries


def test_lite_still_ignores_what_an_index_is_to_be_built_with(tmp_path):
    """When this fails, Lite reads the parameters: let `WordSearch.unsupported` and `LITE_K1` go."""

    class Other(WordSearch):
        @property
        def index_params(self):
            return {**super().index_params, "params": {"bm25_k1": 0.1, "bm25_b": 0.0}}

    scores = []
    for number, words in enumerate((WordSearch(), Other())):
        store = _vector_store(
            connect(str(tmp_path / f"{number}.db")), "kit", Needs(words=words), IndexChoice("FLAT"), ()
        )
        store.add_texts(["cat cat cat dog", "cat", "dog horse horse horse"], ids=["a", "b", "c"])
        hits = store.client.search(
            store.collection_name, ["cat"], anns_field="sparse", search_params=words.search_params, output_fields=["pk"]
        )
        scores.append([hit["distance"] for hit in hits[0]])
        store.client.close()
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("parse", "name", "said"),
    [
        (parse_retriever, "densee", 'No retriever is called "densee". Did you mean "dense"?'),
        (parse_retriever, "dense+magic", "a method with +filter or +multi-query or +merge or +rerank"),
        (parse_retriever, "hybrid-weighted-200", "wanted: a share in per cent from 0 to 100"),
        (parse_retriever, "dense-5", "wanted: its method without a number"),
        (
            parse_retriever,
            "mmr:fetsch=5",
            '"fetsch" is no parameter of the retriever "mmr:fetsch=5". Did you mean "fetch"',
        ),
        (parse_retriever, "mmr:fetch=0", "wanted: a whole number from 1 to 16384"),
        (parse_retriever, "mmr:fetch", "wanted: NAME=VALUE, such as fetch=200"),
        (parse_index, "hsnw", 'No index type is called "HSNW". Did you mean "HNSW"?'),
        (parse_index, "hnsw:ef=big", "wanted NAME=NUMBER"),
        (parse_index, "flat:M=3", "wanted FLAT with no parameter"),
    ],
)
def test_a_wrong_name_is_told(parse, name, said):
    with pytest.raises(KitError) as told:
        parse(name)
    assert said in str(told.value)


def test_names_read_back_as_themselves():
    for name in (
        "dense",
        "bm25",
        "hybrid-rrf",
        "hybrid-rrf-20",
        "hybrid-weighted-70:fetch=5",
        "mmr-80:fetch=50",
        "dense+filter+rerank",
        "dense+merge+rerank=embeddings:minilm",
    ):
        assert parse_retriever(name).name == name
    assert parse_retriever("hybrid+rerank").name == "hybrid-rrf+rerank"
    for spec in ("flat", "hnsw:M=32:efConstruction=200:ef=64/256", "ivf_flat:nlist=128:nprobe=8/1/32"):
        assert parse_index(spec).spec == spec
    assert parse_index("hnsw").name == "hnsw"
    assert parse_index("hnsw:M=32").name == "hnsw-m32"


def test_merged_documents_stand_in_the_order_of_all_their_chunks():
    retriever = parse_retriever("dense+merge")
    hits = [Hit("a:0-9", 0.9), Hit("b:0-9", 0.8), Hit("b:9-18", 0.7), Hit("a:9-18", 0.1), Hit("b:18-27", 0.05)]
    merged, best = (Search(r, None, by_document=True) for r in (retriever, parse_retriever("dense")))
    assert [document for document, _ in merged._ranked(hits)] == ["b", "a"]
    assert [document for document, _ in best._ranked(hits)] == ["a", "b"]

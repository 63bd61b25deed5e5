"""Words: how they are cut, what BM25 makes of them, and what an engine would ignore."""

from __future__ import annotations

import math

import pytest
from langchain_core.documents import Document

from kit.bench.grid.indexes import IndexChoice
from kit.bench.records import Query
from kit.bench.search.retriever import parse_retriever
from kit.bench.search.search import Search
from kit.bench.search.sparse_bm25 import SparseBM25, tokenizer
from kit.bench.search.store import fill_store
from kit.errors import KitError

TEXTS = ("The cats were running home", "A dog runs", "今天天气很好", "明天天氣不好 in Taipei")


@pytest.mark.parametrize(
    ("tokens", "text", "terms"),
    [
        ("words", "The Cats ran.", ["the", "cats", "ran"]),
        ("english", "The cats were running", ["cat", "were", "run"]),
        ("bigrams", "今天天 in Taipei", ["今天", "天天", "in", "taipei"]),
        ("bigrams", "犬", ["犬"]),
    ],
)
def test_a_text_is_cut_into_terms(tokens, text, terms):
    assert tokenizer(tokens)(text) == terms


def test_the_inner_product_of_text_and_query_is_bm25():
    sparse = SparseBM25("words", k1=1.2, b=0.75)
    sparse.fit(["cat cat dog", "dog", "horse"])
    text, query = sparse.embed_documents(["cat cat dog"])[0], sparse.embed_query("cat unicorn")
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / (5 / 3)))
    assert sum(text[term] * weight for term, weight in query.items()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "asked", "best"),
    [
        ("bm25:tokens=english", "cat", "d0"),
        ("bm25:tokens=bigrams", "天气", "d2"),
        ("bm25:tokens=bigrams", "unicorn", None),
    ],
)
def test_milvus_lite_searches_stems_and_bigrams(tmp_path, name, asked, best):
    documents = [Document(page_content=t, id=f"d{n}", metadata={}) for n, t in enumerate(TEXTS)]
    retriever = parse_retriever(name)
    store = fill_store(
        lambda: documents, uri=str(tmp_path / "words.db"), needs=retriever.needs, index=IndexChoice("FLAT"),
        embeddings=(), embedding_seconds=lambda: 0.0, progress=lambda _: None,
    )  # fmt: skip
    store.settle()
    hits = next(Search(retriever, store, by_document=False).run([Query("q", asked)], None, 2))
    store.drop()
    assert next((hit.doc_id for hit in hits), None) == best


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bm25:analyzer=english", "Milvus Lite has the analyzers standard and jieba; english would be ignored"),
        ("bm25:k1=0.9", "Milvus Lite weighs with k1 1.5 and b 0.75 whatever it is told"),
        ("bm25:tokens=english:k1=0.9", ""),
    ],
)
def test_what_lite_would_ignore_is_not_supported(name, reason):
    method = parse_retriever(name).method
    assert method.unsupported("milvus-lite-3.2.2").startswith(reason)
    assert bool(reason) == bool(method.unsupported("milvus-lite-3.2.2"))
    assert method.unsupported("milvus-2.6.0") == ""


def test_an_analyzer_is_given_to_milvus_as_milvus_has_it():
    words = parse_retriever("bm25:analyzer=icu/lowercase/stemmer-german/stop-german").needs.words
    stemmer, stop = {"type": "stemmer", "language": "german"}, {"type": "stop", "stop_words": ["_german_"]}
    assert words.analyzer_params == {"tokenizer": "icu", "filter": ["lowercase", stemmer, stop]}
    assert parse_retriever("hybrid:analyzer=english").needs.words.analyzer_params == {"type": "english"}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bm25:tokens=klingon", "wanted: words, bigrams, or a language: arabic"),
        ("bm25:tokens=words:analyzer=english", "Found both analyzer and tokens"),
        ("bm25:analyzer=enlgish", 'Found the analyzer "enlgish"'),
        ("bm25:k1=many", "wanted: a number from 0 to 10"),
    ],
)
def test_wrong_options_are_refused(name, error):
    with pytest.raises(KitError, match=error):
        parse_retriever(name)

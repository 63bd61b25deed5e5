"""`kit.require(vector_store, embeddings=…)`: vectors that other embeddings made are named, and right ones never are."""

import random
import time

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langchain_milvus import BM25BuiltInFunction, Milvus

from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.require import require
from kit.milvus.schema import index_params
from kit.models.embeddings import load_embeddings
from kit.texts.speeches import load_speech


class Changed(Embeddings):
    """wordllama, with something done to its texts before or to its vectors after."""

    def __init__(self, before=lambda text: text, after=lambda vectors: vectors):
        self.model, self.before, self.after = load_embeddings("wordllama"), before, after

    def embed_documents(self, texts):
        vectors = self.model.embed_documents([self.before(text) for text in texts])
        return self.after(np.array(vectors, dtype=np.float32)).tolist()

    def embed_query(self, text):
        return self.embed_documents([text])[0]


TURN = np.linalg.qr(np.random.default_rng(1).standard_normal((256, 256)))[0].astype(np.float32)
RIGHT = Changed()


@pytest.fixture(scope="module")
def paragraphs() -> list[str]:
    """A speech in 96 paragraphs of 20 to 100 words each, all different."""
    words = load_speech(2022).page_content.split()
    draw, found, start = random.Random(3), [], 0
    for _ in range(96):
        size = draw.randint(20, 100)
        found.append(" ".join(words[start % 5000 : start % 5000 + size]))
        start += 53
    return found


def fill(uri, texts, vectors, metric="COSINE", name="rows", **options) -> Milvus:
    """A store whose rows hold these texts and these vectors, in batches that are flushed."""
    given = {"index_params": index_params(uri, metric), "consistency_level": "Strong", "drop_old": True} | options
    store = Milvus(RIGHT, connection_args=connect(uri), collection_name=name, **given)
    store.add_embeddings(texts, vectors, ids=[str(number) for number in range(len(texts))])
    return store


def edited(text: str) -> str:
    """The text with its second half in other words."""
    words = text.split()
    return " ".join([*words[: len(words) // 2], "nothing", "of", "this", "was", "said", "in", "Ohio"])


def every(texts, part, change):
    return [change(text) if number % part == 0 else text for number, text in enumerate(texts)]


FAULTS = {
    "another model": lambda texts: (texts, Changed(after=lambda vectors: vectors @ TURN).embed_documents(texts)),
    "another model.*it gives 256 numbers, stored are 128": lambda texts: (
        texts,
        Changed(after=lambda vectors: vectors[:, :128]).embed_documents(texts),
    ),
    "not normalised": lambda texts: (texts, Changed(after=lambda vectors: vectors * 3).embed_documents(texts)),
    "another prefix or truncation.*'passage: '": lambda texts: (
        texts,
        Changed(before=lambda text: f"passage: {text}").embed_documents(texts),
    ),
    "another prefix or truncation.*the first 15 of": lambda texts: (
        texts,
        Changed(before=lambda text: " ".join(text.split()[:15])).embed_documents(texts),
    ),
    "text changed after embedding": lambda texts: (every(texts, 5, edited), RIGHT.embed_documents(texts)),
    "vectors of other texts": lambda texts: (texts, RIGHT.embed_documents(texts[1:] + texts[:1])),
    "mixed": lambda texts: (
        texts,
        RIGHT.embed_documents(texts[:60]) + Changed(after=lambda vectors: vectors @ TURN).embed_documents(texts[60:]),
    ),
}


def check_named(uri, paragraphs, said):
    texts, vectors = FAULTS[said](paragraphs)
    metric = "IP" if said == "not normalised" else "COSINE"
    store = fill(uri, texts, vectors, metric)
    with pytest.raises(KitError, match=f"embeddings wanted Changed, found {said}"):
        require(store, embeddings=RIGHT, metric=metric)


@pytest.mark.parametrize("said", FAULTS)
def test_each_planted_fault_is_named(uri, paragraphs, said):
    check_named(uri, paragraphs, said)


def test_a_planted_fault_is_named_on_a_server(new_database, paragraphs):
    check_named(new_database("server"), paragraphs, "mixed")


@pytest.mark.long
@pytest.mark.parametrize("said", FAULTS)
def test_each_planted_fault_is_named_on_a_server(new_database, paragraphs, said):
    check_named(new_database("server"), paragraphs, said)


def test_the_right_embeddings_pass_on_both_engines(database, paragraphs):
    require(fill(database, paragraphs, RIGHT.embed_documents(paragraphs)), embeddings=RIGHT, dimension=256)


def test_lengths_do_not_count_under_cosine(uri, paragraphs):
    vectors = Changed(after=lambda vectors: vectors * 3).embed_documents(paragraphs)
    require(fill(uri, paragraphs, vectors), embeddings=RIGHT)


def test_nothing_to_compare_is_no_agreement(uri, paragraphs):
    store = fill(uri, paragraphs[:1], RIGHT.embed_documents(paragraphs[:1]))
    store.delete(["0"])
    with pytest.raises(KitError, match='"rows" has no rows, so nothing tells which embeddings it is for'):
        require(store, embeddings=RIGHT)


def test_minilm_is_compared_in_two_seconds_without_its_cache(uri, tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "one"))
    model, text = load_embeddings("minilm"), load_speech(2022).page_content
    texts = [text[start : start + 1000] for start in range(0, 16_000, 1000)]
    store = fill(uri, texts, model.embed_documents(texts))
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "two"))
    fresh = load_embeddings("minilm")
    fresh.embed_documents(["the model is loaded once a process"])
    start = time.process_time()
    require(store, embeddings=fresh)
    assert time.process_time() - start < 4  # two processors for two seconds; wall time depends on who else is here


def healthy(draw, paragraphs, uri, number) -> Milvus:
    """A collection that nothing is wrong with, of any size, language, metric and kind."""
    count = draw.choice((1, 2, 3, 7, 20, 60, 96))
    texts = [draw.choice(paragraphs)[: draw.choice((3, 40, 400, 5000))] for _ in range(count)]
    texts = [
        text if draw.random() < 0.9 else draw.choice(("ß", "机器学习", "…", "Привет, мир", text[::-1]))
        for text in texts
    ]
    texts = [text if text.strip() else "x" for text in texts]
    options = {"enable_dynamic_field": True} if draw.random() < 0.3 else {}
    return fill(uri, texts, RIGHT.embed_documents(texts), draw.choice(("COSINE", "IP", "L2")), f"c{number}", **options)


def check_healthy(uri, paragraphs, count, seed):
    draw = random.Random(seed)
    for number in range(count):
        store = healthy(draw, paragraphs, uri, number)
        require(store, embeddings=RIGHT)
        if number % 5 == 0:
            store.client.flush(store.collection_name)
            require(store, embeddings=RIGHT)
        store.drop()


def test_no_false_alarm_on_ten_healthy_collections(uri, paragraphs):
    check_healthy(uri, paragraphs, 10, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["lite", "server"])
def test_no_false_alarm_on_two_hundred_healthy_collections(new_database, paragraphs, engine):
    check_healthy(new_database(engine), paragraphs, 200, seed=2)


def test_a_hybrid_store_is_compared_by_its_dense_vectors(uri, paragraphs):
    bm25 = {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25", "params": {}}
    options = {"builtin_function": BM25BuiltInFunction(), "vector_field": ["dense", "sparse"]}
    store = fill(uri, paragraphs, RIGHT.embed_documents(paragraphs), index_params=[index_params(uri), bm25], **options)
    require(store, embeddings=RIGHT)
    with pytest.raises(KitError, match="another model"):
        require(store, embeddings=Changed(after=lambda vectors: vectors @ TURN))

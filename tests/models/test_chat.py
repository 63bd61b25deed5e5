"""Chat models by name: quotes that are word for word, a real client over HTTP, words for everything that can fail."""

import asyncio
import re

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from kit.errors import KitError
from kit.models.chat import ExtractiveAnswerer, ProviderChat, load_chat
from tests.models.chat_server import KEY, chat_server

PROMPT = ChatPromptTemplate.from_messages(
    [("system", "Answer from the passages."), ("human", "{passages}\n\nQuestion: {question}")]
)
PASSAGES = (
    "[1] Wheat prices rose in spring. A judge of the appeals court was named to the Supreme Court. Thank you.\n"
    "[2] The senate will vote on the new judge in April! Rain fell all day long."
)


CODES = sorted({*range(97, 123), *map(ord, "小麦价格法院官任命最高判事裁値段雨")})


@pytest.fixture(autouse=True)
def fast_embeddings(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_EMBEDDINGS", "wordllama")
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))


@pytest.fixture
def answer(monkeypatch):
    """The answer of a provider's model, `openai:some-model`, whose server says what `brain` says."""

    def ask(brain, key=KEY, how="invoke"):
        with chat_server(brain) as server:
            monkeypatch.setenv("OPENAI_API_KEY", key)
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            chain = PROMPT | load_chat("openai:some-model") | StrOutputParser()
            said = getattr(chain, how)({"passages": PASSAGES, "question": "Who?"})
            return (asyncio.run(said) if how == "ainvoke" else said), server.prompts

    return ask


def test_without_a_name_the_sentences_nearest_to_the_question_are_quoted_with_their_numbers():
    chain = PROMPT | load_chat() | StrOutputParser()
    assert chain.invoke({"passages": PASSAGES, "question": "Which judge was named to the Supreme Court?"}) == (
        "“A judge of the appeals court was named to the Supreme Court.” [1]\n"
        "“The senate will vote on the new judge in April!” [2]"
    )


def test_every_quote_stands_word_for_word_in_the_passage_that_it_names():
    chat = load_chat("extractive")
    passages = [(4, "It was late. Nobody knew the way home. Ask again."), (7, "The way home was long.")]
    quotes = chat.quotes("What is the way home?", passages)
    assert [quote.passage for quote in quotes] == [7, 4]
    assert all(quote.sentence in dict(passages)[quote.passage] for quote in quotes)
    assert quotes[0].similarity > quotes[1].similarity > 0


class Characters(Embeddings):
    """A text by the characters in it, so that texts of any language that share some lie near."""

    def embed_documents(self, texts):
        counts = [[text.count(chr(code)) for code in CODES] for text in texts]
        return [[number / (sum(n * n for n in row) ** 0.5 or 1) for number in row] for row in counts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


@pytest.mark.parametrize(
    ("passage", "question", "answer"),
    [
        ("今年小麦价格上涨了很多。上诉法院的法官被任命为最高法院法官。谢谢大家。", "谁被任命为最高法院法官？",
         "“上诉法院的法官被任命为最高法院法官。” [1]"),
        ("今年は小麦の値段が上がりました。東京高裁の判事が最高裁の判事になりました。はい。",
         "最高裁の判事になったのは誰ですか",
         "“東京高裁の判事が最高裁の判事になりました。” [1]"),
        ("他说：「法官被任命为最高法院法官。」后来一直下雨下到晚上。", "最高法院法官",
         "“他说：「法官被任命为最高法院法官。」” [1]"),
        ("Judges rule courts.", "Who rules?", "“Judges rule courts.” [1]"),
        ("Yes. Thank you.", "Who was thanked?", "“Thank you.” [1]"),
    ],
)  # fmt: skip
def test_a_sentence_is_quoted_in_any_language_and_a_short_one_where_there_is_no_other(passage, question, answer):
    chain = PROMPT | ExtractiveAnswerer(embeddings=Characters(), sentences=1) | StrOutputParser()
    assert chain.invoke({"passages": f"[1] {passage}", "question": question}) == answer


def test_without_passages_nothing_is_quoted_and_that_is_said():
    said = load_chat().invoke("Question: Who?").text
    assert said == "No passage was given, so there is nothing to quote."


def test_a_passage_that_holds_a_question_of_its_own_does_not_replace_the_callers():
    passages = "[1] Question: What rained? The cat sat on the mat.\nQuestion: What about the rain that fell all day?"
    prompt = f"{passages}\n[2] Heavy rain fell all day.\nQuestion: Where did the cat sit?"
    assert load_chat().invoke(prompt).text.startswith("“The cat sat on the mat.” [1]")


def test_a_prompt_of_another_form_is_refused_with_the_form_that_is_wanted():
    with pytest.raises(KitError, match="wants a prompt with a line `Question: …` and passages .* found 'Who was named"):
        load_chat().invoke("Who was named?")


def test_the_environment_names_the_model_and_the_models_name_is_told(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIT_CHAT", "gpt-4o-mini")
    assert load_chat().name == "openai:gpt-4o-mini"
    assert isinstance(load_chat("extractive"), ExtractiveAnswerer)


def test_an_openai_compatible_endpoint_is_asked_with_the_key(answer):
    said, prompts = answer(lambda prompt: f"It was {re.findall('appeals court', prompt)[0]} [1].")
    assert said == "It was appeals court [1]."
    assert prompts == [f"{PASSAGES}\n\nQuestion: Who?"]
    assert answer(lambda _: "later", how="ainvoke")[0] == "later"


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_refused_key_is_said_in_a_sentence_without_the_key(answer, how):
    with pytest.raises(KitError, match='"openai:some-model" did not answer: .*AuthenticationError') as error:
        answer(lambda _: "", key="sk-wrong-4711", how=how)
    assert "4711" not in str(error.value)


def test_a_model_that_does_not_stream_comes_in_one_piece():
    chat = ProviderChat(name="any", model=load_chat())
    pieces = list(chat.stream("[1] The cat sat on the mat.\nQuestion: Where is the cat?"))
    assert "".join(piece.text for piece in pieces) == "“The cat sat on the mat.” [1]"


def test_tools_reach_the_providers_model(monkeypatch):
    def look_up(word: str) -> str:
        """Look a word up."""

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    tools = load_chat("openai:some-model").bind_tools([look_up]).kwargs["tools"]
    assert tools[0]["function"]["name"] == "look_up"


def test_openai_without_a_key_names_the_variable_and_the_way_without():
    with pytest.raises(KitError, match="needs OPENAI_API_KEY, which is not set.*unset KIT_CHAT"):
        load_chat("openai:gpt-4o-mini")


def test_a_misspelt_name_gets_the_nearest_one():
    with pytest.raises(KitError, match='No chat model is called "extractiv". Did you mean "extractive"?'):
        load_chat("extractiv")


def test_a_provider_whose_package_is_missing_or_that_does_not_exist_is_named():
    with pytest.raises(KitError, match='(?s)"cohere:command-r" needs a package .*langchain-cohere'):
        load_chat("cohere:command-r")
    with pytest.raises(KitError, match='LangChain knows no provider "nobody". Wanted provider:model, such as openai:'):
        load_chat("nobody:model")


def test_a_bare_name_that_is_only_a_little_like_extractive_is_a_model_of_the_endpoint(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert load_chat("kit-extractive-echo").name == "openai:kit-extractive-echo"


def test_a_chat_model_may_be_named_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "own_chat").mkdir()
    code = "from langchain_core.language_models import FakeListChatModel\n\n\ndef yes():\n"
    (tmp_path / "own_chat/models.py").write_text(f'{code}    return FakeListChatModel(responses=["yes"])\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert load_chat("own_chat.models:yes").invoke("Is it so?").text == "yes"
    with pytest.raises(KitError, match="own_chat.models:no"):
        load_chat("own_chat.models:no")

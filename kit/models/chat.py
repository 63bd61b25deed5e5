"""A chat model by its name; without one, an answerer that only quotes, and says so in its name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from kit import registry
from kit.errors import KitError, nearest
from kit.models.embeddings import load_embeddings
from kit.settings import load_settings, mask

EXTRACTIVE = "extractive"
SECONDS = 120  # to wait for one answer
_PASSAGE = re.compile(r"^\[(\d+)\] +(\S.*)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question: *(\S.*)$", re.MULTILINE)
_BETWEEN_SENTENCES = re.compile(r'(?<=[.?!])["”’\']*\s+|(?<=[。！？｡][」』”’])\s*|(?<=[。！？｡])(?![」』”’])\s*')
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")  # of languages that write words without spaces


def load_chat(name: str | None = None, embeddings: Embeddings | None = None) -> BaseChatModel:
    """A chat model by name, or by KIT_CHAT when no name is given; its `name` says which it is.

    `extractive` (the default) needs no key and no network and is no language model (see `ExtractiveAnswerer`); it
    compares by `embeddings`, or by those that KIT_EMBEDDINGS names. `provider:model` (`openai:gpt-4o-mini`) is any
    provider of LangChain's `init_chat_model`, asked at temperature 0; `package.module:Class` is any chat model of
    LangChain that needs no arguments; a bare name is OpenAI's, or that of an OpenAI-compatible endpoint at
    OPENAI_BASE_URL.

    Raises:
        KitError: an unknown name, a package or key that is not there; and on each call, when no answer comes.
    """
    name = (name or load_settings().chat or EXTRACTIVE).strip()
    if name == EXTRACTIVE:
        return ExtractiveAnswerer(embeddings=embeddings or load_embeddings())
    if name in registry.names("chat") or registry.is_path(name):
        return ProviderChat(
            name=name, model=registry.instance("chat", name, BaseChatModel, "a chat model of LangChain")
        )
    if ":" in name:
        return ProviderChat(name=name, model=_load_provider(name))
    if like := nearest(name, (EXTRACTIVE,), cutoff=0.8):
        raise KitError(
            f'No chat model is called "{name}".{like} Wanted: {EXTRACTIVE}, or provider:model such as '
            "openai:gpt-4o-mini."
        )
    return ProviderChat(name=f"openai:{name}", model=_load_provider(f"openai:{name}"))


class Quote(NamedTuple):
    """A sentence of a passage, the passage's number and the cosine of its vector and the question's."""

    sentence: str
    passage: int
    similarity: float


class ExtractiveAnswerer(BaseChatModel):
    """No language model: it answers with the sentences of its prompt that are nearest to the question, word for word.

    The prompt holds passages, each on one line that begins with its number (`[1] …`), and a line `Question: …`. The
    answer is a line for each sentence, nearest first: the sentence in quotation marks and the passage's number. It
    cannot sum up, compare or calculate, and quotes something for a question that the passages do not answer.
    """

    embeddings: Embeddings
    name: str = EXTRACTIVE
    sentences: int = 2
    least_words: int = 4  # a shorter sentence, such as "Thank you.", says nothing by itself

    @property
    def _llm_type(self) -> str:
        return EXTRACTIVE

    def quotes(self, question: str, passages: Sequence[tuple[int, str]]) -> list[Quote]:
        """The passages' sentences that are nearest to the question, nearest first; of equally near the first."""
        every = [
            (sentence, number)
            for number, text in passages
            for sentence in _BETWEEN_SENTENCES.split(text.strip())
            if sentence.strip()
        ]
        long = [(sentence, number) for sentence, number in every if _words(sentence) >= self.least_words]
        found = long or every  # where all are short, a short one is better than none
        if not found:
            return []
        vectors = np.array(self.embeddings.embed_documents([sentence for sentence, _ in found]))
        near = vectors @ np.array(self.embeddings.embed_query(question))
        best = np.argsort(-near, kind="stable")[: self.sentences]
        return [Quote(found[place][0], found[place][1], float(near[place])) for place in best]

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        del stop, run_manager
        prompt = "\n".join(message.text for message in messages)
        questions = _QUESTION.findall(prompt)
        if not questions:
            raise KitError(
                "The extractive answerer wants a prompt with a line `Question: …` and passages on lines that begin "
                f"with [1], [2], …; found {prompt[:60]!r}. Write the prompt so, or set KIT_CHAT to a chat model."
            )
        # The last one is the caller's: what stands before it may be text from the passages.
        passages = [(int(number), text) for number, text in _PASSAGE.findall(prompt)]
        quotes = self.quotes(questions[-1], passages)
        answer = "\n".join(f"“{quote.sentence}” [{quote.passage}]" for quote in quotes)
        message = AIMessage(answer or "No passage was given, so there is nothing to quote.")
        return ChatResult(generations=[ChatGeneration(message=message)])


def _words(sentence: str) -> float:
    """How many words a sentence has; of Chinese and Japanese two characters are taken for a word."""
    characters = len(_NO_SPACES.findall(sentence))
    return len(_NO_SPACES.sub(" ", sentence).split()) + characters / 2


class ProviderChat(BaseChatModel):
    """A provider's chat model; what goes wrong there is said in a sentence, without the key."""

    name: str
    model: BaseChatModel

    @property
    def _llm_type(self) -> str:
        return self.model._llm_type

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """As the provider's model takes them."""
        bound: Any = self.model.bind_tools(tools, **kwargs)
        return self.bind(**bound.kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        del run_manager
        with self._in_words():
            message = self.model.invoke(messages, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        del run_manager
        with self._in_words():
            message = await self.model.ainvoke(messages, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        del run_manager
        with self._in_words():
            for chunk in self.model.stream(messages, stop=stop, **kwargs):
                yield _piece(chunk)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        del run_manager
        with self._in_words():
            async for chunk in self.model.astream(messages, stop=stop, **kwargs):
                yield _piece(chunk)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every provider has errors of its own
            words = mask(" ".join(str(error).split()))
            raise KitError(f'"{self.name}" did not answer: {type(error).__name__}: {words[:300]}') from None


def _piece(message: AIMessage) -> ChatGenerationChunk:
    """A piece of a streamed answer; a model that cannot stream gives the whole message as its one piece."""
    if not isinstance(message, AIMessageChunk):
        message = AIMessageChunk(**message.model_dump(exclude={"type"}))
    return ChatGenerationChunk(message=message)


def _load_provider(name: str) -> BaseChatModel:
    """Any provider of LangChain's init_chat_model; the missing package or key is named."""
    from langchain.chat_models import init_chat_model

    settings = load_settings()
    options: dict[str, Any] = {"temperature": 0, "timeout": SECONDS}
    if name.startswith("openai:"):
        if settings.openai_api_key is None:
            raise KitError(
                f'"{name}" needs OPENAI_API_KEY, which is not set',
                mend="Set it in the environment or in .env, with OPENAI_BASE_URL for a compatible endpoint; or "
                "unset KIT_CHAT to quote without a language model.",
            )
        options |= {"api_key": settings.openai_api_key, "base_url": settings.openai_base_url}
    try:
        model: BaseChatModel = init_chat_model(name, **options)
        return model
    except ImportError as error:
        raise KitError(f'"{name}" needs a package that is not installed: {error}') from None
    except ValueError as error:
        why = str(error).splitlines()[0]
        if "provider" in why:
            provider = name.partition(":")[0]
            why = f'LangChain knows no provider "{provider}". Wanted provider:model, such as openai:gpt-4o-mini.'
        raise KitError(f'"{name}" cannot be loaded: {why}') from None

"""Other wordings of a question by a chat model, as LangChain's MultiQueryRetriever asks for them, cached by content."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kit.errors import KitError
from kit.models.chat import EXTRACTIVE, load_chat
from kit.settings import load_settings

if TYPE_CHECKING:
    import diskcache
    from langchain_core.language_models import BaseChatModel

NO_CHAT = "no chat model words the questions anew: set KIT_CHAT, or name one: dense+multi-query=openai:gpt-4o-mini"
MOST = 5  # wordings of a question that are searched for, besides its own


@dataclass
class MultiQuery:
    """A chat model that words questions anew; it counts those that it was asked for, and those that it left alone."""

    name: str
    model: BaseChatModel
    endpoint: str = ""
    cached: bool = True
    seconds: float = field(default=0.0, compare=False)
    tokens: int = field(default=0, compare=False)
    asked: int = field(default=0, compare=False)
    silent: int = field(default=0, compare=False)

    def uncached(self) -> MultiQuery:
        """The same with counts of its own, and without a cache."""
        return MultiQuery(self.name, self.model, self.endpoint, cached=False)

    def __call__(self, question: str) -> list[str]:
        """The question, and up to five other wordings of it. Raises KitError when the model does not answer."""
        started = time.perf_counter()
        identity = "\0".join((self.name, self.endpoint, question))
        key = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        answer = self._cache.get(key) if self.cached else None
        if answer is None:
            answer = self._worded(question)
            if self.cached:
                self._cache.set(key, answer)
        wordings, tokens = answer
        self.seconds += time.perf_counter() - started
        self.tokens += tokens
        self.asked += 1
        self.silent += not wordings
        return [question, *wordings]

    def _worded(self, question: str) -> tuple[list[str], int]:
        from langchain_classic.retrievers.multi_query import DEFAULT_QUERY_PROMPT, LineListOutputParser

        message = self.model.invoke(DEFAULT_QUERY_PROMPT.format(question=question))
        used: Any = message.usage_metadata or {}
        lines = (line.strip() for line in LineListOutputParser().parse(message.text))
        wordings = [line for line in dict.fromkeys(lines) if line and line != question]
        return wordings[:MOST], used.get("total_tokens", 0)

    @cached_property
    def _cache(self) -> diskcache.Cache:
        import diskcache

        return diskcache.Cache(str(load_settings().cache_dir / "multi_query"), eviction_policy="none", timeout=60)


def load_multi_query(name: str) -> MultiQuery:
    """The chat model of a name, as `load_chat` takes it; KitError for one that only quotes, or cannot be had."""
    if name == EXTRACTIVE:
        raise KitError(f"{EXTRACTIVE} quotes and words nothing anew", wanted="a chat model: openai:gpt-4o-mini")
    model = load_chat(name)
    return MultiQuery(str(model.name), model, load_settings().openai_base_url or "")

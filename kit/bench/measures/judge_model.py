"""The chat model that KIT_JUDGE names: its answers, cached by content, and what they took."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kit.errors import KitError
from kit.models.chat import EXTRACTIVE, load_chat
from kit.settings import load_settings

if TYPE_CHECKING:
    import diskcache
    from langchain_core.language_models import BaseChatModel


class JudgeError(Exception):
    """The judge's answer to one prompt cannot be used; its query stays unscored and is counted."""


@dataclass(frozen=True)
class Usage:
    """What the judge's answers took, those from the cache included; `spent` tokens were paid for in this run."""

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    spent: int = 0
    price: tuple[float, float] | None = None  # US dollars for a million tokens in and out

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens

    @property
    def money_usd(self) -> float | None:
        """US dollars at KIT_JUDGE_PRICE; None when no price is given."""
        if self.price is None:
            return None
        return (self.input_tokens * self.price[0] + self.output_tokens * self.price[1]) / 1e6

    def __str__(self) -> str:
        money = "no KIT_JUDGE_PRICE given" if self.money_usd is None else f"{self.money_usd:.4f} USD"
        return f"{self.calls} answers, {self.cached} of them from the cache, {self.tokens:,} tokens, {money}"


@dataclass
class Judge:
    """A chat model whose answers are cached by content: model, endpoint and prompt."""

    name: str
    model: BaseChatModel
    endpoint: str = ""
    usage: Usage = field(default_factory=Usage)

    @cached_property
    def _cache(self) -> diskcache.Cache:
        import diskcache

        return diskcache.Cache(str(load_settings().cache_dir / "judge"), eviction_policy="none", timeout=60)

    async def ask(self, prompt: str) -> str:
        """The model's answer to a prompt, at temperature 0; KitError when the model cannot be reached."""
        identity = "\0".join((self.name, self.endpoint, prompt))
        key = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        stored = self._cache.get(key)
        cached = stored is not None
        if not cached:
            stored = await self._asked(prompt)
            self._cache.set(key, stored)
        text, tokens_in, tokens_out = stored
        now = self.usage
        self.usage = replace(
            now,
            calls=now.calls + 1,
            cached=now.cached + cached,
            input_tokens=now.input_tokens + tokens_in,
            output_tokens=now.output_tokens + tokens_out,
            spent=now.spent + (0 if cached else tokens_in + tokens_out),
        )
        return text

    async def _asked(self, prompt: str) -> tuple[str, int, int]:
        # The client in a thread: an async one is bound to the event loop of its first use.
        message = await asyncio.to_thread(self.model.invoke, prompt)
        used: Any = message.usage_metadata or {}
        return message.text, used.get("input_tokens", 0), used.get("output_tokens", 0)


def load_judge() -> Judge | None:
    """The chat model that KIT_JUDGE names, as `load_chat` takes it, or None when it is not set.

    Raises KitError for a missing key or package and for a name that no provider knows.
    """
    settings = load_settings()
    name = (settings.judge or "").strip()
    if not name:
        return None
    if name == EXTRACTIVE:
        raise KitError(f"KIT_JUDGE is {EXTRACTIVE}, which quotes and cannot judge. Name a chat model, or unset it.")
    if settings.openai_api_key is None and (":" not in name or name.startswith("openai:")):
        raise KitError(
            f'The judge "{name}" needs OPENAI_API_KEY, which is not set. Set it in the environment or in .env, '
            "with OPENAI_BASE_URL for a compatible endpoint; or unset KIT_JUDGE to go without a judge."
        )
    model = load_chat(name)
    return Judge(str(model.name), model, settings.openai_base_url or "", Usage(price=settings.judge_price))


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, also inside Jupyter, whose own event loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()

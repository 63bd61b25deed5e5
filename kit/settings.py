"""The kit's settings, from the environment and from a `.env` file in the working directory or above it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kit.errors import KitError


def _default_cache_dir() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("milvus-notebook-kit")


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("a name, not a blank text")
    return value.strip()


def milvus_address(value: str | None) -> str | None:
    """Accept what pymilvus accepts: a local `.db` path or a server's address; blank counts as not set."""
    value = (value or "").strip()
    if not value:
        return None
    if not value.endswith(".db") and not (
        value.startswith(("http://", "https://", "tcp://", "unix:")) and _names_host(value)
    ):
        raise ValueError("a local path that ends in .db, or an address like http://localhost:19530")
    return value


def _names_host(address: str) -> bool:
    """Whether an address has a host, and as port a number or none."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname or address.startswith("unix:")) and parts.port != 0
    except ValueError:
        return False


def _web_address(value: str | None) -> str | None:
    value = (value or "").strip()
    if value and not (value.startswith(("http://", "https://")) and _names_host(value) and not re.search(r"\s", value)):
        raise ValueError("an address that starts with http:// or https://")
    return value or None


def _blank_is_unset(value: SecretStr | None) -> SecretStr | None:
    return value if value and value.get_secret_value().strip() else None


def _price(value: str | tuple[float, float] | None) -> tuple[float, float] | None:
    """`0.15,0.60`: US dollars for a million tokens that a judge reads, and that it writes."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")]
    if parts == [""]:
        return None
    try:
        price = tuple(map(float, parts))
    except ValueError:
        price = ()
    if len(price) != 2 or not all(0 <= p < float("inf") for p in price):
        raise ValueError("two prices such as 0.15,0.60: US dollars for a million tokens in, and out")
    return price


SHORTEST_KEY = 8  # characters
Price = Annotated[tuple[float, float] | None, NoDecode, BeforeValidator(_price)]
Secret = Annotated[SecretStr | None, AfterValidator(_blank_is_unset)]


class Settings(BaseSettings):
    """What the environment and `.env` say; a field's environment name is its alias."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    embeddings: Annotated[str, AfterValidator(_not_blank)] = Field("minilm", alias="KIT_EMBEDDINGS")
    judge: str | None = Field(None, alias="KIT_JUDGE")
    chat: str | None = Field(None, alias="KIT_CHAT")
    judge_price: Price = Field(None, alias="KIT_JUDGE_PRICE")
    cache_dir: Path = Field(default_factory=_default_cache_dir, alias="KIT_CACHE_DIR")
    milvus_uri: Annotated[str | None, AfterValidator(milvus_address)] = Field(None, alias="MILVUS_URI")
    milvus_token: Secret = Field(None, alias="MILVUS_TOKEN")
    openai_api_key: Secret = Field(None, alias="OPENAI_API_KEY")
    openai_base_url: Annotated[str | None, AfterValidator(_web_address)] = Field(None, alias="OPENAI_BASE_URL")

    @property
    def secrets(self) -> list[str]:
        """The values that must never be shown."""
        values = [s.get_secret_value() for s in (self.milvus_token, self.openai_api_key) if s]
        return values + [value.split(":", 1)[1] for value in values if ":" in value]  # the password of user:password


def load_settings() -> Settings:
    """Read the settings afresh; a wrong value raises KitError with its variable, what it holds and what is allowed."""
    try:
        return Settings(_env_file=_env_file(Path.cwd()))  # type: ignore[call-arg]  # pydantic-settings adds it
    except ValidationError as error:
        raise KitError("\n".join(map(_in_words, error.errors()))) from None


def mask(text: str, keys: Iterable[str] | None = None) -> str:
    """The text with every key replaced by "…": the settings' own, or those that are given.

    Only whole words are replaced, and none shorter than SHORTEST_KEY: `none` is a word before it is a key.
    """
    for key in load_settings().secrets if keys is None else keys:
        if len(key) >= SHORTEST_KEY:
            text = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "…", text)
    return text


def without_password(uri: str) -> str:
    """The address to show: without a user, a password or a query that may stand in it."""
    return re.sub(r"(?<=//).*@", "", uri, flags=re.DOTALL).split("?", 1)[0]


@cache
def _env_file(folder: Path) -> Path | None:
    """The nearest `.env` at or above `folder`, as pymilvus looks for one too."""
    return next((p / ".env" for p in (folder, *folder.parents) if (p / ".env").is_file()), None)


def _in_words(error: ErrorDetails) -> str:
    name = ".".join(map(str, error["loc"]))
    wanted = error["msg"].removeprefix("Value error, ")
    found = "a secret" if name in ("MILVUS_TOKEN", "OPENAI_API_KEY") else repr(without_password(str(error["input"])))
    return f"{name} is {found}; wanted: {wanted}. Set it in the environment or in .env."

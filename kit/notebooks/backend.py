"""Which Milvus and which embeddings a run uses: chosen, proved before any kernel starts, handed to the kernels."""

from __future__ import annotations

import os

from kit.errors import KitError
from kit.milvus.connection import is_lite
from kit.notebooks.manifest import names_server
from kit.settings import Settings, load_settings

RECORDED = "minilm on Milvus Lite"


def choose(uri: str | None = None, embeddings: str | None = None) -> Settings:
    """The settings, where `uri` and `embeddings` take the place of MILVUS_URI and KIT_EMBEDDINGS in this process.

    Raises KitError for an unknown or unusable embedding, a cache that cannot be written, a server that does not answer.
    """
    if uri is not None and is_lite(uri):
        raise KitError(
            f"--uri wants the address of a server, such as http://localhost:19530; found the file {uri}. "
            "Leave it out: each notebook then has a Milvus Lite file of its own."
        )
    for name, value in (("MILVUS_URI", uri), ("KIT_EMBEDDINGS", embeddings)):
        if value is not None:
            os.environ[name] = value
    settings = load_settings()
    _prove(settings)
    return settings


def choose_recorded() -> Settings:
    """The settings with the backend that the stored outputs come from."""
    settings = load_settings().model_copy(
        update={"milvus_uri": None, "embeddings": "minilm", "chat": None, "judge": None}
    )
    _prove(settings)
    return settings


def is_recorded(settings: Settings) -> bool:
    """Whether the stored outputs come from this backend, so that all of them must come out again."""
    offline = not (settings.chat or settings.judge)
    return settings.embeddings == "minilm" and not names_server(settings) and offline


def in_words(settings: Settings) -> str:
    """The backend for a reader: `minilm on Milvus Lite`."""
    from kit.settings import without_password

    where = without_password(settings.milvus_uri or "") if names_server(settings) else "Milvus Lite"
    return f"{settings.embeddings} on {where}"


def environment(settings: Settings) -> dict[str, str]:
    """What makes a kernel read these very settings, wherever its working directory and whatever `.env` lies there."""
    secrets = {"MILVUS_TOKEN": settings.milvus_token, "OPENAI_API_KEY": settings.openai_api_key}
    return {
        "KIT_EMBEDDINGS": settings.embeddings,
        "KIT_CHAT": settings.chat or "",
        "KIT_JUDGE": settings.judge or "",
        "KIT_CACHE_DIR": str(settings.cache_dir.expanduser().absolute()),
        "MILVUS_URI": (settings.milvus_uri or "") if names_server(settings) else "",
        "OPENAI_BASE_URL": settings.openai_base_url or "",
        **{name: secret.get_secret_value() if secret else "" for name, secret in secrets.items()},
    }


def _prove(settings: Settings) -> None:
    from kit.models.embeddings import load_embeddings

    load_embeddings(settings.embeddings).embed_query("Does this model answer?")
    if names_server(settings):
        from kit.milvus.connection import connect

        connect(settings.milvus_uri)

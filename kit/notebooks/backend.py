"""Which Milvus and which embeddings a run uses: chosen, proved before any kernel starts, handed to the kernels."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

from kit.errors import KitError
from kit.milvus.connection import is_lite
from kit.notebooks.manifest import names_server
from kit.settings import Settings, load_settings

if TYPE_CHECKING:
    import pandas

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


def backend_table() -> pandas.DataFrame:
    """What the notebooks run on here: Milvus, embeddings, chat model and judge, and what else `kit doctor` would mend.

    One row each: what it is, what is in use, and what gives another one.
    """
    import pandas as pd

    from kit.doctor import OK, examine

    settings = load_settings()
    rows = [
        ("Milvus", _milvus(settings), "MILVUS_URI, or: kit server start"),
        ("embeddings", settings.embeddings, "KIT_EMBEDDINGS"),
        ("chat model", settings.chat or "extractive: it quotes, and makes nothing up", "KIT_CHAT"),
        ("judge", settings.judge or "none: what needs one reads `not measured`", "KIT_JUDGE"),
    ]
    rows += [(finding.name, finding.found, finding.todo) for finding in examine([]) if finding.state != OK]
    return pd.DataFrame(rows, columns=["what", "in use", "another one"]).set_index("what").rename_axis(None)


def _milvus(settings: Settings) -> str:
    """The engine and its version; or why the server does not answer."""
    if not names_server(settings):
        return f"Milvus Lite {version('milvus-lite')}, a temporary file for each notebook"
    from pymilvus import MilvusClient

    from kit.milvus.connection import connect, engine
    from kit.settings import without_password

    where = without_password(settings.milvus_uri or "")
    try:
        return f"{engine(MilvusClient(**connect(settings.milvus_uri)))} at {where}"
    except KitError as error:
        return f"{where}: {error.found}"

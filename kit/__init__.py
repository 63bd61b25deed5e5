"""Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.

The names below are what the notebooks use; each is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

_HOME = {
    "KitError": "kit.errors",
    "load_embeddings": "kit.models.embeddings",
    "embeddings_name": "kit.models.embeddings",
    "load_chat": "kit.models.chat",
    "load_speech": "kit.texts.speeches",
    "load_speeches": "kit.texts.speeches",
    "load_text": "kit.texts.speeches",
    "load_questions": "kit.texts.golden",
    "judge": "kit.texts.golden",
    "chunk_id": "kit.texts.golden",
    "Scores": "kit.texts.golden",
    "quote": "kit.milvus.filters",
    "field": "kit.milvus.filters",
    "tenant": "kit.milvus.filters",
    "tenant_retriever": "kit.milvus.tenants",
    "ingest": "kit.milvus.ingest",
    "content_id": "kit.milvus.ingest",
    "require": "kit.milvus.schema",
    "connect": "kit.milvus.connection",
    "describe": "kit.milvus.schema",
    "index_params": "kit.milvus.schema",
    "is_lite": "kit.milvus.connection",
    "scratch_uri": "kit.milvus.schema",
    "chunks_table": "kit.texts.tables",
    "hits_table": "kit.texts.tables",
}
__all__ = [*_HOME]
__version__ = "0.1.0"

# Nothing that runs here reports to anyone; ragas reads this when it is imported.
os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kit' has no name {name!r}; it has {', '.join(sorted(_HOME))}.")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])

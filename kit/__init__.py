"""Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.

The names below are what the notebooks use; each is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

_HOME = {
    "KitError": "kit.errors",
    "load_embeddings": "kit.embeddings",
    "embeddings_name": "kit.embeddings",
    "load_chat": "kit.chat",
    "load_speech": "kit.corpora",
    "load_speeches": "kit.corpora",
    "load_text": "kit.corpora",
    "load_questions": "kit.golden",
    "judge": "kit.golden",
    "chunk_id": "kit.golden",
    "Scores": "kit.golden",
    "quote": "kit.filters",
    "field": "kit.filters",
    "tenant": "kit.filters",
    "tenant_retriever": "kit.tenants",
    "ingest": "kit.ingestion",
    "content_id": "kit.ingestion",
    "require": "kit.store",
    "connect": "kit.connection",
    "describe": "kit.store",
    "index_params": "kit.store",
    "is_lite": "kit.connection",
    "scratch_uri": "kit.store",
    "chunks_table": "kit.tables",
    "hits_table": "kit.tables",
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

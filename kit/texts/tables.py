"""Chunks and hits as the tables that the notebooks show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kit.files.excerpt import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.documents import Document

_HIDDEN = ("pk", "text", "vector")  # primary keys differ between engines and runs


def chunks_table(chunks: Sequence[Document]) -> pd.DataFrame:
    """One row a chunk: its length in characters, its metadata, how it begins."""
    return pd.DataFrame(
        {"characters": len(chunk.page_content), **_shown(chunk), "text": excerpt(chunk.page_content)}
        for chunk in chunks
    )


def hits_table(hits: Iterable[tuple[Document, float]]) -> pd.DataFrame:
    """One row a hit of `similarity_search_with_score`: rank from 1, score at 4 decimals, metadata, how it begins.

    The engine's order is kept; only neighbours with equal scores are put in the order of their text.
    """
    hits = list(hits)
    descending = len(hits) < 2 or hits[0][1] >= hits[-1][1]
    hits.sort(key=lambda hit: (-round(hit[1], 4) if descending else round(hit[1], 4), hit[0].page_content))
    return pd.DataFrame(
        {"rank": rank, "score": round(score, 4), **_shown(document), "text": excerpt(document.page_content)}
        for rank, (document, score) in enumerate(hits, start=1)
    )


def _shown(document: Document) -> dict[str, Any]:
    return {key: value for key, value in document.metadata.items() if key not in _HIDDEN}

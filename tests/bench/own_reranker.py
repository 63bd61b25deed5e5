"""A reranker of the reader's own that breaks, for the test of `kit bench run --reranker package.module:Class`."""

from __future__ import annotations


class Broken:
    """Looks like one of LangChain's document compressors."""

    model_fields: dict = {}  # noqa: RUF012

    def compress_documents(self, _documents: list, _query: str) -> list:
        """Break."""
        raise RuntimeError("no such model")

"""A reranker of the reader's own that breaks, for the test of `kit bench run --reranker package.module:Class`."""

from __future__ import annotations

from langchain_core.documents import BaseDocumentCompressor


class Broken(BaseDocumentCompressor):
    """One of LangChain's document compressors."""

    def compress_documents(self, documents, query, callbacks=None):
        """Break."""
        raise RuntimeError("no such model")


class Backwards(BaseDocumentCompressor):
    """The order turned round."""

    def compress_documents(self, documents, query, callbacks=None):
        """The last first."""
        return list(reversed(documents))

"""What a model never reads of the texts: how many are longer than it reads, and the share of their tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.embeddings import Embeddings

from kit.bench.collections.base import Collection
from kit.bench.records import Unread, models_of
from kit.bench.search.store import batches
from kit.models.embeddings import load_embeddings

BATCH = 256
CHUNKER = "recursive-1000"  # of own texts that a model does not read whole; about 250 tokens of English


def unread(embeddings: Embeddings, name: str, texts: Iterable[str]) -> Unread | None:
    """What the model leaves of the texts; None where it says no limit. `embeddings` as load_embeddings gives them."""
    model: Any = getattr(embeddings, "underlying_embeddings", embeddings)
    limit = getattr(model, "limit", None)
    if limit is None:
        return None
    longer = of_texts = tokens = of_tokens = 0
    for batch in batches(texts, BATCH):
        for count in limit.lengths(batch):
            of_texts, of_tokens = of_texts + 1, of_tokens + count
            longer += count > limit.tokens
            tokens += max(0, count - limit.tokens)
    return Unread(name, limit.tokens, longer, of_texts, tokens, of_tokens)


def chunker_for(collection: Collection, embeddings: Iterable[str]) -> tuple[str, str]:
    """The default chunker of a collection, and why: own texts are cut where a model does not read them whole."""
    default = collection.default_chunker
    if collection.dataset.kind != "texts" or default != "whole":
        return default, ""
    for name in (model for names in embeddings for model in models_of(names)):
        left = unread(load_embeddings(name), name, (document.page_content for document in collection.documents()))
        if left and left.texts:
            why = (
                f"texts are cut into chunks of 1,000 characters ({CHUNKER}), for {left.words}; "
                "--chunkers whole keeps them whole"
            )
            return CHUNKER, why
    return default, ""

"""Why queries got no hit, as far as the retriever and their words tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Scripts that set no space between words: a standard analyzer takes a whole sentence as one word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def no_hit_cause(retriever: str, texts: Sequence[str]) -> str:
    """The likely cause for queries (their texts) without a hit; empty when every one has some."""
    if not texts:
        return ""
    if "+filter" in retriever:
        return "their filters let no text through, or none that holds a word of theirs"
    if retriever.startswith("bm25"):
        unspaced = sum(bool(_UNSPACED.search(text)) for text in texts)
        if unspaced > len(texts) / 2:
            return "they are written without spaces, and the analyzer takes what stands between two spaces as one word"
        return "no text holds a word of theirs as the analyzer cuts them"
    return "the engine gave nothing back"

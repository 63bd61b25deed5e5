"""Chunks and hits as the tables that the notebooks show."""

from __future__ import annotations

import html
import re
import zlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from kit.files.excerpt import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.documents import Document

SHORTEST = 4  # letters of a word that is marked
SHOWN, LEAD = 160, 40  # characters of a text, and of what stands before its first marked word
_WORD = re.compile(r"\w+")
_HIDDEN = ("pk", "text", "vector")  # primary keys differ between engines and runs


def chunks_table(chunks: Sequence[Document]) -> pd.DataFrame:
    """One row a chunk: its length in characters, its metadata, how it begins."""
    return pd.DataFrame(
        {"characters": len(chunk.page_content), **_shown(chunk), "text": excerpt(chunk.page_content)}
        for chunk in chunks
    )


def hits_table(hits: Iterable[tuple[Document, float]], question: str | None = None) -> pd.DataFrame:
    """One row a hit of `similarity_search_with_score`: rank from 1, score at 4 decimals, metadata, how it begins.

    With the `question` it is the table that a reader wants to see: rank, score, source and the piece of the text in
    which most words of the question stand, with those words marked (of four letters and more, in any case). The
    engine's order is kept; only neighbours with equal scores are put in the order of their text.
    """
    hits = list(hits)
    descending = len(hits) < 2 or hits[0][1] >= hits[-1][1]
    hits.sort(key=lambda hit: (-round(hit[1], 4) if descending else round(hit[1], 4), hit[0].page_content))
    ranked = [(rank, round(score, 4), document) for rank, (document, score) in enumerate(hits, start=1)]
    if question is None:
        return pd.DataFrame(
            {"rank": rank, "score": score, **_shown(document), "text": excerpt(document.page_content)}
            for rank, score, document in ranked
        )
    words = {word.casefold() for word in _WORD.findall(question) if len(word) >= SHORTEST}
    rows = [(rank, score, _source(document), _passage(document, words)) for rank, score, document in ranked]
    table = MarkedHits(rows, columns=["rank", "score", "source", "text"])
    table.attrs = {"question": question, "words": sorted(words)}
    return table


def compare_hits(
    first: Iterable[tuple[Document, float]],
    second: Iterable[tuple[Document, float]],
    names: tuple[str, str] = ("first", "second"),
) -> pd.DataFrame:
    """One row a hit of either list: its rank in each, what moved from the first to the second, source, how it begins.

    In the order of the second list, then what only the first found. Hits are the same where source and text are; one
    that a list holds twice has its better rank. `names` head the ranks; a rank that is missing is `<NA>`.
    """
    left: dict[tuple[str, str], int] = {}
    right: dict[tuple[str, str], int] = {}
    documents: dict[tuple[str, str], Document] = {}
    for ranks, hits in ((right, second), (left, first)):
        for rank, (document, _) in enumerate(hits, start=1):
            key = _source(document), document.page_content
            documents.setdefault(key, document)
            ranks.setdefault(key, rank)
    rows = [
        (left.get(key), right.get(key), _moved(left.get(key), right.get(key), names), key[0], excerpt(key[1]))
        for key in documents
    ]
    table = pd.DataFrame(rows, columns=[*names, "moved", "source", "text"])
    return table.astype(dict.fromkeys(names, "Int64"))


def _moved(before: int | None, after: int | None, names: tuple[str, str]) -> str:
    if before is None or after is None:
        return f"only {names[before is None]}"
    step = before - after
    return f"up {step}" if step > 0 else f"down {-step}" if step else "same"


class MarkedHits(pd.DataFrame):  # type: ignore[misc]  # pandas brings no types
    """Hits whose texts have the question's words marked where HTML is shown; a plain DataFrame in every other way."""

    def _repr_html_(self) -> str:
        """The table with a caption, left-aligned, every text escaped."""
        words = set(self.attrs.get("words", ()))
        style = self.style.format({"score": "{:.4f}", "text": lambda text: _marked(text, words), "source": html.escape})
        style = style.hide(axis="index").set_caption(html.escape(f"Hits for: {self.attrs.get('question', '')}"))
        own = "\0".join([str(self.attrs.get("question", "")), *self["text"]])  # each table of a page has its own id
        style = (
            style.set_properties(**{"text-align": "left", "vertical-align": "top"})
            .set_uuid(f"hits_{zlib.crc32(own.encode('utf-8', 'surrogatepass')):08x}")
            .set_table_attributes('class="dataframe"')
        )
        shown: str = style.set_table_styles(
            [{"selector": "th, caption", "props": "text-align: left; color: inherit"}]
        ).to_html()
        return shown


def _marked(text: str, words: set[str]) -> str:
    parts = re.split(r"(\w+)", text)
    return "".join(f"<mark>{p}</mark>" if p.casefold() in words else html.escape(p) for p in parts)


def _passage(document: Document, words: set[str]) -> str:
    """The piece of the text in which most of the words stand; its beginning where none does."""
    text = " ".join(document.page_content.split())
    places = [(match.start(), match[0].casefold()) for match in _WORD.finditer(text) if match[0].casefold() in words]
    near = {start: len({word for at, word in places if start <= at < start + SHOWN - LEAD}) for start, _ in places}
    first = max(near, key=lambda start: near[start], default=0)  # the first of those with the most
    begin = text.rfind(" ", 0, max(first - LEAD, 0)) + 1
    return excerpt(("…" if begin else "") + text[begin:], SHOWN)


def _source(document: Document) -> str:
    metadata = document.metadata
    name = str(metadata.get("source") or metadata.get("speech_id") or "")
    return f"{name}:{metadata['start_index']}" if name and "start_index" in metadata else name


def _shown(document: Document) -> dict[str, Any]:
    return {key: value for key, value in document.metadata.items() if key not in _HIDDEN}

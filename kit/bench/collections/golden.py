"""The golden questions on any set of State of the Union addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from langchain_core.documents import Document

from kit.bench.collections.base import Collection, judged
from kit.bench.records import Dataset, Passage, Query
from kit.errors import KitError
from kit.texts import golden
from kit.texts.speeches import load_speeches


def open_golden(years: str = "") -> Collection:
    """The addresses of `2015-2026`, `2016,2022`, or of all years with questions, and the questions on them.

    Addresses without questions are searched too. A question of the category filter-by-year, like any other, carries
    its year for the retriever `dense+filter`.
    """
    with_questions = sorted(path.stem for path in golden.FOLDER.glob("*.jsonl"))
    spans = _years(years) if years else [(int(name[:4]), int(name[:4])) for name in with_questions]
    speeches = {
        document.metadata["speech_id"]: document for first, last in spans for document in load_speeches(first, last)
    }
    asked = [name for name in with_questions if name in speeches]
    if not asked:
        raise KitError(
            f"No golden questions on the addresses of {years}; there are questions on {', '.join(with_questions)}."
        )
    digest = hashlib.sha256()
    for speech_id, document in speeches.items():
        digest.update(f"{speech_id}\0{document.page_content}\0".encode())
    queries = []
    for question in (question for name in asked for question in golden.load_questions(name)):
        document = speeches[question.speech_id]
        golden.verify(question, document.page_content)
        digest.update(repr(question).encode())
        passages = tuple(Passage(question.speech_id, span.start, span.end) for span in question.spans)
        where = (("year", document.metadata["year"]),)
        queries.append(Query(question.query_id, question.text, question.category, "", passages, where))
    unanswerable = sum(not query.passages for query in queries)
    notes = (f"{unanswerable} unanswerable questions are searched and stay out of the means",) if unanswerable else ()
    name = f"golden-{years}" if years else "golden"
    dataset = Dataset(
        re.sub(r"[^\w-]+", "-", name), "golden", "", digest.hexdigest(), len(speeches), len(queries),
        judged(queries, ()), notes,
    )  # fmt: skip
    return Addresses(dataset, tuple(queries), (), ("president", "year"), tuple(speeches))


@dataclass(frozen=True)
class Addresses(Collection):
    """Addresses; a document's id is its speech_id."""

    speech_ids: tuple[str, ...]

    def documents(self) -> Iterator[Document]:
        """The addresses in order."""
        for speech_id in self.speech_ids:
            year = int(speech_id[:4])
            found = next(s for s in load_speeches(year, year) if s.metadata["speech_id"] == speech_id)
            metadata = {name: found.metadata[name] for name in self.fields}
            yield Document(page_content=found.page_content, id=speech_id, metadata=metadata)


def _years(text: str) -> list[tuple[int, int]]:
    spans = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{4})(?:-(\d{4}))?\s*", part)
        if match is None:
            raise KitError(f"Found golden:{text}; wanted years, such as golden:2015-2026 or golden:2016,2022.")
        spans.append((int(match[1]), int(match[2] or match[1])))
    return spans

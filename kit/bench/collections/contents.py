"""What a run's collection held, text by text, and how two runs' collections differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kit.bench.collections.base import Collection
from kit.bench.out_folder import OutFolder, read_qrels, read_queries
from kit.bench.records import Query
from kit.files.write import write_whole

MOST_LINES = 20_000  # of contents that are kept beside baselines


class Contents(NamedTuple):
    """A collection text by text: document id -> hash (None where not listed), query id -> hash, and the judgments."""

    documents: dict[str, str] | None
    questions: dict[str, str]
    judgments: frozenset[tuple[str, ...]]


class TextChanges(NamedTuple):
    """Of the texts of A how many have other words in B, how many are not there, and how many B has besides."""

    of_a: int
    changed: int
    only_a: int
    only_b: int


class Changes(NamedTuple):
    """How the collection of B differs from that of A; the texts are None where a folder does not list them."""

    texts: TextChanges | None
    judgments_differing: int
    questions_alike: frozenset[str]  # the ids of those with the same words on both sides
    questions_reworded: int
    questions_only_a: int
    questions_only_b: int

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.texts is None:
            texts = "how many texts differ is not known, for one of the runs was made before texts were listed"
        else:
            texts = (
                f"{self.texts.changed:,} of {self.texts.of_a:,} texts differ, {self.texts.only_a:,} are only in A, "
                f"{self.texts.only_b:,} only in B"
            )
        text = f"The collections are not the same: {texts}; {self.judgments_differing:,} judgments differ. "
        text += f"Scores are paired by query id, over the {len(self.questions_alike):,} questions with the same words"
        more = {
            "reworded": self.questions_reworded,
            "only in A": self.questions_only_a,
            "only in B": self.questions_only_b,
        }
        left_out = ", ".join(f"{count:,} {word}" for word, count in more.items() if count)
        return f"{text} (left out: {left_out})." if left_out else f"{text}."


def write_contents(out: OutFolder, collection: Collection) -> None:
    """documents.tsv, once: the id of each document and the beginning of its text's sha256."""
    if out.documents.is_file():
        return
    lines = (f"{document.id}\t{_hash(document.page_content)}\n" for document in collection.documents())
    write_whole(out.documents, "document\tsha256\n" + "".join(lines))


def question_hash(queries: Iterable[tuple[str, str]]) -> str:
    """A hash of query ids with their words, in any order."""
    return _hash("\n".join(f"{query_id}\t{' '.join(text.split())}" for query_id, text in sorted(queries)))[:12]


def contents_of(out: OutFolder) -> Contents:
    """What the collection of a run held."""
    queries = read_queries(out)
    documents = None
    if out.documents.is_file():
        lines = out.documents.read_text(encoding="utf-8").splitlines()[1:]
        documents = dict(line.split("\t") for line in lines)
    questions = {query.query_id: _hash(" ".join(query.text.split())) for query in queries}
    return Contents(documents, questions, frozenset(_judgments(out, queries)))


def dump_contents(contents: Contents) -> str:
    """As text to keep beside baselines; '' where it would be long."""
    documents = contents.documents or {}
    if not documents or len(documents) + len(contents.judgments) > MOST_LINES:
        return ""
    rows = [
        *(("text", *pair) for pair in documents.items()),
        *(("question", *pair) for pair in contents.questions.items()),
        *(("judgment", *judgment) for judgment in sorted(contents.judgments)),
    ]
    return "".join("\t".join(row) + "\n" for row in rows)


def load_contents(path: Path) -> Contents | None:
    """What `dump_contents` gave; None where there is no such file."""
    if not path.is_file():
        return None
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    texts, questions = ({row[1]: row[2] for row in rows if row[0] == kind} for kind in ("text", "question"))
    return Contents(texts, questions, frozenset(tuple(row[1:]) for row in rows if row[0] == "judgment"))


def changes(a: Contents, b: Contents) -> Changes:
    """How collection B differs from A."""
    shared = a.questions.keys() & b.questions.keys()
    alike = frozenset(name for name in shared if a.questions[name] == b.questions[name])
    return Changes(
        texts=_text_changes(a.documents, b.documents),
        judgments_differing=_differing(a.judgments, b.judgments),
        questions_alike=alike,
        questions_reworded=len(shared) - len(alike),
        questions_only_a=len(a.questions.keys() - shared),
        questions_only_b=len(b.questions.keys() - shared),
    )


def _text_changes(a: dict[str, str] | None, b: dict[str, str] | None) -> TextChanges | None:
    if a is None or b is None:
        return None
    shared = a.keys() & b.keys()
    changed = sum(a[name] != b[name] for name in shared)
    return TextChanges(len(a), changed, len(a.keys() - shared), len(b.keys() - shared))


def _differing(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> int:
    """Pairs of query and document that are judged otherwise, or on one side alone."""
    return len({judgment[:2] for judgment in a ^ b})


def _judgments(out: OutFolder, queries: list[Query]) -> set[tuple[str, ...]]:
    """Of passages their document and length count, not their place, which moves with the text before them."""
    if any(query.passages for query in queries):
        return {(q.query_id, p.document_id, str(p.end - p.start)) for q in queries for p in q.passages}
    there = sorted(out.qrels("whole").parent.glob("*.tsv"))
    rows = read_qrels(out, there[0].stem) if there else []
    return {(qrel.query_id, qrel.doc_id, str(qrel.relevance)) for qrel in rows}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

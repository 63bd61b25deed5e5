"""A folder of the reader's own text files with a questions file, labelled by file or by character spans."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.documents import Document

from kit.bench.collections.base import Collection, judged
from kit.bench.collections.rows import Problems, id_of, read_jsonl, read_table, text_of
from kit.bench.records import Dataset, Passage, Qrel, Query
from kit.errors import KitError, nearest
from kit.texts.speeches import load_text

SUFFIXES = (".txt", ".md")
QUESTIONS = ("questions.jsonl", "questions.csv")
WANTED = (
    'query_id, text and labels: documents ["a.txt"] or spans [{"document": "a.txt", "start": 0, "end": 80}], '
    "in a CSV the columns document or document, start, end (a row a label)"
)


class Label(NamedTuple):
    """A label as read: a document, and a span of it with the text that it should hold, where they are given."""

    document: str
    relevance: int = 1
    start: int | None = None
    end: int | None = None
    content: str | None = None


def open_texts(folder: Path, questions: Path | None, tolerate: tuple[str, ...]) -> Collection:
    """The folder's .txt and .md files (subfolders too), each read once, and the questions, all found right."""
    files = {_document_id(path, folder): path for path in sorted(folder.rglob("*")) if _is_text(path, folder)}
    questions = questions or next((folder / name for name in QUESTIONS if (folder / name).is_file()), None)
    if questions is None or not questions.is_file():
        raise KitError(
            f"{questions or folder} holds no questions; wanted {' or '.join(QUESTIONS)} beside the texts, or "
            f"--questions FILE, with {WANTED}. (A BEIR folder has corpus.jsonl.)"
        )
    if not files:
        raise KitError(f"{folder} holds no text file; wanted {' or '.join(SUFFIXES)} beside {questions.name}.")
    problems, digest = Problems(), hashlib.sha256()
    read = _read_csv if questions.suffix == ".csv" else _read_jsonl
    rows = list(read(questions, problems, digest))
    problems.stop_if_any()
    queries, qrels, wanted_spans = _resolve(rows, questions, files, problems)
    problems.stop_if_any()
    empty = []
    for document_id, path in files.items():
        text = _text(path, tolerate)
        digest.update(f"{document_id}\0{text}\0".encode())
        if not text.strip():
            empty.append(document_id)
        for line, label in wanted_spans.get(document_id, ()):
            _check_span(label, text, questions, line, problems)
    problems.stop_if_any()
    if both := next((q for q in queries if q.passages and any(x.query_id == q.query_id for x in qrels)), None):
        raise KitError(f"{questions}: {both.query_id} has labels of both kinds; wanted documents or spans.")
    if qrels and any(query.passages for query in queries):
        raise KitError(f"{questions} labels some questions by document and some by span; wanted one kind throughout.")
    if not judged(queries, qrels):
        raise KitError(f"{questions} labels no question; wanted {WANTED}.")
    notes = (f"{len(empty)} files without text were left out",) if empty else ()
    dataset = Dataset(
        folder.resolve().name, "texts", "", digest.hexdigest(), len(files) - len(empty), len(queries),
        judged(queries, qrels), notes,
    )  # fmt: skip
    kept = tuple((name, path) for name, path in files.items() if name not in empty)
    return TextFolder(dataset, tuple(queries), tuple(qrels), (), kept)


@dataclass(frozen=True)
class TextFolder(Collection):
    """Text files; a document's id is its path inside the folder."""

    files: tuple[tuple[str, Path], ...]

    def documents(self) -> Iterator[Document]:
        """The files' texts, one at a time, in the order of their paths."""
        for document_id, path in self.files:
            yield Document(page_content=load_text(path).page_content, id=document_id)


def _is_text(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and path.is_file() and not hidden


def _document_id(path: Path, folder: Path) -> str:
    """The path inside the folder; white space, which TREC run files cannot hold, as %20 and so on."""
    name = path.relative_to(folder).as_posix()
    return re.sub(r"[\s%]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def _text(path: Path, tolerate: tuple[str, ...]) -> str:
    try:
        return load_text(path).page_content
    except KitError:
        if "empty-texts" in tolerate and not path.read_bytes().strip():
            return ""
        raise


def _read_jsonl(path: Path, problems: Problems, digest: hashlib._Hash) -> Iterator[tuple[int, Query, list[Label]]]:
    for line, row in read_jsonl(path, problems, digest):
        query = _query(row, path, line, problems)
        labels = [*_documents(row, path, line, problems), *_spans(row, path, line, problems)]
        if query:
            yield line, query, labels


def _query(row: dict[str, Any], path: Path, line: int, problems: Problems) -> Query | None:
    query_id = id_of(row, ("query_id", "_id", "id"), path, line, problems)
    text = text_of(row, "question" if "question" in row and "text" not in row else "text", path, line, problems)
    more = {name: text_of(row, name, path, line, problems, default="") for name in ("category", "answer")}
    if query_id and not text.strip():
        problems.add(path, line, f"an empty text for {query_id}", "a question")
    return Query(query_id, text, **more) if query_id else None


def _documents(row: dict[str, Any], path: Path, line: int, problems: Problems) -> Iterator[Label]:
    documents = row.get("documents") or {}
    if isinstance(documents, list):
        documents = dict.fromkeys(map(str, documents), 1)
    if not isinstance(documents, dict) or not all(type(value) is int for value in documents.values()):
        problems.add(path, line, f"documents {documents!r:.80}", 'a list of ids, or {"a.txt": relevance}')
        return
    yield from (Label(name, relevance) for name, relevance in documents.items())


def _spans(row: dict[str, Any], path: Path, line: int, problems: Problems) -> Iterator[Label]:
    """Labels under `spans`, or as the chunking literature's data has them: `references` of a `corpus_id`."""
    for span in row.get("spans") or row.get("references") or ():
        found = span if isinstance(span, dict) else {}
        document = found.get("document", row.get("corpus_id"))
        if not isinstance(document, str) or type(found.get("start")) is not int or type(found.get("end")) is not int:
            problems.add(
                path, line, f"the span {json.dumps(span)[:80]}", '{"document": "a.txt", "start": 0, "end": 80}'
            )
            continue
        yield Label(document, 1, found["start"], found["end"], found.get("content"))


def _read_csv(path: Path, problems: Problems, digest: hashlib._Hash) -> Iterator[tuple[int, Query, list[Label]]]:
    """Rows with the same query_id are one question with several labels."""
    queries: dict[str, tuple[int, Query, list[Label]]] = {}
    for line, row in read_table(path, ("query_id", "text"), ",", problems, digest):
        query = _query(row, path, line, problems)
        if query is None:
            continue
        first, known, labels = queries.setdefault(query.query_id, (line, query, []))
        if known.text != query.text:
            problems.add(path, line, f"another text for {query.query_id} than in line {first}", "one text a query_id")
        if not row.get("document"):
            continue
        numbers = {name: row[name] for name in ("start", "end", "relevance") if row.get(name)}
        if not all(value.strip().isdigit() for value in numbers.values()) or ("start" in numbers) != ("end" in numbers):
            problems.add(path, line, f"{numbers}", "start and end as whole numbers, both or neither")
            continue
        whole = {name: int(value) for name, value in numbers.items()}
        labels.append(Label(row["document"], **whole, content=row.get("content") or None))
    yield from queries.values()


def _resolve(
    rows: list[tuple[int, Query, list[Label]]], path: Path, files: dict[str, Path], problems: Problems
) -> tuple[list[Query], list[Qrel], dict[str, list[tuple[int, Label]]]]:
    """Questions with passages, judgments by document, and for each document the spans to check in it."""
    names = _names(files)
    queries, qrels, spans = [], [], {}
    lines: dict[str, int] = {}
    for line, query, labels in rows:
        if query.query_id in lines:
            problems.add(path, line, f"the id {query.query_id!r} of line {lines[query.query_id]} again", "each id once")
            continue
        lines[query.query_id] = line
        passages = []
        for label in labels:
            document_id = names.get(label.document)
            if document_id is None:
                problems.add(path, line, f"a label in {label.document!r}, which is not in the folder",
                             f"one of its files.{nearest(label.document, list(files))}".removesuffix("."))  # fmt: skip
            elif label.start is None:
                qrels.append(Qrel(query.query_id, document_id, label.relevance))
            else:
                passages.append(Passage(document_id, label.start, label.end))
                spans.setdefault(document_id, []).append((line, label))
        queries.append(query._replace(passages=tuple(dict.fromkeys(passages))))
    return queries, list(dict.fromkeys(qrels)), spans


def _names(files: dict[str, Path]) -> dict[str, str]:
    """What a label may call a document: its id, its path, or its name without suffix where that is unique."""
    stems = [path.stem for path in files.values()]
    short = {path.stem: name for name, path in files.items() if stems.count(path.stem) == 1}
    plain = {path.name: name for name, path in files.items() if [p.name for p in files.values()].count(path.name) == 1}
    return short | plain | {name: name for name in files}


def _check_span(label: Label, text: str, path: Path, line: int, problems: Problems) -> None:
    if not 0 <= label.start < label.end <= len(text):
        problems.add(path, line, f"the span {label.start} to {label.end} in {label.document}",
                     f"start < end <= {len(text)}, its length in characters")  # fmt: skip
    elif label.content is not None and text[label.start : label.end] != label.content:
        problems.add(path, line, f"{text[label.start : label.end][:40]!r} at {label.start} of {label.document}",
                     f"{label.content[:40]!r}, which the label says")  # fmt: skip

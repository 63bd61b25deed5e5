"""Questions on a folder of texts with their labels, as people write them: JSON lines, CSV, TSV or Parquet."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kit.bench.collections.rows import Problems, id_of, read_jsonl, read_lines, read_parquet, read_table, text_of
from kit.bench.records import Query

QUESTIONS = ("questions.jsonl", "questions.csv", "questions.tsv", "questions.parquet")
WANTED = (
    'query_id, text and labels: documents ["a.txt"] or spans [{"document": "a.txt", "start": 0, "end": 80}], '
    "in a CSV the columns document or document, start, end (a row a label)"
)
IDS = ("query_id", "_id", "id", "qid", "query-id")
TEXTS = ("text", "question", "query")
DOCUMENTS = ("documents", "document", "document_id", "doc_id", "doc", "file", "path", "source")
CONTENTS = ("content", "passage", "answer_text", "reference")


class Label(NamedTuple):
    """A label as read: a document, and a span of it with the text that it should hold, where they are given."""

    document: str
    relevance: int = 1
    start: int | None = None
    end: int | None = None
    content: str | None = None


class Labelled(NamedTuple):
    """A question in its line, with its labels, each in a line of its own in a table."""

    line: int
    query: Query
    labels: list[tuple[int, Label]]


def read_labels(path: Path, problems: Problems, digest: hashlib._Hash) -> Iterator[Labelled]:
    """The questions of a file; rows of a table with the same query_id are one question with several labels."""
    if path.suffix not in (".csv", ".tsv"):
        rows = read_parquet(path, digest) if path.suffix == ".parquet" else read_jsonl(path, problems, digest)
        for line, row in rows:
            if query := _query(_named(row), line, path, problems):
                labels = [*_documents(row, path, line, problems), *_spans(row, path, line, problems)]
                yield Labelled(line, query, [(line, label) for label in labels])
        return
    queries: dict[str, Labelled] = {}
    by_text: dict[str, str] = {}
    for line, row in read_table(path, (), _delimiter(path), problems, digest):
        row = _named(row)
        if "query_id" not in row:  # the question itself names it
            row["query_id"] = by_text.setdefault(row.get("text", ""), f"q{len(by_text) + 1}")
        query = _query(row, line, path, problems)
        if query is None:
            continue
        known = queries.setdefault(query.query_id, Labelled(line, query, []))
        if known.query.text != query.text:
            found = f"another text for {query.query_id} than in line {known.line}"
            problems.add(path, line, found, "one text a query_id")
        known.labels.extend((line, label) for label in _of_row(row, path, line, problems))
    yield from queries.values()


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its id and question under the kit's names; a header's capitals do not count."""
    plain = {str(name).strip().lower(): value for name, value in row.items()}
    for name, forms in (("query_id", IDS), ("text", TEXTS)):
        if name not in plain and (form := next((form for form in forms if form in plain), None)):
            plain[name] = plain[form]
    return plain


def _query(row: dict[str, Any], line: int, path: Path, problems: Problems) -> Query | None:
    if not set(row) & set(IDS):
        row = row | {"query_id": f"q{line}"}
    query_id = id_of(row, IDS, path, line, problems)
    text = text_of(row, "text", path, line, problems)
    category, answer = (text_of(row, name, path, line, problems, default="") for name in ("category", "answer"))
    if query_id and not text.strip():
        problems.add(path, line, f"an empty text for {query_id}", "a question")
    return Query(query_id, text, category, answer) if query_id else None


def _documents(row: dict[str, Any], path: Path, line: int, problems: Problems) -> Iterator[Label]:
    name = next((form for form in DOCUMENTS if row.get(form)), "documents")
    documents = row.get(name) or {}
    if isinstance(documents, str) and not row.get("spans"):
        documents = [documents]
    if isinstance(documents, list):
        documents = dict.fromkeys(map(str, documents), 1)
    if isinstance(documents, str):
        return
    if not isinstance(documents, dict) or not all(type(value) is int for value in documents.values()):
        problems.add(path, line, f"{name} {documents!r:.80}", 'a list of ids, or {"a.txt": relevance}')
        return
    yield from (Label(document, relevance) for document, relevance in documents.items())


def _spans(row: dict[str, Any], path: Path, line: int, problems: Problems) -> Iterator[Label]:
    """Labels under `spans`, or as the chunking literature's data has them: `references` of a `corpus_id`."""
    usual = row.get("document", row.get("corpus_id"))
    for span in row.get("spans") or row.get("references") or ():
        named = span if isinstance(span, dict) else {}
        document = named.get("document", usual)
        if not isinstance(document, str) or type(named.get("start")) is not int or type(named.get("end")) is not int:
            problems.add(
                path, line, f"the span {json.dumps(span)[:80]}", '{"document": "a.txt", "start": 0, "end": 80}'
            )
            continue
        yield Label(document, 1, named["start"], named["end"], named.get("content"))


def _of_row(row: dict[str, str], path: Path, line: int, problems: Problems) -> Iterator[Label]:
    """The labels of a table's row: a document, several between semicolons or bars, or a span of one."""
    named = next((row[form] for form in DOCUMENTS if row.get(form)), "").strip()
    if not named:
        return
    numbers = {name: row[name].strip() for name in ("start", "end", "relevance") if row.get(name, "").strip()}
    whole = all(re.fullmatch(r"-?\d+(\.0*)?", value) for value in numbers.values())
    if not whole or ("start" in numbers) != ("end" in numbers):
        problems.add(path, line, f"{numbers}", "start and end as whole numbers, both or neither")
        return
    values = {name: int(float(value)) for name, value in numbers.items()}
    content = next((row[form] for form in CONTENTS if row.get(form)), None)
    names = [part.strip() for part in re.split(r"[;|]", named) if part.strip()] if "start" not in values else [named]
    yield from (Label(name, **values, content=content) for name in names)


def _delimiter(path: Path) -> str:
    """What the header of a table stands apart by: a spreadsheet writes semicolons in half of the world."""
    if path.suffix == ".tsv":
        return "\t"
    _, header = next(read_lines(path), (0, ""))
    return max(",;\t", key=header.count)

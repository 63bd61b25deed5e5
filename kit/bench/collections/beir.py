"""A BEIR folder: corpus, queries and judgments, as JSON lines (plain or .gz), CSV, TSV or Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from kit.bench.collections.base import Collection, Fields, judged
from kit.bench.collections.qrels import choose_split, read_qrels
from kit.bench.collections.rows import Ids, Problems, found_part, id_of, note_duplicates, read_rows, text_of
from kit.bench.records import Dataset, Qrel, Query
from kit.errors import KitError


def is_beir(folder: Path) -> bool:
    """Whether the folder holds a corpus, such as corpus.jsonl."""
    return found_part(folder, "corpus") is not None


def open_beir(folder: Path, split: str | None, tolerate: tuple[str, ...]) -> Collection:
    """The collection, once each of its files was read and found right; without a split test, else the only one.

    Only queries that the split judges are kept. Judgments above 0 are relevant.
    """
    split, qrels_path = choose_split(folder, split)
    queries_path = found_part(folder, "queries")
    if queries_path is None:
        raise KitError(f"{folder} has a corpus but no queries.jsonl(.gz); wanted both and qrels/<split>.tsv.")
    corpus_path = found_part(folder, "corpus") or folder / "corpus.jsonl"
    problems, digest = Problems(), hashlib.sha256()
    notes: list[str] = []
    judgments = read_qrels(qrels_path, problems, digest)
    problems.stop_if_any()
    wanted = dict.fromkeys(qrel.query_id for qrel, _ in judgments)
    queries = _read_queries(queries_path, wanted, problems, digest)
    ids, fields, empty = _read_corpus(corpus_path, problems, digest, "empty-texts" in tolerate)
    if ids.has_duplicates():
        rows = (
            (line, id_of(row, ("_id",), corpus_path, line, Problems()))
            for line, row in read_rows(corpus_path, Problems())
        )
        note_duplicates(ids, rows, corpus_path, problems)
    qrels = _pointing_at_something(judgments, qrels_path, queries, ids, problems, tolerate, notes)
    _check_where(queries, fields, queries_path, problems)
    problems.stop_if_any()
    if len(ids) == empty:
        raise KitError(f"{corpus_path} holds no document.")
    if not qrels:
        raise KitError(f"{qrels_path} judges nothing.")
    if empty:
        notes.append(f"{empty} documents without text were left out")
    if fields.left_out:
        notes.append(f"metadata that only some documents have was left out: {', '.join(fields.left_out)}")
    kept = tuple(queries[name] for name in wanted if name in queries)
    dataset = Dataset(
        folder.resolve().name,
        "beir",
        split,
        digest.hexdigest(),
        len(ids) - empty,
        len(kept),
        judged(kept, qrels),
        tuple(notes),
    )
    return BeirFolder(dataset, kept, tuple(qrels), fields.shared, corpus_path)


@dataclass(frozen=True)
class BeirFolder(Collection):
    """Title and text are joined by a space, as BEIR and MTEB embed them."""

    path: Path

    def documents(self) -> Iterator[Document]:
        """The documents in the file's order; those without text are left out."""
        for _, row in read_rows(self.path, Problems()):
            if text := whole_text(row):
                metadata = {name: row["metadata"][name] for name in self.fields}
                yield Document(page_content=text, id=str(row["_id"]), metadata=metadata)


def whole_text(row: dict[str, Any]) -> str:
    """Title and text of a corpus row."""
    return f"{row.get('title') or ''} {row.get('text') or ''}".strip()


def _read_queries(path: Path, wanted: dict[str, None], problems: Problems, digest: hashlib._Hash) -> dict[str, Query]:
    """The wanted queries by id; all rows are checked."""
    queries: dict[str, Query] = {}
    lines: dict[str, int] = {}
    for line, row in read_rows(path, problems, digest):
        query_id = id_of(row, ("_id",), path, line, problems)
        text = text_of(row, "text", path, line, problems)
        if query_id is None:
            continue
        if query_id in lines:
            problems.add(path, line, f"the id {query_id!r} of line {lines[query_id]} again", "each id once")
        lines[query_id] = line
        if query_id not in wanted:
            continue
        if not text.strip():
            problems.add(path, line, f"an empty text for the judged query {query_id}", "a question")
        category, answer = (row[name] if isinstance(row.get(name), str) else "" for name in ("category", "answer"))
        where = row.get("where") or {}
        if not isinstance(where, dict):
            problems.add(path, line, f"where {where!r}", 'an object such as {"year": 2022}')
            where = {}
        queries[query_id] = Query(query_id, text, category, answer, where=tuple(where.items()))
    return queries


def _read_corpus(path: Path, problems: Problems, digest: hashlib._Hash, skip_empty: bool) -> tuple[Ids, Fields, int]:
    ids, fields, empty = Ids(), Fields(), 0
    for line, row in read_rows(path, problems, digest):
        doc_id = id_of(row, ("_id",), path, line, problems)
        text_of(row, "text", path, line, problems)
        if row.get("title") is not None:
            text_of(row, "title", path, line, problems)
        if doc_id is None:
            continue
        ids.add(doc_id)
        metadata = row.get("metadata") or {}
        if not isinstance(metadata, dict):
            problems.add(path, line, f"metadata {str(metadata)[:60]!r}", "an object")
            continue
        if whole_text(row):
            fields.add(metadata)
        elif skip_empty:
            empty += 1
        else:
            problems.add(path, line, f"no text and no title for {doc_id}",
                         "text (--tolerate empty-texts leaves such documents out)")  # fmt: skip
    return ids, fields, empty


def _pointing_at_something(
    qrels: list[tuple[Qrel, int]], path: Path, queries: dict[str, Query], ids: Ids,
    problems: Problems, tolerate: tuple[str, ...], notes: list[str],
) -> list[Qrel]:  # fmt: skip
    """The judgments of known queries; what points at nothing is a problem, or a note when tolerated."""
    lost_documents = set(ids.missing([qrel.doc_id for qrel, _ in qrels]))
    kept, dangling, queryless = [], 0, 0
    for qrel, line in qrels:
        if qrel.query_id not in queries:
            queryless += 1
            if "missing-queries" not in tolerate:
                problems.add(path, line, f"a judgment of query {qrel.query_id!r}, which queries.jsonl lacks",
                             "a known query (or --tolerate missing-queries)")  # fmt: skip
            continue
        if qrel.doc_id in lost_documents:
            dangling += 1
            if "missing-documents" not in tolerate:
                problems.add(path, line, f"a judgment of document {qrel.doc_id!r}, which corpus.jsonl lacks",
                             "a known document (or --tolerate missing-documents)")  # fmt: skip
        kept.append(qrel)
    if dangling:
        notes.append(f"{dangling} judgments are of documents that are not there; they count as not found")
    if queryless:
        notes.append(f"{queryless} judgments of queries that are not there were left out")
    return kept


def _check_where(queries: dict[str, Query], fields: Fields, path: Path, problems: Problems) -> None:
    for query in queries.values():
        for name, _ in query.where:
            if name not in fields.shared:
                fields_there = ", ".join(fields.shared) or "there is none"
                problems.add(path, None, f"query {query.query_id} with a filter on {name!r}",
                             f"a field that every document has: {fields_there}")  # fmt: skip

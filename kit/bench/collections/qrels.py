"""Judgments of a split, in the forms that people have them: with a header, without one, TREC's, CSV or Parquet."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.bench.collections.rows import Problems, id_of, read_lines, read_parquet
from kit.bench.records import Qrel
from kit.errors import KitError, nearest

SPLITS_FIRST = ("test", "dev", "train")
SUFFIXES = (".tsv", ".tsv.gz", ".txt", ".qrels", ".qrel", ".trec", ".csv", ".parquet")
QUERY = ("query-id", "query_id", "qid", "query", "topic")
DOCUMENT = ("corpus-id", "doc_id", "docid", "document_id", "docno", "doc-id", "document", "corpus_id")
SCORE = ("score", "relevance", "rel", "label", "judgment", "judgement")
WANTED = "the columns query-id, corpus-id, score, or without a header: query 0 document relevance (TREC)"


def choose_split(folder: Path, split: str | None) -> tuple[str, Path]:
    """The split asked for with its file, else test, dev, train or the only one: qrels/<split>.tsv, or qrels.* alone."""
    there = dict(sorted(_splits(folder)))
    if not there:
        raise KitError(f"{folder} has no judgments; wanted qrels/<split>.tsv(.gz) beside its corpus.")
    if split is None:
        named = [name for name in SPLITS_FIRST if name in there]
        if not named and len(there) > 1:
            raise KitError(f"{folder} has the splits {', '.join(there)}; say which: --split NAME.")
        split = (named or list(there))[0]
    if split not in there:
        raise KitError(f'{folder} has no split "{split}".{nearest(split, list(there))} There are: {", ".join(there)}.')
    return split, there[split]


def read_qrels(path: Path, problems: Problems, digest: hashlib._Hash) -> list[tuple[Qrel, int]]:
    """The judgments with their line numbers; said twice alike counts once, said twice differently is a problem."""
    known: dict[tuple[str, str], tuple[Qrel, int]] = {}
    for line, row in _rows(path, problems, digest):
        query_id = id_of(row, ("query-id",), path, line, problems)
        doc_id = id_of(row, ("corpus-id",), path, line, problems)
        relevance = _whole(row["score"])
        if relevance is None:
            problems.add(path, line, f"score {row['score']!r}", "a whole number, above 0 where relevant")
            continue
        if query_id is None or doc_id is None:
            continue
        qrel = Qrel(query_id, doc_id, relevance)
        before, at = known.setdefault((query_id, doc_id), (qrel, line))
        if before.relevance != qrel.relevance:
            problems.add(path, line, f"{query_id} {doc_id} judged {qrel.relevance}, in line {at} {before.relevance}",
                         "each pair judged once")  # fmt: skip
    return list(known.values())


def _splits(folder: Path) -> Iterator[tuple[str, Path]]:
    """Of two files of one split the later is taken by `dict`: the plain one of a .gz."""
    alone = [path for path in sorted(folder.glob("qrels.*")) if path.name.endswith(SUFFIXES)]
    for path in [*alone, *sorted((folder / "qrels").glob("*"))]:
        suffix = next((suffix for suffix in sorted(SUFFIXES, key=len) if path.name.endswith(suffix)), None)
        if suffix and path.is_file():
            yield path.name.removesuffix(suffix).partition("-00000-of-")[0], path


def _rows(path: Path, problems: Problems, digest: hashlib._Hash) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each judgment under the names query-id, corpus-id and score."""
    if path.suffix == ".parquet":
        yield from _named(path, read_parquet(path, digest), problems)
        return
    lines = read_lines(path, digest)
    first = next(lines, None)
    if first is None:
        return
    delimiter = next((mark for mark in ("\t", ",", ";") if mark in first[1]), None)
    header = _cells(first[1], delimiter)
    names = [_name(cell) for cell in header]
    if {"query-id", "corpus-id", "score"} <= set(names):
        for line, text in lines:
            cells = _cells(text, delimiter)
            if len(cells) == len(header):
                yield line, dict(zip(names, cells, strict=True))
            else:
                problems.add(path, line, f"{len(cells)} cells", f"{len(header)}: {', '.join(header)}")
        return
    yield from _without_header(path, first, lines, problems)


def _without_header(
    path: Path, first: tuple[int, str], lines: Iterator[tuple[int, str]], problems: Problems
) -> Iterator[tuple[int, dict[str, Any]]]:
    """`query document relevance`, or TREC's `query 0 document relevance`; the first line says which."""
    cells = first[1].replace(",", " ").split() if "," in first[1] else first[1].split()
    if len(cells) not in (3, 4) or _whole(cells[-1]) is None:
        problems.add(path, first[0], f"the header {cells}", WANTED)
        return
    for line, text in (first, *lines):
        row = (text.replace(",", " ") if "," in first[1] else text).split()
        if len(row) == len(cells):
            yield line, {"query-id": row[0], "corpus-id": row[-2], "score": row[-1]}
        else:
            problems.add(path, line, f"{len(row)} cells", f"{len(cells)}, as in line {first[0]}")


def _named(
    path: Path, rows: Iterator[tuple[int, dict[str, Any]]], problems: Problems
) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, row in rows:
        named = {_name(name): value for name, value in row.items()}
        if not {"query-id", "corpus-id", "score"} <= set(named):
            problems.add(path, None, f"the columns {', '.join(row)}", "query-id, corpus-id, score")
            return
        yield line, named


def _name(column: str) -> str:
    """The column as BEIR calls it."""
    plain = column.strip().strip('"').lower()
    for name, forms in (("query-id", QUERY), ("corpus-id", DOCUMENT), ("score", SCORE)):
        if plain in forms:
            return name
    return plain


def _cells(text: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return text.split()
    if delimiter == "\t":  # no quoting: a quotation mark in an id is part of it
        return text.split("\t")
    return next(csv.reader([text], delimiter=delimiter), [])


def _whole(value: Any) -> int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else None

"""A folder of the reader's own files with a questions file, labelled by file or by character spans."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from langchain_core.documents import Document

from kit.bench.collections.base import Collection, judged
from kit.bench.collections.generated import PREFIX
from kit.bench.collections.labels import QUESTIONS, WANTED, Label, Labelled, read_labels
from kit.bench.collections.readers import AS_WRITTEN, READERS, own_offset, read_file
from kit.bench.collections.rows import Problems
from kit.bench.records import Dataset, Passage, Qrel, Query
from kit.errors import KitError, nearest


def open_texts(folder: Path, questions: Path | None, tolerate: tuple[str, ...]) -> Collection:
    """The folder's files that have a reader (subfolders too), each read once, and the questions, all found right.

    A file without a reader, or one that its reader cannot read, is left out and noted with the reason.
    """
    questions = questions or next((folder / name for name in QUESTIONS if (folder / name).is_file()), None)
    if questions is None or not questions.is_file():
        raise KitError(
            f"{questions or folder} holds no questions; wanted {' or '.join(QUESTIONS[:2])} beside the texts, or "
            f"--questions FILE, with {WANTED}. (A BEIR folder has corpus.jsonl.)"
        )
    there = [path for path in sorted(folder.rglob("*")) if _is_visible(path, folder) and path != questions]
    files = {_document_id(path, folder): path for path in there if path.suffix.lower() in READERS}
    if not files:
        raise KitError(f"{folder} holds no text file; wanted {' or '.join(READERS)} beside {questions.name}.")
    problems, digest = Problems(), hashlib.sha256()
    rows = list(read_labels(questions, problems, digest))
    problems.stop_if_any()
    labels = _Labels(questions, files, folder, problems)
    labels.resolve(rows)
    problems.stop_if_any()
    left_out = Counter(f"no reader for {path.suffix.lower() or 'files without suffix'}"
                       for path in there if path.suffix.lower() not in READERS)  # fmt: skip
    kept, notes = [], []
    for document_id, path in files.items():
        text = _text(path, tolerate, left_out, labels, document_id)
        digest.update(f"{document_id}\0{text}\0".encode())
        labels.check_spans(document_id, text)
        if text.strip():
            kept.append((document_id, path))
    problems.stop_if_any()
    queries, qrels = labels.passages(), labels.qrels
    _one_kind(queries, qrels, questions)
    if empty := left_out.pop("empty", 0):
        notes.append(f"{empty} files without text were left out")
    notes += [f"{count} {'files were' if count > 1 else 'file was'} left out: {why}" for why, count in left_out.items()]
    if made := [query for query in queries if query.category.startswith(PREFIX)]:
        notes.append(f"{len(made)} of {len(queries)} questions were generated: they do not rank the rows")
    dataset = Dataset(
        folder.resolve().name, "texts", "", digest.hexdigest(), len(kept), len(queries), judged(queries, qrels),
        tuple(notes),
    )  # fmt: skip
    return TextFolder(dataset, tuple(queries), tuple(qrels), (), tuple(kept))


@dataclass(frozen=True)
class TextFolder(Collection):
    """Own files; a document's id is its path inside the folder."""

    files: tuple[tuple[str, Path], ...]

    def documents(self) -> Iterator[Document]:
        """The files' texts, one at a time, in the order of their paths."""
        for document_id, path in self.files:
            yield Document(page_content=read_file(path), id=document_id)


def readable_files(folder: Path, but: Path | None = None) -> Iterator[tuple[str, str]]:
    """The id and text of every file of a folder that can be read, in the order of their paths."""
    if not folder.is_dir():
        raise KitError(f"There is no folder {folder}.")
    for path in sorted(folder.rglob("*")):
        if _is_visible(path, folder) and path.suffix.lower() in READERS and path != but:
            try:
                yield _document_id(path, folder), read_file(path)
            except KitError:
                continue  # `kit bench run` says why


class _Labels:
    """The labels of a questions file, each pointing at a file of the folder."""

    def __init__(self, path: Path, files: dict[str, Path], folder: Path, problems: Problems):
        self._path, self._files, self._problems = path, files, problems
        self._names = _names(files, folder)
        self._queries: list[Query] = []
        self._of_document: dict[str, list[tuple[int, Label, int]]] = {}  # spans: line, label, place of the query
        self._passages: dict[int, dict[Passage, None]] = {}
        self.qrels: list[Qrel] = []
        self.lines: dict[str, int] = {}  # document -> a line that labels it

    def resolve(self, rows: list[Labelled]) -> None:
        """Find each label's document; a question or a judgment that stands twice, and differs, is a problem."""
        lines: dict[str, int] = {}
        for line, query, labels in rows:
            if query.query_id in lines:
                found = f"the id {query.query_id!r} of line {lines[query.query_id]} again"
                self._problems.add(self._path, line, found, "each id once")
                continue
            lines[query.query_id] = line
            place = len(self._queries)
            self._queries.append(query)
            judged_before: dict[str, tuple[int, int]] = {}
            for at, label in labels:
                document_id = self._document(label, at)
                if document_id is None:
                    continue
                if label.start is not None:
                    self._of_document.setdefault(document_id, []).append((at, label, place))
                    continue
                relevance, first = judged_before.setdefault(document_id, (label.relevance, at))
                if relevance != label.relevance:
                    found = f"{document_id} judged {label.relevance} for {query.query_id}, in line {first} {relevance}"
                    self._problems.add(self._path, at, found, "each document judged once a question")
            self.qrels += [Qrel(query.query_id, name, relevance) for name, (relevance, _) in judged_before.items()]

    def check_spans(self, document_id: str, text: str) -> None:
        """Hold the spans of a document against its text, and keep them as passages of it."""
        for line, label, place in self._of_document.get(document_id, ()):
            start, end = _span(label, text, self._files[document_id])
            if not 0 <= start < end <= len(text):
                self._problems.add(self._path, line, f"the span {label.start} to {label.end} in {label.document}",
                                   f"start < end <= {len(text)}, its length in characters")  # fmt: skip
            elif label.content is not None and text[start:end] != _one_line_end(label.content):
                self._problems.add(self._path, line, f"{text[start:end][:40]!r} at {label.start} of {label.document}",
                                   f"{label.content[:40]!r}, which the label says")  # fmt: skip
            else:
                self._passages.setdefault(place, {})[Passage(document_id, start, end)] = None

    def passages(self) -> list[Query]:
        """The questions with their passages, in order."""
        return [query._replace(passages=tuple(self._passages.get(n, ()))) for n, query in enumerate(self._queries)]

    def _document(self, label: Label, line: int) -> str | None:
        document_id = self._names.get(label.document) or self._names.get(_plain(label.document))
        if document_id is None:
            hint = nearest(label.document, list(self._files))
            found = f"a label in {label.document!r}, which is not in the folder"
            self._problems.add(self._path, line, found, f"one of its files.{hint}".removesuffix("."))
        else:
            self.lines.setdefault(document_id, line)
        return document_id


def _span(label: Label, text: str, path: Path) -> tuple[int, int]:
    """Where the span is in the text: as the file itself counts, or as its text does where only that fits the words."""
    given = (label.start or 0, label.end or 0)
    if path.suffix.lower() not in AS_WRITTEN:
        return given
    own = (own_offset(path, given[0]), own_offset(path, given[1]))
    if label.content is not None and text[slice(*own)] != _one_line_end(label.content):
        return given
    return own


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n")


def _one_kind(queries: list[Query], qrels: list[Qrel], questions: Path) -> None:
    by_document = {qrel.query_id for qrel in qrels}
    if both := next((query for query in queries if query.passages and query.query_id in by_document), None):
        raise KitError(f"{questions}: {both.query_id} has labels of both kinds; wanted documents or spans.")
    if qrels and any(query.passages for query in queries):
        raise KitError(f"{questions} labels some questions by document and some by span; wanted one kind throughout.")
    if not judged(queries, qrels):
        raise KitError(f"{questions} labels no question; wanted {WANTED}.")


def _is_visible(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _document_id(path: Path, folder: Path) -> str:
    """The path inside the folder; white space, which TREC run files cannot hold, as %20 and so on."""
    name = path.relative_to(folder).as_posix()
    return re.sub(r"[\s%]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def _text(path: Path, tolerate: tuple[str, ...], left_out: Counter[str], labels: _Labels, document_id: str) -> str:
    """The file's text; '' where it is left out. A file that a question labels, and every plain one, must be read."""
    try:
        return read_file(path)
    except KitError as error:
        plain = path.suffix.lower() in AS_WRITTEN
        if "empty-texts" in tolerate and plain and not path.read_bytes().strip():
            left_out["empty"] += 1
            return ""
        if plain:
            raise
        if document_id in labels.lines:
            raise KitError(f"{error} (a question labels it)") from None
        left_out[str(error).rstrip(".").replace(str(path), path.name)] += 1
        return ""


def _names(files: dict[str, Path], folder: Path) -> dict[str, str]:
    """What a label may call a document: its id, its path, or its name, with or without suffix where that is unique."""
    paths = list(files.values())
    stems, names = Counter(path.stem for path in paths), Counter(path.name for path in paths)
    short = {path.stem: name for name, path in files.items() if stems[path.stem] == 1}
    plain = {path.name: name for name, path in files.items() if names[path.name] == 1}
    inside = {path.relative_to(folder).as_posix(): name for name, path in files.items()}
    with_folder = {f"{folder.resolve().name}/{path}": name for path, name in inside.items()}
    given = {path.as_posix(): name for name, path in files.items()}
    return short | plain | with_folder | given | inside | {name: name for name in files}


def _plain(document: str) -> str:
    """A path as another system or a shell writes it."""
    return document.strip().replace("\\", "/").removeprefix("./")

"""A collection by its name: golden questions, a BEIR folder, a folder of texts, or an id of ir_datasets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kit import registry
from kit.bench.collections.base import Collection
from kit.bench.collections.beir import is_beir, open_beir
from kit.bench.collections.golden import open_golden
from kit.bench.collections.ir_datasets import open_ir_dataset
from kit.bench.collections.texts import open_texts
from kit.errors import KitError

TOLERATED = {
    "empty-texts": "documents without text are left out",
    "missing-documents": "judgments of documents that are not there stay: those documents count as not found",
    "missing-queries": "judgments of queries that are not there are left out",
}


def open_collection(
    name: str, split: str | None = None, questions: Path | None = None, tolerate: Iterable[str] = ()
) -> Collection:
    """A collection by name, read once and checked.

    `golden`, `golden:2015-2026`, `golden:2016,2022`: the golden questions on those years' addresses. A folder with
    corpus.jsonl (.gz, .parquet, .csv): BEIR. Any other folder: its files (.txt .md .rst .ipynb .html .pdf .docx) with
    questions.jsonl or questions.csv, or `questions`. Anything else: an id of ir_datasets, such as beir/scifact/test.

    Raises:
        KitError: there is no such collection, or what is wrong in which line of which of its files.
    """
    tolerate = tuple(tolerate)
    if unknown := [word for word in tolerate if word not in TOLERATED]:
        raise KitError(f"Found --tolerate {unknown[0]}; wanted one of {', '.join(TOLERATED)}.")
    kind, _, rest = name.partition(":")
    if kind in registry.names("collections") or registry.is_path(name):
        reader, argument = (name, "") if registry.is_path(name) else (kind, rest)
        return registry.answer("collections", reader, argument, Collection, "a kit.bench.Collection")
    folder = Path(name)
    if name == "golden" or name.startswith("golden:"):
        return open_golden(name.partition(":")[2])
    if folder.is_dir():
        if is_beir(folder) and questions is None:
            return open_beir(folder, split, tolerate)
        return open_texts(folder, questions, tolerate)
    if folder.is_file():
        raise KitError(f"{folder} is a file; wanted a folder with corpus.jsonl, or with text files and questions.")
    return open_ir_dataset(name, tolerate)

"""Small collections, written as files, for the tests of the bench room."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

ANIMALS = ("cat", "dog", "horse", "eagle", "salmon", "beetle")
PLACES = ("kitchen", "river", "forest", "desert", "harbour")


def beir_folder(folder: Path, documents: int = 60, packed: bool = False) -> Path:
    """A BEIR folder: each document on one animal in one place, each query asks for one of them."""
    rows = [
        {
            "_id": f"d{n}",
            "title": f"Notes on the {ANIMALS[n % 6]}",
            "text": f"Observation {n}: the {ANIMALS[n % 6]} in the {PLACES[n % 5]} stayed {n} minutes.",
            "metadata": {"year": 2000 + n % 3},
        }
        for n in range(documents)
    ]
    queries = [
        {"_id": f"q{n}", "text": f"{ANIMALS[n % 6]} in the {PLACES[n % 5]}", "where": {"year": 2000 + n % 3}}
        for n in range(8)
    ]
    relevant = [(f"q{n}", f"d{m}", 1) for n in range(8) for m in range(documents) if m % 30 == n]
    write(folder / "corpus.jsonl", jsonl(rows), packed)
    write(folder / "queries.jsonl", jsonl([*queries, {"_id": "q99", "text": "never judged"}]), packed)
    table = "".join(f"{query}\t{document}\t{relevance}\n" for query, document, relevance in relevant)
    write(folder / "qrels" / "test.tsv", f"query-id\tcorpus-id\tscore\n{table}", packed)
    return folder


def jsonl(rows: list[dict]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(path: Path, text: str, packed: bool = False) -> None:
    """Write a file, as .gz if packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if packed:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")

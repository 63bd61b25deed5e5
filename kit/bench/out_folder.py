"""The --out folder of a run: which file is where, and writing so that a kill leaves no half file."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.bench.records import Passage, Qrel, Query, Results, ScoredDoc
from kit.errors import KitError
from kit.files.write import write_whole

if TYPE_CHECKING:
    from kit.bench.grid.grid import Grid


@dataclass(frozen=True)
class OutFolder:
    """The files under --out; a condition is finished when results.json lists it, which is written last."""

    path: Path

    @property
    def results(self) -> Path:
        """results.json."""
        return self.path / "results.json"

    @property
    def queries(self) -> Path:
        """queries.jsonl: {query_id, text, category, answer, passages, where} of every query."""
        return self.path / "queries.jsonl"

    @property
    def documents(self) -> Path:
        """documents.tsv: the id and a hash of every text that was searched; tells what two runs' texts differ in."""
        return self.path / "documents.tsv"

    @property
    def grid(self) -> Path:
        """state/grid.json: the grid of the last run into the folder."""
        return self.path / "state" / "grid.json"

    @property
    def waits(self) -> Path:
        """waits.csv: what each timed query of each condition took, and in which pass."""
        return self.path / "waits.csv"

    @property
    def lock(self) -> Path:
        """Held while a run writes."""
        return self.path / "state" / "lock"

    @property
    def embedding_log(self) -> Path:
        """state/embedding.jsonl: one line a batch that was embedded; what a resumed run adds up for the cost."""
        return self.path / "state" / "embedding.jsonl"

    def run(self, condition_id: str) -> Path:
        """runs/<condition>.trec: query_id Q0 doc_id rank score tag."""
        return self.path / "runs" / f"{condition_id}.trec"

    def scores(self, condition_id: str) -> Path:
        """scores/<condition>.csv: query_id, category, hits, relevant, then one column a measure; empty: unjudged."""
        return self.path / "scores" / f"{condition_id}.csv"

    def qrels(self, chunker: str) -> Path:
        """qrels/<chunker>.tsv, as in BEIR (query-id, corpus-id, score): span labels judge each chunking anew."""
        return self.path / "qrels" / f"{chunker}.tsv"

    def texts(self, chunker: str) -> Path:
        """texts/<chunker>.jsonl: {doc_id, text} of relevant documents and of the first hits of any run."""
        return self.path / "texts" / f"{chunker}.jsonl"

    def read(self) -> Results:
        """The results; KitError when there are none."""
        if not self.results.is_file():
            raise KitError(
                f"No results in {self.path}: wanted {self.results.name}. Run: kit bench run --out {self.path}"
            )
        return Results.loads(self.results.read_bytes(), str(self.results))

    def write(self, results: Results) -> None:
        """Replace results.json in one step, so that a killed run leaves the old one or the new one."""
        write_whole(self.results, results.dumps())


def read_grid(out: OutFolder, parse: Callable[[bytes], Grid]) -> Grid:
    """The grid of the last run into the folder; KitError where it is not there."""
    if not out.grid.is_file():
        raise KitError(
            f"{out.path} does not say its grid; it was measured by an older kit.", mend="Run the grid again."
        )
    return parse(out.grid.read_bytes())


def read_run(path: Path) -> Iterator[ScoredDoc]:
    """The hits of a TREC run file, plain or .gz; columns stand apart by any white space."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                query_id, _, doc_id, _, score, _ = line.split()
                yield ScoredDoc(query_id, doc_id, float(score))
            except ValueError:
                raise KitError(
                    f"{path}, line {number}: found {line.strip()[:80]!r}; wanted: query_id Q0 doc_id rank score tag."
                ) from None


def read_queries(out: OutFolder) -> list[Query]:
    """The queries that a run wrote down."""
    rows = [json.loads(line) for line in _there(out.queries).read_text(encoding="utf-8").splitlines()]
    return [
        Query(
            row["query_id"],
            row["text"],
            row.get("category", ""),
            row.get("answer", ""),
            tuple(Passage(*passage) for passage in row.get("passages", ())),
            tuple((name, value) for name, value in row.get("where", ())),
        )
        for row in rows
    ]


def read_qrels(out: OutFolder, chunker: str) -> list[Qrel]:
    """The judgments that a run wrote down for a chunker."""
    with _there(out.qrels(chunker)).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Qrel(row["query-id"], row["corpus-id"], int(row["score"])) for row in rows]


def _there(path: Path) -> Path:
    if not path.is_file():
        raise KitError(f"{path} is not there, though results.json lists a condition that needs it. Run the grid again.")
    return path

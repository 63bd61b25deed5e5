"""The texts behind a difference: the queries on which one row wins or loses against another, with what each found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kit.bench.measures.kinds import Kinds, kinds_of
from kit.bench.out_folder import OutFolder, read_qrels, read_queries, read_run
from kit.bench.report.leaderboard import Place
from kit.errors import KitError

HITS = 3  # of each row, shown for a query
QUERIES = 5  # wins, and losses, shown for a pair of rows
EXCERPT = 420  # characters of a text


@dataclass(frozen=True)
class Hit:
    """A hit as it is shown; `relevance` is None where the document was not judged."""

    rank: int
    doc_id: str
    relevance: int | None
    text: str


@dataclass(frozen=True)
class Found:
    """What a row found for a query: its first hits, and the first relevant document that is not among them."""

    score: float
    hits: tuple[Hit, ...]
    first_relevant: int | None  # the rank of the first relevant hit, in the whole run


@dataclass(frozen=True)
class Case:
    """A query on which two rows differ: what the higher-placed one found, what the other, and what was wanted."""

    query_id: str
    question: str
    category: str
    one: Found
    other: Found
    wanted: tuple[Hit, ...]


class Examples:
    """Reads an --out folder's queries, runs, judgments and texts once, when they are first asked for."""

    def __init__(self, out: OutFolder, measure: str):
        self._out, self._measure = out, measure
        self._runs: dict[str, dict[str, list[str]]] = {}
        self._qrels: dict[str, dict[str, dict[str, int]]] = {}
        self._texts: dict[str, dict[str, str]] = {}

    def cases(self, one: Place, other: Place) -> tuple[list[Case], list[Case]]:
        """The queries with the largest differences: those that `one` wins, and those that it loses."""
        difference = (one.table[self._measure] - other.table[self._measure]).dropna()
        by_size = difference[difference != 0].sort_index(kind="stable").sort_values(kind="stable")
        lost = [self._case(query_id, one, other) for query_id in by_size[by_size < 0].index[:QUERIES]]
        won = [self._case(query_id, one, other) for query_id in by_size[by_size > 0].index[::-1][:QUERIES]]
        return won, lost

    def question(self, query_id: str) -> str:
        """The query's text."""
        return self._questions.get(query_id, "")

    def kinds(self, chunker: str) -> dict[str, Kinds]:
        """The kinds of every judged question, with the texts that answer it as far as they were written down."""
        known = self._texts_of(chunker)
        return {
            query_id: kinds_of(
                self.question(query_id),
                [known[doc] for doc, relevance in judged.items() if relevance > 0 and doc in known],
            )
            for query_id, judged in self._judged(chunker).items()
        }

    def _case(self, query_id: str, one: Place, other: Place) -> Case:
        chunker = one.row.condition.chunker
        judged = self._judged(chunker).get(query_id, {})
        best = sorted((doc for doc in judged if judged[doc] > 0), key=lambda doc: (-judged[doc], doc))[:HITS]
        wanted = tuple(Hit(0, doc, judged[doc], self._text(chunker, doc)) for doc in best)
        category = str(one.table.loc[query_id, "category"])
        of_one, of_other = self._found(query_id, one), self._found(query_id, other)
        return Case(query_id, self.question(query_id), category, of_one, of_other, wanted)

    def _found(self, query_id: str, place: Place) -> Found:
        chunker = place.row.condition.chunker
        judged, hits = self._judged(chunker).get(query_id, {}), self._run(place.row.id).get(query_id, [])
        shown = tuple(
            Hit(rank, doc, judged.get(doc), self._text(chunker, doc)) for rank, doc in enumerate(hits[:HITS], start=1)
        )
        relevant = next((rank for rank, doc in enumerate(hits, start=1) if judged.get(doc, 0) > 0), None)
        return Found(float(place.table[self._measure][query_id]), shown, relevant)

    @cached_property
    def _questions(self) -> dict[str, str]:
        return {query.query_id: query.text for query in read_queries(self._out)}

    def _run(self, condition_id: str) -> dict[str, list[str]]:
        if condition_id not in self._runs:
            path = _there(self._out.run(condition_id))
            hits: dict[str, list[tuple[float, str]]] = {}
            for hit in read_run(path):
                hits.setdefault(hit.query_id, []).append((hit.score, hit.doc_id))
            self._runs[condition_id] = {q: [doc for _, doc in sorted(rows, reverse=True)] for q, rows in hits.items()}
        return self._runs[condition_id]

    def _judged(self, chunker: str) -> dict[str, dict[str, int]]:
        if chunker not in self._qrels:
            judged: dict[str, dict[str, int]] = {}
            for qrel in read_qrels(self._out, chunker):
                judged.setdefault(qrel.query_id, {})[qrel.doc_id] = qrel.relevance
            self._qrels[chunker] = judged
        return self._qrels[chunker]

    def _text(self, chunker: str, doc_id: str) -> str:
        text = " ".join(self._texts_of(chunker).get(doc_id, "").split())
        return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…"

    def _texts_of(self, chunker: str) -> dict[str, str]:
        if chunker not in self._texts:
            path = self._out.texts(chunker)  # a folder of imported runs alone has none
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ()
            self._texts[chunker] = {row["doc_id"]: row["text"] for row in map(json.loads, lines)}
        return self._texts[chunker]


def _there(path: Path) -> Path:
    if not path.is_file():
        raise KitError(f"{path} is not there, though results.json lists a condition that needs it. Run the grid again.")
    return path

"""A condition's hits judged and written: TREC run, per-query scores, means, and the texts that a report shows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kit.bench.collections.base import Collection
from kit.bench.grid.chunkers import Chunker, place_of
from kit.bench.measures.judge import judged_scores
from kit.bench.measures.judge_model import Judge, Usage
from kit.bench.measures.measure import Measured, measure, too_deep
from kit.bench.measures.ragas_scores import first_hits, ragas_scores
from kit.bench.measures.spans import precision_omega, span_scores
from kit.bench.out_folder import OutFolder
from kit.bench.records import Mean, Passage, Qrel, Query, Score, ScoredDoc
from kit.files.write import write_whole
from kit.texts.golden import relevant_places

SHOWN_HITS = 10  # a query: their texts go into the report
SPAN_K = 5  # chunks a query that span measures look at, as in the chunking literature


@dataclass(frozen=True)
class Judgments:
    """The judgments of one chunking; `places` says where each chunk lies, when labels are passages."""

    qrels: tuple[Qrel, ...]
    places: Mapping[str, Passage]


@dataclass(frozen=True)
class Evaluated:
    """Means by measure, and what the judge took."""

    means: dict[str, Mean]
    usage: Usage | None


def judgments(collection: Collection, chunker: Chunker) -> Judgments:
    """By document as the collection has them, or each passage's chunks by the rule of the golden questions."""
    if not collection.has_passages:
        return Judgments(collection.qrels, {})
    places = {str(chunk.id): place_of(chunk) for chunk in chunker.split(collection.documents())}
    of_document: dict[str, list[Passage]] = {}
    names = {place: doc_id for doc_id, place in places.items()}
    for place in places.values():
        of_document.setdefault(place.document_id, []).append(place)
    qrels = []
    for query in collection.queries:
        relevant = dict.fromkeys(
            names[place]
            for passage in query.passages
            for place in relevant_places(passage, of_document.get(passage.document_id, []))
        )
        qrels += [Qrel(query.query_id, doc_id, 1) for doc_id in relevant]
    return Judgments(tuple(qrels), places)


class Texts:
    """The texts of documents (or chunks) by id: read from the collection once for those that are new."""

    def __init__(self, collection: Collection, chunker: Chunker, judged: Judgments):
        self._collection, self._chunker, self._by_chunk = collection, chunker, bool(judged.places)
        self._known: dict[str, str] = {}

    def fetch(self, doc_ids: Iterable[str]) -> Mapping[str, str]:
        """At least these texts; judged documents that the collection lacks are empty."""
        wanted = set(doc_ids) - self._known.keys()
        if wanted:
            documents = self._collection.documents()
            for found in self._chunker.split(documents) if self._by_chunk else documents:
                if found.id in wanted:
                    self._known[found.id] = found.page_content
            self._known |= dict.fromkeys(wanted - self._known.keys(), "")
        return self._known


def trec_order(hits: Sequence[ScoredDoc]) -> list[ScoredDoc]:
    """The hits of a query as trec_eval ranks them, scores as the run file writes them."""
    written = [hit._replace(score=float(f"{hit.score:.9g}")) for hit in hits]
    return sorted(written, key=lambda hit: (hit.score, hit.doc_id), reverse=True)


def write_run(out: OutFolder, condition_id: str, run: Sequence[ScoredDoc]) -> None:
    """runs/<condition>.trec; `run` holds the hits of each query together, in `trec_order`."""
    lines: list[str] = []
    ranks: dict[str, int] = {}
    for query_id, doc_id, score in run:
        ranks[query_id] = ranks.get(query_id, 0) + 1
        lines.append(f"{query_id} Q0 {doc_id} {ranks[query_id]} {score:.9g} {condition_id}\n")
    write_whole(out.run(condition_id), "".join(lines))


def evaluate(
    out: OutFolder,
    condition_id: str,
    queries: Sequence[Query],
    judged: Judgments,
    run: Sequence[ScoredDoc],
    texts: Texts | None,
    *,
    k: int,
    measures: Sequence[str],
    extras: Sequence[str],
    judge: Judge | None,
) -> Evaluated:
    """Every measure of a run, per query into scores/<condition>.csv, and the means.

    Extras that read texts are left out where `texts` is None.
    """
    scores = measure(judged.qrels, run, measures)
    not_measured = too_deep(measures, k)
    scores = [score for score in scores if score.measure not in not_measured]
    usage = None
    shown = {doc_id for hits in first_hits(run, SHOWN_HITS).values() for doc_id in hits}
    relevant = {qrel.doc_id for qrel in judged.qrels if qrel.relevance > 0}
    if "spans" in extras and judged.places:
        scores += span_scores(queries, run, judged.places, SPAN_K)
        scores += precision_omega(queries, judged.places)
    if "ragas" in extras and texts:
        ragas = ragas_scores(queries, judged.qrels, run, texts.fetch(shown | relevant), min(k, SHOWN_HITS))
        scores += ragas.scores
        not_measured |= ragas.not_measured
    if "judge" in extras and texts:
        found = judged_scores(judge, queries, judged.qrels, run, texts.fetch(shown | relevant) if judge else {})
        scores += found.scores
        not_measured |= found.not_measured
        usage = found.usage if judge else None
    _write_scores(out, condition_id, queries, judged, run, scores)
    return Evaluated(Measured(scores, not_measured).means(len(queries)), usage)


def write_collection(out: OutFolder, queries: Sequence[Query], chunker: str, judged: Judgments) -> None:
    """queries.jsonl and qrels/<chunker>.tsv."""
    rows = (json.dumps(query._asdict(), ensure_ascii=False) + "\n" for query in queries)
    write_whole(out.queries, "".join(rows))
    lines = (f"{query_id}\t{doc_id}\t{relevance}\n" for query_id, doc_id, relevance in judged.qrels)
    write_whole(out.qrels(chunker), "query-id\tcorpus-id\tscore\n" + "".join(lines))


def write_texts(
    out: OutFolder, chunker: str, runs: Iterable[Sequence[ScoredDoc]], judged: Judgments, texts: Texts
) -> None:
    """texts/<chunker>.jsonl: the first hits of every run and of each query the first relevant documents."""
    wanted: dict[str, None] = {}
    for run in runs:
        for hits in first_hits(run, SHOWN_HITS).values():
            wanted |= dict.fromkeys(hits)
    relevant: dict[str, list[str]] = {}
    for qrel in judged.qrels:
        if qrel.relevance > 0:
            relevant.setdefault(qrel.query_id, []).append(qrel.doc_id)
    for doc_ids in relevant.values():
        wanted |= dict.fromkeys(doc_ids[:SHOWN_HITS])
    known = texts.fetch(wanted)
    rows = (json.dumps({"doc_id": doc_id, "text": known[doc_id]}, ensure_ascii=False) + "\n" for doc_id in wanted)
    write_whole(out.texts(chunker), "".join(rows))


def _write_scores(
    out: OutFolder,
    condition_id: str,
    queries: Sequence[Query],
    judged: Judgments,
    run: Sequence[ScoredDoc],
    scores: Sequence[Score],
) -> None:
    measures = list(dict.fromkeys(score.measure for score in scores))
    of_query: dict[str, dict[str, float]] = {}
    for score in scores:
        of_query.setdefault(score.query_id, {})[score.measure] = score.value
    hits, relevant = _count(run), _count(qrel for qrel in judged.qrels if qrel.relevance > 0)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["query_id", "category", "hits", "relevant", *measures])
    for query in queries:
        values = of_query.get(query.query_id, {})
        cells = [repr(round(values[name], 6)) if name in values else "" for name in measures]
        known = (query.query_id, query.category, hits.get(query.query_id, 0), relevant.get(query.query_id, 0))
        table.writerow([*known, *cells])
    write_whole(out.scores(condition_id), text.getvalue())


def _count(rows: Iterable[Qrel | ScoredDoc]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.query_id] = counts.get(row.query_id, 0) + 1
    return counts

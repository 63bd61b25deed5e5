"""ragas' context precision and recall without a language model, per query, with missing retrievals as 0."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from kit.bench.measures.judge_model import in_a_loop
from kit.bench.measures.measure import Measured
from kit.bench.records import Qrel, Query, Score, ScoredDoc
from kit.errors import KitError

MAX_PAIRS = 1_000_000  # comparisons of two texts, about a minute: above it only the ID scores are measured
TEXT_MEASURES = ("ragas-text-precision", "ragas-text-recall")


def ragas_scores(
    queries: Iterable[Query],
    qrels: Iterable[Qrel],
    run: Iterable[ScoredDoc],
    texts: Mapping[str, str] | None = None,
    k: int = 10,
) -> Measured:
    """ragas-ID-precision@k and -recall@k of each judged query; with `texts` also ragas-text-precision@k and -recall@k.

    The ID scores compare sets of ids, so they are blind to rank. The text scores (ragas' NonLLM…) take a hit as
    relevant when its text is at least half like a relevant one's, by edit distance; they need the text of every
    relevant document and of the first k hits. A judged query without hits scores 0, where ragas gives NaN and its
    own mean leaves it out.
    """
    judged: dict[str, list[str]] = {}
    for query_id, doc_id, relevance in qrels:
        judged.setdefault(query_id, [])
        if relevance > 0:
            judged[query_id].append(doc_id)
    hits = first_hits(run, k)
    asked = [query.query_id for query in queries if query.query_id in judged]
    pairs = sum(len(judged[q]) * len(hits.get(q, ())) for q in asked)
    left_out = ""
    if texts is None:
        left_out = "the texts were not given"
    elif pairs > MAX_PAIRS:
        left_out = f"{pairs:,} comparisons of texts; at most {MAX_PAIRS:,} are made"
    scores = in_a_loop(_scores(asked, judged, hits, None if left_out else texts, k))
    return Measured(scores, {f"{name}@{k}": left_out for name in TEXT_MEASURES if left_out})


def first_hits(run: Iterable[ScoredDoc], k: int) -> dict[str, list[str]]:
    """{query_id: doc_ids} of the first k hits, ranked as trec_eval ranks: by score, ties by doc_id from high to low."""
    hits: dict[str, list[ScoredDoc]] = {}
    for hit in run:
        hits.setdefault(hit.query_id, []).append(hit)
    ranked = {q: sorted(rows, key=lambda hit: (hit.score, hit.doc_id), reverse=True) for q, rows in hits.items()}
    return {query_id: [hit.doc_id for hit in rows[:k]] for query_id, rows in ranked.items()}


def text_of(texts: Mapping[str, str], doc_id: str) -> str:
    """The text of a document; KitError when it was not given."""
    try:
        return texts[doc_id]
    except KeyError:
        raise KitError(f"The text of {doc_id} is wanted to compare texts; it was not given.") from None


async def _scores(
    asked: Sequence[str],
    judged: Mapping[str, Sequence[str]],
    hits: Mapping[str, Sequence[str]],
    texts: Mapping[str, str] | None,
    k: int,
) -> list[Score]:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # read by ragas when it is imported
    from kit.bench.measures.ragas_metrics import context_metrics, sample

    metrics = context_metrics(texts is not None)
    scores = []
    for query_id in asked:
        relevant, found = judged[query_id], hits.get(query_id, [])
        both = None
        if texts is not None:
            both = [text_of(texts, doc_id) for doc_id in found], [text_of(texts, doc_id) for doc_id in relevant]
        row = sample(found, relevant, both)
        for name, metric in metrics.items():
            value = await metric.single_turn_ascore(row) if found and relevant else 0.0
            if isnan(value):
                raise KitError(f"ragas gave no {name} for the query {query_id}, though it has hits and judgments.")
            scores.append(Score(query_id, f"{name}@{k}", float(value)))
    return scores

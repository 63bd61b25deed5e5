"""ragas' metrics that a chat model judges, when KIT_JUDGE names one; without it they are not measured."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from kit.bench.measures.judge_model import Judge, JudgeError, Usage, in_a_loop
from kit.bench.measures.measure import Measured
from kit.bench.measures.ragas_scores import first_hits, text_of
from kit.bench.records import Mean, Qrel, Query, Score, ScoredDoc
from kit.errors import KitError

METRICS = ("context-precision", "context-recall", "faithfulness", "answer-relevancy", "factual-correctness")
WITHOUT = "KIT_JUDGE names no chat model"
AT_ONCE = 8  # requests under way
REFERENCES = 3  # relevant texts that make up the reference answer where the collection has none
_ANSWER = """Answer the question from the passages alone, in one to three sentences.
If they do not hold the answer, say that they do not.

Question: {question}

Passages:
{passages}"""


class Judged(NamedTuple):
    """Scores per query, what was not measured and why, and what it cost."""

    scores: list[Score]
    not_measured: dict[str, str]
    usage: Usage

    def means(self, of: int) -> dict[str, Mean]:
        """As `Measured.means`; where answers could not be used, the mean is over fewer queries and says so."""
        return Measured(self.scores, self.not_measured).means(of)


def not_measured(k: int = 5, why: str = WITHOUT) -> dict[str, str]:
    """Every metric of the judge with the reason why it has no number."""
    return {f"judge-{metric}@{k}": why for metric in METRICS}


def judged_scores(
    judge: Judge | None,
    queries: Iterable[Query],
    qrels: Iterable[Qrel],
    run: Iterable[ScoredDoc],
    texts: Mapping[str, str],
    k: int = 5,
    most: int = 50,
) -> Judged:
    """judge-context-precision@k, …-recall@k, judge-faithfulness@k, …-answer-relevancy@k, …-factual-correctness@k.

    The judge answers each query from its first k texts, then ragas asks it about texts and answer. The reference is
    the collection's answer, else the texts of the most relevant documents. At most `most` queries are judged, the
    same ones in every condition. A query without hits scores 0; one whose answers cannot be used stays out and is
    counted. A judge that does not answer leaves all of them not measured.
    """
    if judge is None:
        return Judged([], not_measured(k), Usage())
    references = _references(queries, qrels, texts)
    chosen = sorted(references, key=lambda query: hashlib.sha256(query.query_id.encode()).digest())[:most]
    hits = first_hits(run, k)
    cases = [_Case(q, [text_of(texts, d) for d in hits.get(q.query_id, [])], references[q]) for q in chosen]
    judge.usage = Usage(price=judge.usage.price)
    try:
        scores = in_a_loop(_judged(judge, cases, k))
    except KitError as error:
        return Judged([], not_measured(k, str(error)), judge.usage)
    names = {score.measure for score in scores}
    unusable = {n: why for n, why in not_measured(k, "no answer of the judge could be used").items() if n not in names}
    return Judged(scores, unusable, judge.usage)


class _Case(NamedTuple):
    query: Query
    contexts: list[str]
    reference: str


def _references(queries: Iterable[Query], qrels: Iterable[Qrel], texts: Mapping[str, str]) -> dict[Query, str]:
    """The reference answer of every query that has a relevant document."""
    relevant: dict[str, list[Qrel]] = {}
    for qrel in map(Qrel._make, qrels):
        if qrel.relevance > 0:
            relevant.setdefault(qrel.query_id, []).append(qrel)
    references = {}
    for query in queries:
        best = sorted(relevant.get(query.query_id, []), key=lambda qrel: (-qrel.relevance, qrel.doc_id))[:REFERENCES]
        if best:
            references[query] = query.answer or "\n\n".join(text_of(texts, qrel.doc_id) for qrel in best)
    return references


async def _judged(judge: Judge, cases: Sequence[_Case], k: int) -> list[Score]:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # read by ragas when it is imported
    from kit.bench.measures.ragas_metrics import JudgeMetrics

    metrics = JudgeMetrics(judge)
    gate = asyncio.Semaphore(AT_ONCE)

    async def scored(case: _Case) -> list[Score]:
        query_id, question = case.query.query_id, case.query.text
        if not case.contexts:
            return [Score(query_id, name, 0.0) for name in not_measured(k)]
        async with gate:
            given: dict[str, Any] = {"user_input": question, "retrieved_contexts": case.contexts}
            answer = await judge.ask(_ANSWER.format(question=question, passages="\n\n".join(case.contexts)))
            asked = (
                metrics.precision.ascore(**given, reference=case.reference),
                metrics.recall.ascore(**given, reference=case.reference),
                metrics.faithfulness.ascore(**given, response=answer),
                metrics.relevancy.ascore(user_input=question, response=answer),
                metrics.correctness.ascore(response=answer, reference=case.reference),
            )
            return [
                s for m, a in zip(METRICS, asked, strict=True) if (s := await _score(query_id, f"judge-{m}@{k}", a))
            ]

    found = await asyncio.gather(*map(scored, cases))
    return [score for scores in found for score in scores]


async def _score(query_id: str, name: str, asked: Any) -> Score | None:
    """The score of one metric, or None when the judge's answer cannot be used."""
    try:
        value = float((await asked).value)
    except (JudgeError, ValueError):
        return None
    return None if isnan(value) else Score(query_id, name, value)

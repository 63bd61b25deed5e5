"""IR measures of a run, per query and as means that say how many queries they are over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from kit.bench.records import DEFAULT_MEASURES, Mean, Qrel, Score, ScoredDoc
from kit.errors import KitError, nearest

if TYPE_CHECKING:
    import pandas as pd

    Qrels: TypeAlias = Iterable[Qrel] | pd.DataFrame | Mapping[str, Mapping[str, int]]
    Run: TypeAlias = Iterable[ScoredDoc] | pd.DataFrame | Mapping[str, Mapping[str, float]]

_FORMS = ("nDCG@10", "nDCG", "R@10", "R@100", "RR@10", "RR", "AP", "AP@100", "P@10", "Success@10", "Rprec", "Bpref")
_LEFT_OUT = ("IPrec",)  # pytrec_eval's recall levels are an older trec_eval's: 0.2096 on NIST's fixture, not 0.2098
READ_NEGATIVES = ("Bpref", "infAP")
_RR_CUT = re.compile(r"RR(\(.*\))?@(\d+)")


def measure(qrels: Qrels, run: Run, measures: Sequence[str] = DEFAULT_MEASURES) -> list[Score]:
    """Each measure of each judged query, as trec_eval computes it; in the order of the judgments.

    A judged query without hits scores 0; a query without judgments stays out. Hits are ranked by score, ties by
    doc_id from high to low. Measures are named as in ir_measures: nDCG@10, R@100, RR@10, AP, P@5, Success@1.
    AP and other measures without a cutoff are over the hits that the run has.

    Raises:
        KitError: no judgments, an unknown measure, a doc_id twice for a query, a score that is not a number.
    """
    import ir_measures

    judged = _nested(qrels, Qrel)
    ranked = _nested(run, ScoredDoc)
    if not any(judged.values()):
        raise KitError("Wanted judgments to measure with; found none.")
    for query_id, hits in ranked.items():
        if not all(map(isfinite, hits.values())):
            doc_id = next(doc_id for doc_id, score in hits.items() if not isfinite(score))
            raise KitError(f"Query {query_id}: the score of {doc_id} is {hits[doc_id]}; wanted a number.")

    asked = {name: _parsed(name) for name in measures}
    evaluators: list[Any] = [
        ir_measures.pytrec_eval.evaluator(measures_of, qrels_of)
        for measures_of, qrels_of in _without_negatives([computed for computed, _ in asked.values()], judged)
        if measures_of
    ]
    # Hits of the judged queries only; a query that yields nothing below keeps its 0.
    ranked = {query_id: hits for query_id, hits in ranked.items() if query_id in judged}
    found: dict[str, dict[str, float]] = {str(computed): {} for computed, _ in asked.values()}
    names = {computed: str(computed) for computed, _ in asked.values()}
    for invoker in (invoker for evaluator in evaluators for invoker in evaluator.invokers):
        by_measure = {key: found[names[computed]] for key, (computed, _) in invoker.measure_map.items()}
        for query_id, values in invoker.evaluator.evaluate(ranked).items():
            for key, value in values.items():
                by_measure[key][query_id] = value
    columns = [
        (name, found[names[computed]], 1 / cutoff if cutoff else 0) for name, (computed, cutoff) in asked.items()
    ]
    scores = []
    for query_id in judged:
        for name, values, least in columns:
            value = values.get(query_id, 0.0)
            scores.append(Score(query_id, name, value if value >= least else 0.0))
    return scores


def means(scores: Iterable[Score], of: int) -> dict[str, Mean]:
    """The mean of each measure over the queries that were scored; `of` is how many queries there are in all."""
    values: dict[str, list[float]] = {}
    for score in scores:
        values.setdefault(score.measure, []).append(score.value)
    return {name: Mean(fsum(column) / len(column), len(column), of) for name, column in values.items()}


class Measured(NamedTuple):
    """Scores per query, and by name what was not measured, with the reason."""

    scores: list[Score]
    not_measured: dict[str, str]

    def means(self, of: int) -> dict[str, Mean]:
        """Every measure's mean; one that was not measured has no value, but a reason."""
        return means(self.scores, of) | {name: Mean(None, 0, of, why) for name, why in self.not_measured.items()}


def too_deep(measures: Sequence[str], k: int) -> dict[str, str]:
    """The measures that k hits a query cannot give, with the reason; a k too small would read as a bad retriever."""
    cutoffs = {name: int(cut[1]) for name in measures if (cut := re.search(r"@(\d+)$", name))}
    return {name: f"needs {cut} hits a query; k is {k}" for name, cut in cutoffs.items() if cut > k}


def _without_negatives(measures: list[Any], judged: dict[str, dict[str, int]]) -> Iterator[tuple[list[Any], Any]]:
    """The measures with what judges them: grades below 0 count as 0, as trec_eval counts them.

    Not for Bpref and infAP, which read them as they are. With them trec_eval's nDCG over all hits can go on for ever.
    """
    if not any(relevance < 0 for of_query in judged.values() for relevance in of_query.values()):
        yield measures, judged
        return
    yield [measure for measure in measures if measure.NAME in READ_NEGATIVES], judged
    whole = {query_id: {doc: max(0, rel) for doc, rel in of_query.items()} for query_id, of_query in judged.items()}
    yield [measure for measure in measures if measure.NAME not in READ_NEGATIVES], whole


def _parsed(name: str) -> tuple[Any, int]:
    """What pytrec_eval computes for a measure, and the rank beyond which a reciprocal rank counts 0 (or 0)."""
    import ir_measures

    # trec_eval has no cutoff for the reciprocal rank: RR@10 is RR where that is at least 1/10.
    cut = _RR_CUT.fullmatch(name)
    try:
        parsed = ir_measures.parse_measure(f"RR{cut[1] or ''}" if cut else name)
        supported = ir_measures.pytrec_eval.supports(parsed) and parsed.NAME not in _LEFT_OUT
    except (NameError, ValueError, AssertionError, SyntaxError, TypeError):
        supported = False
    if not supported or (cut and int(cut[2]) < 1):
        raise KitError(f'No measure is called "{name}".{nearest(name, _FORMS)} There are: {", ".join(_FORMS)}.')
    return parsed, int(cut[2]) if cut else 0


def _nested(rows: Any, record: type[Qrel] | type[ScoredDoc]) -> dict[str, dict[str, Any]]:
    """{query_id: {doc_id: value}} of records, of a DataFrame with their columns, or of such a mapping itself."""
    if isinstance(rows, Mapping):
        return rows if isinstance(rows, dict) else dict(rows)
    if hasattr(rows, "itertuples"):
        missing = [column for column in record._fields if column not in rows.columns]
        if missing:
            raise KitError(
                f"Wanted the columns {', '.join(record._fields)}; found {', '.join(map(str, rows.columns))}."
            )
        rows = rows[list(record._fields)].itertuples(index=False)
    nested: dict[str, dict[str, Any]] = {}
    count = 0
    for query_id, doc_id, value in rows:
        nested.setdefault(query_id, {})[doc_id] = value
        count += 1
    if count > sum(map(len, nested.values())):
        raise KitError("A doc_id stands twice for a query, in the judgments or in the run; wanted each once.")
    return nested

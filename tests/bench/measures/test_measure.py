"""IR measures: equal to trec_eval's, per query and as means that count; ragas' scores with missing as 0."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from kit.bench.measures.measure import means, measure, too_deep
from kit.bench.measures.ragas_scores import ragas_scores
from kit.bench.records import Mean, Qrel, Query, Score, ScoredDoc
from kit.errors import KitError

QRELS = [
    Qrel("q1", "d1", 2),
    Qrel("q1", "d2", 1),
    Qrel("q1", "d3", 0),
    Qrel("q2", "d4", 1),
    Qrel("q3", "d5", 1),
]
RUN = [
    ScoredDoc("q1", "d3", 9.0),
    ScoredDoc("q1", "d1", 8.0),
    ScoredDoc("q2", "d4", 0.5),
    ScoredDoc("unjudged", "d1", 1.0),
]


NDCG_Q1 = (2 / 1.5849625) / (2 + 1 / 1.5849625)  # the document of relevance 2 at rank 2, log2(3) = 1.585


@pytest.mark.parametrize(
    ("query_id", "expected"),
    [
        ("q1", {"nDCG@10": NDCG_Q1, "R@10": 0.5, "R@100": 0.5, "RR@10": 0.5, "AP": 0.25, "P@10": 0.1, "Success@10": 1}),
        ("q2", {"nDCG@10": 1, "R@10": 1, "R@100": 1, "RR@10": 1, "AP": 1, "P@10": 0.1, "Success@10": 1}),
        ("q3", {"nDCG@10": 0, "R@10": 0, "R@100": 0, "RR@10": 0, "AP": 0, "P@10": 0, "Success@10": 0}),
    ],
)
def test_the_default_measures_are_as_computed_by_hand(query_id, expected):
    scores = {score.measure: score.value for score in measure(QRELS, RUN) if score.query_id == query_id}
    assert scores == pytest.approx(expected)


def test_a_judged_query_without_hits_scores_0_and_an_unjudged_one_stays_out():
    found = means(measure(QRELS, RUN, ["Success@1"]), of=5)
    assert found == {"Success@1": Mean(1 / 3, over=3, of=5)}


def test_ties_go_to_the_higher_document_id_as_in_trec_eval():
    tied = [ScoredDoc("q2", "d3", 1.0), ScoredDoc("q2", "d4", 1.0), ScoredDoc("q2", "d5", 1.0)]
    assert measure([Qrel("q2", "d4", 1)], tied, ["RR"]) == [Score("q2", "RR", 0.5)]
    assert measure([Qrel("q2", "d4", 1)], tied[::-1], ["RR"]) == [Score("q2", "RR", 0.5)]


def test_a_reciprocal_rank_beyond_the_cutoff_counts_0():
    run = [ScoredDoc("q", f"d{rank:02}", -rank) for rank in range(1, 13)]
    assert measure([Qrel("q", "d10", 1)], run, ["RR@10"])[0].value == 0.1
    assert measure([Qrel("q", "d11", 1)], run, ["RR@10"])[0].value == 0
    assert measure([Qrel("q", "d11", 1)], run, ["RR"])[0].value == pytest.approx(1 / 11)


def test_dataframes_and_mappings_give_the_same_scores_as_records():
    frames = measure(pd.DataFrame(QRELS), pd.DataFrame(RUN))
    mappings = measure({"q2": {"d4": 1}}, {"q2": {"d4": 0.5}})
    assert frames == measure(QRELS, RUN)
    assert mappings == [score for score in frames if score.query_id == "q2"]


@pytest.mark.parametrize(
    ("qrels", "run", "measures", "words"),
    [
        (QRELS, RUN, ["nDGC@10"], 'No measure is called "nDGC@10". Did you mean "nDCG@10"?'),
        (QRELS, RUN, ["IPrec@0.1"], 'No measure is called "IPrec@0.1"'),
        (QRELS, RUN, ["RR@0"], 'No measure is called "RR@0"'),
        ([], RUN, ["AP"], "Wanted judgments to measure with; found none."),
        (QRELS, [ScoredDoc("q1", "d1", float("nan"))], ["AP"], "Query q1: the score of d1 is nan; wanted a number."),
        (QRELS, [*RUN, RUN[0]], ["AP"], "A doc_id stands twice for a query"),
        (pd.DataFrame(QRELS)[["query_id"]], RUN, ["AP"], "Wanted the columns query_id, doc_id, relevance"),
    ],
)
def test_what_cannot_be_measured_is_said(qrels, run, measures, words):
    with pytest.raises(KitError, match=re.escape(words)):
        measure(qrels, run, measures)


def test_a_measure_deeper_than_the_hits_is_named_with_what_it_needs():
    assert too_deep(["nDCG@10", "R@100", "AP", "IPrec@0.1"], k=10) == {"R@100": "needs 100 hits a query; k is 10"}


TREC_NAMES = [
    (r"map", "AP"),
    (r"map_cut_(\d+)", "AP@{}"),
    (r"recip_rank", "RR"),
    (r"ndcg", "nDCG"),
    (r"ndcg_cut_(\d+)", "nDCG@{}"),
    (r"P_(\d+)", "P@{}"),
    (r"recall_(\d+)", "R@{}"),
    (r"success_(\d+)", "Success@{}"),
    (r"Rprec", "Rprec"),
    (r"bpref", "Bpref"),
    (r"infAP", "infAP"),
    (r"set_P", "SetP"),
    (r"set_map", "SetAP"),
    (r"set_recall", "SetR"),
]


def official(output: Path) -> dict[tuple[str, str], float]:
    """(query, measure) -> what trec_eval wrote, for every measure that the kit has too; `all` is its mean."""
    rows = [line.split() for line in output.read_text().splitlines()]
    return {(query, name): float(value) for trec, query, value in rows if (name := _ir_measures_name(trec))}


def measured(qrels: Path, run: Path, names: list[str], judged: int) -> dict[tuple[str, str], float]:
    """The same by the kit."""
    rows = [line.split() for line in qrels.read_text().splitlines()]
    hits = [line.split(None, 5) for line in run.read_text().splitlines()]
    scores = measure(
        [Qrel(query, doc, int(relevance)) for query, _, doc, relevance in rows],
        [ScoredDoc(query, doc, float(score)) for query, _, doc, _, score, _ in hits],
        names,
    )
    values = {(score.query_id, score.measure): score.value for score in scores}
    return values | {("all", name): mean.value for name, mean in means(scores, of=judged).items()}


def in_four_digits(values: dict[tuple[str, str], float], keys) -> dict[tuple[str, str], str]:
    return {key: f"{values[key]:.4f}" for key in keys}


def test_every_measure_equals_trec_evals_output_on_ties_negative_grades_and_missing_queries():
    folder = Path(__file__).parents[2] / "samples" / "trec_eval"
    wanted = official(folder / "output")
    names = sorted({name for _, name in wanted})
    found = measured(folder / "qrels", folder / "run", names, judged=11)
    assert len(wanted) > 300
    assert in_four_digits(found, wanted) == in_four_digits(wanted, wanted)


@pytest.mark.parametrize(("run", "output"), [("results.test", "out.test.aq"), ("results.trunc", "out.test.aqc")])
def test_every_measure_equals_the_output_that_comes_with_trec_eval(shared, run, output):
    folder = shared / "datasets" / "metrics" / "trec_eval"
    wanted = official(folder / output)
    found = measured(folder / "qrels.test", folder / run, sorted({name for _, name in wanted}), judged=3)
    assert len(wanted) > 100
    assert in_four_digits(found, wanted) == in_four_digits(wanted, wanted)


def _ir_measures_name(trec: str) -> str | None:
    for pattern, name in TREC_NAMES:
        if match := re.fullmatch(pattern, trec):
            return name.format(*match.groups())
    return None


TEXTS = {
    "d1": "The cat sat on the mat.",
    "d2": "It rained all day.",
    "d3": "The cat sat on a mat.",
    "d4": "x",
    "d5": "y",
}
QUERIES = [Query(name, "?") for name in ("q1", "q2", "q3", "unjudged")]


def test_ragas_scores_count_a_query_without_hits_as_0_where_ragas_itself_drops_it():
    found = ragas_scores(QUERIES, QRELS, RUN).means(of=4)
    assert found["ragas-ID-precision@10"] == Mean((0.5 + 1 + 0) / 3, over=3, of=4)
    assert found["ragas-ID-recall@10"] == Mean((0.5 + 1 + 0) / 3, over=3, of=4)


def test_a_text_like_a_relevant_one_counts_for_the_text_scores_but_not_for_the_ids():
    measured = ragas_scores(QUERIES[:1], QRELS, [ScoredDoc("q1", "d3", 1.0)], TEXTS)
    scores = {score.measure: round(score.value, 4) for score in measured.scores}
    assert scores["ragas-ID-precision@10"] == 0
    assert scores["ragas-text-precision@10"] == 1
    assert scores["ragas-text-recall@10"] == 0.5


def test_text_scores_that_are_not_measured_say_why(monkeypatch):
    assert ragas_scores(QUERIES, QRELS, RUN).means(4)["ragas-text-recall@10"].reason == "the texts were not given"
    monkeypatch.setattr("kit.bench.measures.ragas_scores.MAX_PAIRS", 4)
    dear = ragas_scores(QUERIES, QRELS, RUN, TEXTS).means(4)["ragas-text-precision@10"]
    assert dear == Mean(None, 0, 4, "5 comparisons of texts; at most 4 are made")


@pytest.mark.parametrize("words", [2, 3, 4, 5, 6])
def test_the_text_scores_are_those_of_ragas_own_similarity(words):
    import asyncio

    from ragas import SingleTurnSample
    from ragas.metrics._context_precision import NonLLMContextPrecisionWithReference
    from ragas.metrics._context_recall import NonLLMContextRecall

    found = [" ".join("abcdefgh"[n : n + words]) for n in range(4)]
    texts = {f"d{n}": text for n, text in enumerate(found)} | {"r1": "a b c x y", "r2": "d e f"}
    qrels = [Qrel("q", "r1", 1), Qrel("q", "r2", 1)]
    run = [ScoredDoc("q", f"d{n}", -n) for n in range(4)]
    sample = SingleTurnSample(retrieved_contexts=found, reference_contexts=[texts["r1"], texts["r2"]])
    theirs = [
        asyncio.run(metric.single_turn_ascore(sample))
        for metric in (NonLLMContextPrecisionWithReference(), NonLLMContextRecall())
    ]
    ours = ragas_scores([Query("q", "?")], qrels, run, texts).scores
    assert [score.value for score in ours if "text" in score.measure] == theirs


def test_a_text_that_was_not_given_is_named():
    with pytest.raises(KitError, match="The text of d2 is wanted"):
        ragas_scores(QUERIES[:1], QRELS, RUN, {"d1": "x", "d3": "y"})


def test_a_cutoff_of_one_is_a_measure_and_of_none_is_not():
    judged, hits = {"q": {"a": 1, "b": 1}}, {"q": {"b": 2.0, "c": 1.0}}
    assert [score.value for score in measure(judged, hits, ["RR@1", "P@1"])] == [1.0, 1.0]
    with pytest.raises(KitError, match='No measure is called "RR@0"'):
        measure(judged, hits, ["RR@0"])


def test_grades_below_0_count_as_0_beside_grades_of_0_and_above():
    judged = {"q": {"a": 2, "b": 0, "c": -1}}
    best = measure(judged, {"q": {"a": 3.0, "b": 2.0, "c": 1.0}}, ["nDCG@3"])
    assert [score.value for score in best] == [1.0]
    without = measure({"q": {"a": 2, "b": 0}}, {"q": {"b": 2.0, "a": 1.0}}, ["nDCG@3"])
    with_one = measure(judged, {"q": {"b": 2.0, "a": 1.0}}, ["nDCG@3"])
    assert [score.value for score in with_one] == [score.value for score in without]

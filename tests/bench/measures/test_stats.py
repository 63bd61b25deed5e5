"""Uncertainty: intervals, the randomisation test and Holm's correction, against scipy and by their properties."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.bench.measures import stats
from kit.bench.measures.stats import Difference, holm, intervals, paired_tests, randomisation_p
from kit.errors import KitError

RNG = np.random.default_rng(7)
BASE = RNG.random(120)
SHIFTED = np.clip(BASE + RNG.normal(0.05, 0.1, 120), 0, 1)
scores = st.lists(st.floats(0, 1), min_size=2, max_size=20)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def compare(a, b) -> Difference:
    return paired_tests([("a", "b", "nDCG@10", np.asarray(a, dtype=float), np.asarray(b, dtype=float))])[0]


def test_the_interval_is_scipys_percentile_bootstrap():
    from scipy.stats import bootstrap

    theirs = bootstrap((BASE,), np.mean, method="percentile", n_resamples=10_000, rng=1).confidence_interval
    assert intervals(BASE[:, None])[:, 0] == pytest.approx(list(theirs), abs=0.004)


@pytest.mark.parametrize("queries", [8, 120])
def test_p_is_scipys_permutation_test_exact_for_few_queries(queries):
    from scipy.stats import permutation_test

    a, b = BASE[:queries], SHIFTED[:queries]
    mean_difference = lambda x, y, axis: np.mean(x - y, axis=axis)  # noqa: E731
    theirs = permutation_test((a, b), mean_difference, permutation_type="samples", vectorized=True, rng=1).pvalue
    assert randomisation_p((b - a)[:, None])[0] == pytest.approx(theirs, abs=1e-12 if queries == 8 else 0.005)


def test_of_two_runs_alike_one_in_twenty_looks_different_and_no_more():
    p = randomisation_p(RNG.normal(0, 1, (30, 400)), resamples=1000)
    assert 0.02 < (p < 0.05).mean() < 0.08


def test_the_interval_holds_the_true_mean_about_19_times_in_20():
    low, high = intervals(RNG.normal(0.3, 0.2, (60, 400)), resamples=1000)
    assert 0.90 < ((low <= 0.3) & (high >= 0.3)).mean() < 0.98


def test_a_clear_difference_is_better_and_the_other_way_round_worse():
    assert compare(BASE, SHIFTED).verdict == "better"
    assert compare(SHIFTED, BASE).verdict == "worse"
    assert compare(BASE, SHIFTED).low > 0 > compare(SHIFTED, BASE).high


def test_noise_is_called_not_significant_in_words():
    noise = compare([0.1, 0.5, 0.9, 0.3], [0.2, 0.4, 1.0, 0.3])
    assert noise.verdict == "not significant"
    assert noise.words.startswith("not significant (+0.0250, 95% interval ")
    assert noise.words.endswith("p = 1.0000; 2 better, 1 equal, 1 worse)")


def test_a_run_against_itself_is_equal_on_every_query():
    same = compare(BASE, BASE)
    assert (same.verdict, same.p, same.low, same.high, same.ties) == ("equal on every query", 1, 0, 0, 120)


def test_what_is_significant_alone_need_not_be_among_many_comparisons():
    many = [("a", "b", "AP", BASE[:9], RNG.permutation(BASE[:9])) for _ in range(40)]
    gain = ("a", "b", "AP", BASE[:9], BASE[:9] + np.array([0.1] * 8 + [-0.01]))
    assert paired_tests([gain])[0].verdict == "better"
    assert paired_tests([gain, *many])[0].p < 0.05
    assert paired_tests([gain, *many])[0].verdict == "not significant"


def test_holm_is_as_in_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_holm_keeps_the_order_and_never_lowers_a_p(values):
    corrected = holm(values)
    in_order = [after for _, after in sorted(zip(values, corrected, strict=True))]
    assert in_order == sorted(in_order)
    assert all(value <= after <= 1 for value, after in zip(values, corrected, strict=True))


@given(scores)
@example([4.868783347416672e-230] * 2)
def test_the_interval_lies_between_the_least_and_the_greatest_score(values):
    low, high = intervals(np.array(values)[:, None], resamples=200)[:, 0]
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@given(scores, st.randoms())
def test_p_does_not_depend_on_the_order_of_queries_or_on_which_run_is_first(values, random):
    differences = np.array(values) - 0.4
    shuffled = list(differences)
    random.shuffle(shuffled)
    p = randomisation_p(differences[:, None], resamples=500)[0]
    assert 0 < p <= 1
    assert randomisation_p(-differences[:, None], resamples=500)[0] == pytest.approx(p)
    assert randomisation_p(np.array(shuffled)[:, None], resamples=500)[0] == pytest.approx(p, abs=0.15)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    assert (intervals(BASE[:, None], seed=1) == intervals(BASE[:, None], seed=1)).all()
    assert (intervals(BASE[:, None], seed=1) != intervals(BASE[:, None], seed=2)).any()


def test_more_queries_than_fit_in_a_block_at_once_give_the_same_kind_of_interval(monkeypatch):
    whole = intervals(BASE[:, None])
    monkeypatch.setattr("kit.bench.measures.stats._BLOCK", 1000)
    assert intervals(BASE[:, None]) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([0.1, 0.2], [0.1], "a has 2 scores of nDCG@10, b has 1; wanted pairs."),
        ([], [], "Wanted scores as (queries, columns), at least one of each; found the shape (0, 1)."),
        (
            [0.1, float("nan")],
            [0.1, 0.2],
            "Wanted a score of every query in every column; found some that are missing.",
        ),
    ],
)
def test_scores_that_cannot_be_paired_are_said(a, b, words):
    with pytest.raises(KitError, match=re.escape(words)):
        compare(a, b)


def test_resamples_come_in_blocks_that_follow_each_other_and_end_with_the_rest(monkeypatch):
    monkeypatch.setattr(stats, "_BLOCK", 80)
    assert list(stats._blocks(10, 20)) == [slice(0, 4), slice(4, 8), slice(8, 10)]
    differences = np.array([[(-1) ** n * 1.0] for n in range(20)])  # their sum is 0: every pattern is as large
    assert randomisation_p(differences, resamples=10)[0] == 1.0


def test_sums_that_differ_by_rounding_alone_are_no_win():
    (difference,) = paired_tests([("A", "B", "nDCG@10", [0.3, 0.5], [0.1 + 0.2, 0.5])])
    assert (difference.wins, difference.ties, difference.losses) == (0, 2, 0)

"""The validation of made questions: it trusts a kind that orders rows as human questions do, and no other."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from benchmarks.questions import COLLECTIONS, QUESTIONS, taus_of, trusted, write_collection
from kit.bench.collections.open import open_collection
from tests.bench.beir import beir_folder, jsonl, write

ROWS = ["bm25", "dense", "hybrid", "mmr"]
ORDER = [0.1, 0.4, 0.6, 0.9]


def scores(of_kind: dict[str, list[float]], questions: int = QUESTIONS) -> pd.DataFrame:
    """A row a question, each kind with the same scores for all of its questions."""
    rows = {f"{kind}:{number}": values for kind, values in of_kind.items() for number in range(questions)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=ROWS)


def test_a_kind_in_the_human_order_has_a_tau_of_1_and_one_turned_round_of_minus_1():
    taus = taus_of(scores({"human": ORDER, "heading": [0.2, 0.3, 0.4, 0.5], "masked": ORDER[::-1]}))
    assert taus["two human halves"] == (1.0, QUESTIONS)
    assert taus["heading"] == (1.0, QUESTIONS) and taus["masked"] == (pytest.approx(-1), QUESTIONS)


def test_a_kind_with_few_questions_has_no_tau():
    few = scores({"heading": ORDER}, QUESTIONS - 1)
    assert set(taus_of(pd.concat([scores({"human": ORDER}), few]))) == {"two human halves"}


@pytest.mark.parametrize(
    ("taus", "kinds"),
    [
        ([0.7] * COLLECTIONS, {"heading"}),
        ([0.9] * (COLLECTIONS - 1), set()),
        ([0.9] * COLLECTIONS + [0.69], set()),
    ],
)
def test_a_kind_is_trusted_where_its_tau_is_enough_on_each_of_enough_collections(taus, kinds):
    of_kind = {f"collection {number}": tau for number, tau in enumerate(taus)}
    assert trusted({"heading": of_kind, "two human halves": of_kind}) == kinds


def test_both_sorts_of_questions_are_asked_of_the_same_texts(tmp_path):
    folder = beir_folder(tmp_path / "judged")
    sentence = "Late in the evening a keeper saw animal {} leave its warm shelter and walk along the frozen river."
    rows = [{"_id": f"d{n}", "text": f"Notes of day {n}\n{sentence.format(100 + n)}"} for n in range(60)]
    write(folder / "corpus.jsonl", jsonl(rows))
    queries = [{"_id": f"q{n}", "text": f"Which animal was seen on day {n}?"} for n in range(8)]
    write(folder / "queries.jsonl", jsonl(queries))
    write_collection(str(folder), tmp_path / "both", 5)
    both, judged = open_collection(str(tmp_path / "both")), open_collection(str(folder))
    assert [text.page_content for text in both.documents()] == [text.page_content for text in judged.documents()]
    kinds = Counter(query.query_id.partition(":")[0] for query in both.queries)
    assert kinds == {
        "human": 8,
        "heading": 5,
        "keyphrase": 5,
        "masked": 1,
    }  # without its number a sentence is the others' again

"""Kinds of questions, and two rows that tie overall and win on different ones."""

from __future__ import annotations

from kit.bench.measures.kinds import by_kind, kinds_of
from kit.bench.report.leaderboard import kind_rows, rank_conditions
from kit.bench.report.report import report_page
from kit.bench.report.summary import kind_sentences
from tests.bench.samples import QUERIES, write_out


def test_a_question_s_kinds_are_told_by_its_words():
    kinds = kinds_of("Where was Marie Curie born in 1867?", ["Marie Curie was born in Warsaw in 1867."])
    assert kinds.all == ("many words shared with the answer", "long", "with a name", "with a number")
    assert kinds_of("who wrote this", ["An author."]).all == (
        "few words shared with the answer", "short", "without a name", "without a number",
    )  # fmt: skip
    assert kinds_of("?", []).all == ("short", "without a name", "without a number")


def test_a_question_that_repeats_six_words_of_its_answer_is_told():
    text = "The boundary layer of a thin plate in a hypersonic stream grows slowly."
    assert kinds_of("boundary layer of a thin plate", [text]).copies
    assert not kinds_of("boundary layer of thin plates in streams", [text]).copies


def test_kinds_that_say_nothing_are_left_out():
    kinds = {f"q{n}": kinds_of("one two" if n < 6 else "one two three four five six", []) for n in range(12)}
    assert {kind: len(ids) for kind, ids in by_kind(kinds).items()} == {"short": 6, "long": 6}


def test_rows_that_tie_overall_and_win_on_opposite_questions_are_seen(tmp_path):
    ranks = [[1] * 15 + [0] * 15, [0] * 15 + [1] * 15]
    out = write_out(tmp_path, {"dense": ranks[0], "bm25": ranks[1]})
    board = rank_conditions(out, out.read())
    rows = kind_rows(board, {"short": QUERIES[:15], "long": QUERIES[15:]}, 7)
    assert {row.kind: row.winner for row in rows} in ({"short": 1, "long": 2}, {"short": 2, "long": 1})
    said = next(kind_sentences(board, rows, {}))
    assert "By kind of question the first two rows differ" in said
    assert "of at most 5 words" in said and "of more than 5 words" in said


def test_the_report_says_that_questions_copy_their_answers(tmp_path):
    out = write_out(tmp_path, {"dense": [1] * 30, "bm25": [2] * 30})  # with seven words in all questions and texts
    assert "30 of 30 judged questions repeat 6 words in a row" in report_page(out)

"""The tables that the notebooks show: what a reader compares stays, what differs from run to run does not."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from kit.texts.tables import chunks_table, compare_hits, excerpt, hits_table


def hit(text: str, score: float, **metadata):
    return Document(text, metadata=metadata), score


def test_a_hit_has_rank_score_metadata_and_its_beginning_but_no_key_of_the_engine():
    table = hits_table([hit("near\nenough", 0.91239, pk=7, year=2022), hit("far", 0.5, pk=8, year=2023)])
    assert table.to_dict("records") == [
        {"rank": 1, "score": 0.9124, "year": 2022, "text": "near enough"},
        {"rank": 2, "score": 0.5, "year": 2023, "text": "far"},
    ]


@pytest.mark.parametrize("scores", [(0.9, 0.5, 0.5, 0.1), (-17.0, -5.0, -5.0, -1.0)])
def test_the_engines_order_is_kept_and_equal_scores_stand_in_the_order_of_their_text(scores):
    texts = hits_table([hit(text, score) for text, score in zip("dcba", scores, strict=True)])["text"]
    assert "".join(texts) == "dbca"


def test_no_hits_are_an_empty_table():
    assert hits_table([]).empty


def test_a_chunk_has_its_length_its_metadata_and_its_beginning():
    (row,) = chunks_table([Document("a  b\n" * 40, metadata={"start_index": 3})]).to_dict("records")
    assert (row["characters"], row["start_index"]) == (200, 3)
    assert row["text"] == excerpt("a b " * 40) == ("a b " * 40)[:69].rstrip() + "…"


def test_the_words_of_the_question_are_marked_and_all_else_is_escaped():
    table = hits_table([hit("The <b>Court</b> named a judge.", 0.9, source="a<b>.txt")], question="Which court judges?")
    shown = table._repr_html_()
    assert "&lt;b&gt;<mark>Court</mark>&lt;/b&gt; named a judge." in shown
    assert "<b>" not in shown and "a&lt;b&gt;.txt" in shown
    assert shown == table._repr_html_() and "Hits for: Which court judges?" in shown
    assert list(table.columns) == ["rank", "score", "source", "text"]


@given(st.text(max_size=60), st.text(max_size=30))
def test_whatever_stands_in_a_text_is_shown_as_it_stands(text, question):
    table = hits_table([hit(text, 0.5)], question=question)
    cell = re.findall(r'<td id="T_hits_[0-9a-f]{8}_row0_col3"[^>]*>(.*?)</td>', table._repr_html_(), re.DOTALL)[0]
    assert html.unescape(re.sub(r"</?mark>", "", cell)) == table["text"][0]


def test_of_a_long_text_the_piece_with_most_words_is_shown_and_with_none_its_beginning():
    long = "a judge " + "x " * 100 + "the judge spoke to nobody"
    assert "judge spoke" in hits_table([hit(long, 0.5)], question="Which judge spoke?")["text"][0]
    assert hits_table([hit(long, 0.5)], question="nothing")["text"][0].startswith("a judge x x")


def test_two_lists_stand_side_by_side_in_the_order_of_the_second_with_what_moved():
    first = [hit("a", 0.9, source="s"), hit("b", 0.8, source="s"), hit("c", 0.7, source="s"), hit("d", 0.6, source="s")]
    second = [
        hit("b", 2.0, source="s"),
        hit("a", 1.5, source="s"),
        hit("c", 1.2, source="s"),
        hit("e", 1.0, source="s"),
    ]
    table = compare_hits(first, second, names=("meaning", "words"))
    assert list(table.columns) == ["meaning", "words", "moved", "source", "text"]
    assert table["text"].tolist() == ["b", "a", "c", "e", "d"]
    assert table["moved"].tolist() == ["up 1", "down 1", "same", "only words", "only meaning"]
    assert table["meaning"].fillna(0).tolist() == [2, 1, 3, 0, 4]


def test_one_text_in_two_sources_is_two_hits_and_a_hit_held_twice_has_its_better_rank():
    first = [hit("a", 0.9, source="s"), hit("a", 0.9, source="s"), hit("a", 0.9, source="t")]
    table = compare_hits(first, [hit("a", 0.9, source="t")])
    assert table[["first", "source", "moved"]].values.tolist() == [[3, "t", "up 2"], [1, "s", "only first"]]


def test_tables_of_a_page_have_ids_of_their_own_that_are_the_same_in_every_run():
    pages = [hits_table([hit(text, 0.5)], question="cat?")._repr_html_() for text in ("a cat", "a dog", "a cat")]
    names = [re.findall(r'<table id="(\w+)"', page)[0] for page in pages]
    assert names[0] != names[1] and names == [names[2], names[1], names[0]]


def test_compared_texts_are_escaped_and_two_empty_lists_are_an_empty_table():
    assert "<b>" not in compare_hits([hit("<b>x", 0.9)], [])._repr_html_()
    assert compare_hits([], []).empty

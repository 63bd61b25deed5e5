"""The tables that the notebooks show: what a reader compares stays, what differs from run to run does not."""

import pytest
from langchain_core.documents import Document

from kit.texts.tables import chunks_table, excerpt, hits_table


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

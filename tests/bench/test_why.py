"""Which of several changes lost the queries."""

from __future__ import annotations

import pytest

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.report.compare import open_side
from kit.bench.run.run import run_grid
from kit.bench.run.why import RETURNED, _judged, _verdict, find_cause, setup
from kit.errors import KitError
from tests.bench.beir import beir_folder

BACKWARDS = "tests.bench.own_reranker:Backwards"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Runs a retriever with an embedder and a chunker into a folder of its own: its side."""
    root = tmp_path_factory.mktemp("why")
    folder = str(beir_folder(root / "beir", 120))

    def side(name: str, retriever: str, chunker: str = "whole", k: int = 20):
        grid = Grid(dataset=folder, retrievers=[retriever], embeddings=["wordllama"], chunkers=[chunker], k=k,
                    measures=["nDCG@10"], extras=[])  # fmt: skip
        run_grid(grid, OutFolder(root / name), timed=False)
        return open_side(str(root / name))

    return side


def test_one_change_is_named_from_what_was_measured(measured):
    a, b = measured("a", "bm25:tokens=words"), measured("b", f"bm25:tokens=words+rerank={BACKWARDS}")
    cause = find_cause(a, b)
    assert (cause.cause, cause.tried[0].returned) == ("reranker", 1.0)
    assert "the reranker" in cause.words


def test_of_several_changes_the_one_that_returns_the_queries_is_named(measured):
    a = measured("a", "bm25:tokens=words")
    b = measured("c", f"bm25:tokens=english:k1=1.3+rerank={BACKWARDS}", k=30)
    cause = find_cause(a, b)
    assert [one.factor for one in cause.tried] == ["words", "k", "reranker"]
    assert cause.cause == "reranker"
    assert max(one.returned for one in cause.tried if one.factor != "reranker") < RETURNED


def test_what_only_two_changes_together_lost_is_not_separable(measured):
    a, b = measured("a", "bm25:tokens=words"), measured("c", f"bm25:tokens=english:k1=1.3+rerank={BACKWARDS}", k=30)
    cause = find_cause(a, b)
    both_half = [one._replace(returned=0.5) for one in cause.tried]
    both_whole = [one._replace(returned=0.9) for one in cause.tried]
    import pandas as pd

    table, loss = pd.DataFrame({"a": [1.0], "b": [0.0]}), pd.Series([1.0])
    assert _verdict(both_half, {}, table, loss)[0] == ""
    assert "not separable, for no factor alone returns it" in _verdict(both_half, {}, table, loss)[1]
    assert "not separable, for several factors return it" in _verdict(both_whole, {}, table, loss)[1]


def test_nothing_lost_and_sides_that_are_no_row_are_told(measured):
    a = measured("a", "bm25:tokens=words")
    assert find_cause(a, a).words == "No query was lost: none of 8 scores less."
    two = OutFolder(a.out.path.parent / "two")
    grid = Grid(dataset=str(a.out.path.parent / "beir"), retrievers=["bm25:tokens=words", "bm25"], k=20, extras=[],
                measures=["nDCG@10"])  # fmt: skip
    run_grid(grid, two, timed=False)
    with pytest.raises(KitError, match="holds 2 measured rows .* wanted: one: FOLDER::CONDITION"):
        find_cause(open_side(str(two.path)), a)


def test_a_factor_that_cannot_stand_alone_is_said(measured):
    a = measured("a", "bm25:tokens=words")
    of_a = setup(a.rows[0], 20)
    back = _judged("words", of_a, of_a, "no stemmer", None, None)
    assert (back.returned, back.why_not) == (None, "no stemmer")


@pytest.mark.parametrize("pair", [("bm25:tokens=english", "dense"), ("dense", "bm25:tokens=english:k1=9:b=0")])
def test_the_words_of_a_method_that_the_other_lacks_are_no_factor_of_their_own(measured, pair):
    name = pair[0].partition(":")[0]
    a, b = measured(f"{name}-a", pair[0]), measured(f"{name}-b", pair[1], k=30)
    tried = [one.factor for one in find_cause(a, b).tried]
    assert "words" not in tried
    assert all(one.returned is not None for one in find_cause(a, b).tried)

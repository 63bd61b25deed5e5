"""Rows that come and go: a whole cycle loses nothing on an exact index, and a lost row is an error."""

from __future__ import annotations

import pytest

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.report.report import report_page
from kit.bench.report.summary import churn_sentences
from kit.bench.run import churn
from kit.bench.run.run import run_grid
from tests.bench.beir import beir_folder


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = str(beir_folder(tmp_path_factory.mktemp("beir"), 60))
    return Grid(dataset=folder, retrievers="dense,bm25", embeddings="wordllama", k=10, measures="nDCG@10",
                extras="none", churn="0,2")  # fmt: skip


@pytest.fixture(scope="module")
def done(grid, tmp_path_factory):
    out = OutFolder(tmp_path_factory.mktemp("out"))
    return out, run_grid(grid, out, timed=False)


def test_an_exact_index_finds_after_cycles_what_it_found_before(done):
    rows = {row.id: row for row in done[1].rows}
    plain = rows["milvus-lite.dense.wordllama.whole"]
    churned = rows["milvus-lite.dense.wordllama.whole.after-churn-2"]
    assert [cycle.number for cycle in churned.churn] == [0, 1, 2] and not plain.churn
    assert {(cycle.recall, cycle.recall_filtered, cycle.short_queries) for cycle in churned.churn} == {(1.0, 1.0, 0)}
    assert {round(cycle.score, 9) for cycle in churned.churn} == {round(plain.scores["nDCG@10"].value, 9)}
    assert churned.scores["nDCG@10"].value == pytest.approx(plain.scores["nDCG@10"].value)
    assert " --churn 2 " in churned.command and "--churn" not in plain.command


def test_the_report_and_the_summary_tell_of_every_cycle(done):
    page = report_page(done[0])
    assert page.count('<td class="number">2</td>') >= 2 and "After rows came and went: " in page
    sentence = next(s for s in churn_sentences(done[1]) if "dense" in s)
    assert "over 2 cycles that ended with the same rows; recall against exact search 1.0000 to 1.0000" in sentence


def test_rows_that_are_deleted_and_never_come_back_are_an_error(grid, tmp_path, monkeypatch):
    def lose(store, chunks, places):
        ids = [chunk.id for place, chunk in enumerate(chunks) if place in places]
        store.vector_store.client.delete(store.name, ids=ids)

    monkeypatch.setattr(churn, "turn_over", lose)
    only = grid.model_copy(update={"retrievers": ["dense"], "churn": [1]})
    (row,) = run_grid(only, OutFolder(tmp_path), timed=False).rows
    assert (row.status, row.reason[:35]) == ("failed", "Milvus holds 48 rows of the 60 that")

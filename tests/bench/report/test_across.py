"""Several collections side by side, one row as the baseline, and tables for other people's pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from kit.bench.commands.results import export, report
from kit.bench.report.across import side_by_side
from kit.bench.report.leaderboard import rank_conditions
from kit.bench.report.report import report_page
from kit.bench.report.summary import summary_sentences
from kit.errors import KitError
from kit.reports.html import SCRIPT
from tests.bench.samples import condition, write_out

GOOD, MIDDLING, POOR = [1] * 30, [1, 2, 3] * 10, [0, 3] * 15
app = typer.Typer()
app.command()(report)
app.command()(export)


@pytest.fixture
def outs(tmp_path):
    cats = write_out(tmp_path / "cats", {"dense": GOOD, "bm25": POOR})
    dogs = write_out(tmp_path / "dogs", {"dense": POOR, "bm25": GOOD, "mmr": GOOD})
    dogs.write(replace(dogs.read(), dataset=replace(dogs.read().dataset, name="dogs", fingerprint="d" * 64)))
    return [cats.path, dogs.path]


def test_each_collection_has_its_own_best_rows_and_nothing_is_averaged(outs):
    across = side_by_side(outs)
    lines = {line.condition_id.split(".")[1]: (line.leads, line.measured) for line in across.lines}
    assert lines == {"bm25": (1, 2), "dense": (1, 2), "mmr": (1, 1)}
    assert [column.name for column in across.columns] == ["cats test", "dogs test"]
    dense = next(line for line in across.lines if ".dense." in line.condition_id)
    assert [across.columns[n].leads(place) for n, place in enumerate(dense.places)] == [True, False]


def test_the_page_of_several_collections_is_one_file(outs, tmp_path):
    shown = CliRunner().invoke(app, ["report", *map(str, outs)])
    page = (tmp_path / "report.html").read_text()
    assert shown.stdout == f"Wrote {tmp_path / 'report.html'}\n"
    assert "Retrieval on 2 collections" in page
    assert "There is no average over collections" in page
    assert "<script" not in page.replace(f"<script>{SCRIPT}</script>", "")


def test_two_runs_on_one_collection_are_no_two_collections(outs):
    with pytest.raises(KitError, match="are both on cats test; wanted: one folder a collection"):
        side_by_side([outs[0], outs[0]])


def test_a_baseline_costs_fewer_comparisons_so_that_a_real_difference_is_seen(tmp_path):
    # 9 queries are better, none worse: p = .0039, which 28 comparisons lift above .05 and 7 do not.
    better = [1] * 9 + [2] * 21
    out = write_out(tmp_path / "out", {f"r{n}": [2] * 30 for n in range(7)} | {"new": better})
    results, new = out.read(), condition("new").id
    everything, against = rank_conditions(out, results), rank_conditions(out, results, baseline="r0")
    assert everything.places[0].row.id == new and everything.places[0].beats == ()
    base = against.places[against.baseline - 1]
    assert (base.row.condition.retriever, against.places[0].beats) == ("r0", (base.place,))
    said = " ".join(summary_sentences(results, against))
    assert f"Against the baseline {base.row.id}" in said and f"{new} (row 1) is significantly better" in said
    assert "Against the baseline" in report_page(out, baseline="r0")


def test_a_baseline_that_is_no_row_is_told(outs):
    with pytest.raises(KitError, match='The baseline "bm52" should name one condition; no measured condition has it'):
        rank_conditions(*(lambda out: (out, out.read()))(side_by_side(outs).columns[0].out), baseline="bm52")


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (
            "markdown",
            "| 1 | milvus-lite.dense.minilm.whole | **1.0000** | **1.0000** | **1.0000** | 1.0000–1.0000 | 2 |",
        ),
        ("csv", "1,milvus-lite.dense.minilm.whole,1.0000,1.0000,1.0000,1.0000–1.0000,2"),
        ("latex", r"1 & milvus-lite.dense.minilm.whole & \textbf{1.0000} & \textbf{1.0000} & \textbf{1.0000}"),
    ],
)
def test_a_run_s_table_is_exported(outs, form, line):
    shown = CliRunner().invoke(app, ["export", str(outs[0]), "--format", form])
    assert line in shown.stdout


def test_the_table_of_several_collections_is_exported_into_a_file(outs, tmp_path):
    CliRunner().invoke(app, ["export", *map(str, outs), "--to", str(tmp_path / "t.md")])
    assert "| milvus-lite.mmr.minilm.whole | – | **1.0000** | 1 of 1 |" in (tmp_path / "t.md").read_text()
    wrong = CliRunner().invoke(app, ["export", str(outs[0]), "--format", "xlsx"])
    assert str(wrong.exception) == 'No form is called "xlsx"; wanted: markdown, csv, latex.'

"""Another system's run as a row."""

from __future__ import annotations

import gzip
import re

import pytest
import typer
from typer.testing import CliRunner

from kit.bench.collections.open import open_collection
from kit.bench.commands.add import add
from kit.bench.out_folder import OutFolder
from kit.bench.report.leaderboard import rank_conditions
from kit.bench.report.report import report_page
from kit.bench.run.imported import add_run
from kit.errors import KitError
from tests.bench.beir import beir_folder
from tests.bench.samples import QUERIES, write_out

app = typer.Typer()
app.command()(add)


def trec(rank: int, tab: str = " ") -> str:
    lines = [
        tab.join([query, "Q0", f"{query}-answer" if place == rank else f"other-{place}", "7", f"{9 - place}.5", "es"])
        for query in QUERIES
        for place in range(1, 6)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def out(tmp_path):
    return write_out(tmp_path / "out", {"dense": [2] * 30})


def test_an_imported_run_is_scored_tested_and_reported_beside_the_others(out, tmp_path):
    (tmp_path / "elastic.trec").write_text(trec(1, "\t"))
    row = add_run(tmp_path / "elastic.trec", "elastic", out, command="kit bench add")
    board = rank_conditions(out, out.read())
    assert row.id == "imported.elastic.none.whole"
    assert [place.row.condition.retriever for place in board.places] == ["elastic", "dense"]
    assert board.places[0].beats == (2,)
    assert "imported" in report_page(out)


def test_a_run_with_fewer_queries_scores_0_on_the_others_and_says_so(out, tmp_path):
    (tmp_path / "run.gz").write_bytes(gzip.compress("".join(trec(1).splitlines(True)[:75]).encode()))
    shown = CliRunner().invoke(app, ["--run", str(tmp_path / "run.gz"), "--name", "half", "--out", str(out.path)])
    assert "nDCG@10 0.5000" in shown.stdout
    assert "15 of 30 judged queries got no hit: the imported run has no line for them." in shown.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q00 Q0 a 1 0.5\n", "line 1: found 'q00 Q0 a 1 0.5'; wanted: query_id Q0 doc_id rank score tag"),
        ("q00 Q0 a 1 0.5 t\nq00 Q0 a 2 0.4 t\n", "has a twice for the query q00; wanted: each once"),
        ("q00 Q0 a 1 nan t\n", "the score of a for q00 is nan; wanted: a number"),
        ("1 Q0 q00-answer 1 0.5 t\n", "Not one of the 1 queries .* it has '1'; wanted: ids such as 'q00'"),
        ("q00 Q0 MED-1 1 0.5 t\n", "Not one of the 1 documents .* it has 'MED-1'; wanted: ids such as 'q00-answer'"),
        ("", "holds no hit"),
    ],
)
def test_a_run_that_cannot_be_of_this_collection_is_refused(out, tmp_path, text, words):
    (tmp_path / "run").write_text(text)
    with pytest.raises(KitError, match=words):
        add_run(tmp_path / "run", "elastic", out)


def test_a_folder_may_begin_with_imported_runs_and_a_name_is_one_runs(tmp_path):
    collection = open_collection(str(beir_folder(tmp_path / "beir")))
    (tmp_path / "run").write_text("".join(f"{q.query_id} Q0 {q.doc_id} 1 1 t\n" for q in collection.qrels))
    new = OutFolder(tmp_path / "new")
    assert add_run(tmp_path / "run", "perfect", new, collection, command="a").scores["nDCG@10"].value == 1.0
    assert "Observation" in new.texts("whole").read_text()
    with pytest.raises(KitError, match=re.escape("has a row imported.perfect.none.whole of another run")):
        add_run(tmp_path / "run", "perfect", new, command="b")
    with pytest.raises(KitError, match="holds no results yet; wanted: --dataset too"):
        add_run(tmp_path / "run", "perfect", OutFolder(tmp_path / "none"))

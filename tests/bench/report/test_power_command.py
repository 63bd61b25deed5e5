"""`kit bench power`."""

from __future__ import annotations

from typer.testing import CliRunner

from kit.__main__ import app
from tests.bench.samples import write_out


def test_it_says_what_the_questions_can_show_and_how_many_a_third_takes(tmp_path):
    write_out(tmp_path, {"dense": [1, 2, 3] * 10, "bm25": [1, 0, 3, 2, 1] * 6})
    ran = CliRunner().invoke(app, ["bench", "power", str(tmp_path)])
    assert ran.exit_code == 0
    assert "smallest difference in nDCG@10 that these 30 questions show in 80% of cases" in ran.stdout
    assert "ask about 2" in ran.stdout  # nine times as many


def test_one_row_alone_gives_no_number_and_no_success(tmp_path):
    write_out(tmp_path, {"dense": [1] * 30})
    ran = CliRunner().invoke(app, ["bench", "power", str(tmp_path)])
    assert (ran.exit_code, "nothing to simulate from" in ran.stdout) == (1, True)

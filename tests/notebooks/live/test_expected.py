"""An expected error is one red line and a fold, and the cell succeeds for whoever runs it."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from kit.notebooks.live.expected import ERROR_MIME, ExpectedError, expect_error
from kit.notebooks.outputs.compare import compare_cells
from kit.notebooks.run import run_notebook
from tests.notebooks.samples import Cell, lone, notebook

FAILS = "import kit\nwith kit.expect_error(ValueError):\n    int('<b>')"


def test_the_error_is_a_line_with_type_and_message_and_the_rest_is_folded(capsys):
    with expect_error(ValueError):
        logging.getLogger("some.library").error("what it logged\nbelow")
        int("<b>")
    assert capsys.readouterr() == ("ValueError: invalid literal for int() with base 10: '<b>'\n", "")


def test_what_is_shown_is_escaped_and_names_no_path_of_this_machine():
    try:
        int("<b>")
    except ValueError as error:
        shown = ExpectedError(error, ["logged <i>"])._repr_mimebundle_()
    line, fold = shown["text/html"].split("<details", 1)
    assert "<strong>ValueError</strong>: invalid literal" in line and "&lt;b&gt;" in line
    assert "test_expected.py:" in fold and "logged &lt;i&gt;" in fold and "<b>" not in shown["text/html"]
    assert "/tests/" not in fold
    assert shown[ERROR_MIME] == {"type": "ValueError", "message": "invalid literal for int() with base 10: '<b>'"}


def test_a_block_that_does_not_fail_is_a_failure():
    wanted = pytest.raises(AssertionError, match="Wanted ValueError or KeyError; nothing was raised.")
    with wanted, expect_error(ValueError, KeyError):
        pass


def test_another_error_than_the_expected_goes_through():
    with pytest.raises(ZeroDivisionError), expect_error(ValueError):
        _ = 1 / 0


def test_papermill_runs_on_after_an_expected_error(tmp_path):
    stored = lone(tmp_path / "in.ipynb", [Cell(FAILS), Cell("6 * 7")])
    command = [sys.executable, "-m", "papermill", "-k", "python3", str(stored.path), str(tmp_path / "out.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"42"' in (tmp_path / "out.ipynb").read_text()


def test_on_another_engine_only_the_class_of_an_expected_error_is_compared(tmp_path):
    result = run_notebook(lone(tmp_path / "a.ipynb", [Cell(FAILS), Cell(FAILS.replace("<b>", "<i>"))]))
    assert result.error is None
    one, other = result.executed.cells
    assert {m.key for m in compare_cells(1, one, other, [])} == {"text/plain", "text/html", ERROR_MIME}
    assert compare_cells(1, one, other, [], engines_words=False) == []
    silent = notebook([Cell(FAILS)]).cells[0]
    assert compare_cells(1, one, silent, [], engines_words=False) != []

"""The kit's verdict on each cell is the one of `pytest --nbval`, and a difference is shown so that it can be read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from kit.errors import KitError
from kit.notebooks.outputs.compare import Mismatch, compare, compare_cells
from kit.notebooks.outputs.nbval_rules import SKIPPED_KEYS, load_patterns
from kit.notebooks.run import run_notebook
from tests.notebooks.samples import Cell, error, lone, result, stream

SHOW = "from IPython.display import display\ndisplay({}, raw=True)"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def shown(**data: object) -> nbformat.NotebookNode:
    """A displayed bundle; `text__plain` stands for text/plain."""
    return nbformat.v4.new_output("display_data", {key.replace("__", "/"): value for key, value in data.items()})


# (a cell as stored, whether its outputs come out again)
SAMPLES = {
    "the same result": (Cell("1 + 1", (), "2"), True),
    "another result": (Cell("1 + 1", (), "3"), False),
    "another result, ignored": (Cell("1 + 1", ("nbval-ignore-output",), "3"), True),
    "another result, ignored by a comment": (Cell("# NBVAL_IGNORE_OUTPUT\n1 + 1", (), "3"), True),
    "another result, checked": (Cell("1 + 1", ("nbval-check-output",), "3"), False),
    "an output that no longer comes": (Cell("pass", (), "3"), False),
    "an output that is new": (Cell("1 + 1"), False),
    "printed in two pieces, stored in one": (Cell("print('a')\nprint('b')", (), [stream("a\nb\n")]), True),
    "printed otherwise": (Cell("print('a')", (), [stream("b\n")]), False),
    "stdout and a result in another order": (Cell("print('a')\n1", (), [result("1"), stream("a\n")]), True),
    "stderr that is new": (Cell("import sys\nprint('x', file=sys.stderr)"), True),
    "stderr that no longer comes": (Cell("pass", (), [stream("x\n", "stderr")]), True),
    "a progress bar": (Cell("print('1%\\r100%')", (), [stream("100%\n")]), True),
    "the same error, another traceback": (
        Cell("1 / 0", ("raises-exception",), [error("ZeroDivisionError", "division by zero")]),
        True,
    ),
    "another error": (Cell("1 / 0", ("raises-exception",), [error("ValueError", "no")]), False),
    "an error that no longer comes": (Cell("1", ("raises-exception",), [error("ValueError", "no")]), False),
    "an image with other bytes": (
        Cell(SHOW.format({"image/png": PNG, "text/plain": "p"}), (), [shown(image__png="AAAA", text__plain="p")]),
        True,
    ),
    "an image that is missing its text": (
        Cell(SHOW.format({"image/png": PNG, "text/plain": "p"}), (), [shown(image__png=PNG)]),
        False,
    ),
    "the same HTML": (Cell(SHOW.format({"text/html": "<b>1</b>"}), (), [shown(text__html="<b>1</b>")]), True),
    "other HTML": (Cell(SHOW.format({"text/html": "<b>1</b>"}), (), [shown(text__html="<b>2</b>")]), False),
    "the same JSON": (Cell(SHOW.format({"application/json": {"a": 1}}), (), [shown(application__json={"a": 1})]), True),
    "other JSON": (Cell(SHOW.format({"application/json": {"a": 1}}), (), [shown(application__json={"a": 2})]), False),
    "two outputs of a kind, one stored": (
        Cell(SHOW.format({"text/plain": "a"}) + "\n1", (), [shown(text__plain="a")]),
        False,
    ),
    "a time that is sanitised": (Cell("print('took 7 s')", (), [stream("took 9 s\n")]), True),
    "skipped": (Cell("1 / 0", ("nbval-skip", "skip-execution"), "3"), True),
}
SANITIZE = "regex: took \\d+ s\nreplace: took N s\n"


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """All samples in one notebook: the run of it, and the file for nbval."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "sanitize.cfg").write_text(SANITIZE)
    found = lone(folder / "samples.ipynb", [cell for cell, _ in SAMPLES.values()])
    stored = nbformat.read(found.path, as_version=4)
    stored.cells.append(nbformat.v4.new_code_cell("1 + 1", outputs=[result("2")], id="unrun"))
    stored.cells.append(nbformat.v4.new_code_cell("1 + 1", id="unrun-empty"))
    nbformat.write(stored, found.path)
    return run_notebook(found)


def test_each_sample_is_judged_as_it_should_be(sampled):
    wrong = differing_cells(sampled)
    assert {name: n not in wrong for n, name in enumerate(SAMPLES, 1)} == {n: ok for n, (_, ok) in SAMPLES.items()}


def test_nbval_gives_the_same_verdict_on_every_cell(sampled, root):
    folder = sampled.notebook.path.parent
    shutil.copy(root / "notebooks" / "conftest.py", folder)
    command = (
        "-m pytest --nbval --nbval-current-env --nbval-sanitize-with sanitize.cfg -q -rA --color=no -p no:cacheprovider"
    )
    done = subprocess.run(
        [sys.executable, *command.split(), "samples.ipynb"], cwd=folder, capture_output=True, text=True
    )
    verdicts = {int(n) + 1: v for v, n in re.findall(r"^(PASSED|FAILED) samples.ipynb::Cell (\d+)", done.stdout, re.M)}
    skipped = list(SAMPLES).index("skipped") + 1
    assert verdicts.keys() == set(range(1, len(SAMPLES) + 3)) - {skipped}, done.stdout
    assert {n for n, verdict in verdicts.items() if verdict == "FAILED"} == differing_cells(sampled)


def test_what_is_never_compared_is_what_nbval_never_compares(root, tmp_path):
    shutil.copy(root / "notebooks" / "conftest.py", tmp_path)
    lone(tmp_path / "any.ipynb", [Cell("1")])
    seen = []

    class Spy:
        @pytest.hookimpl(trylast=True)
        def pytest_collectstart(self, collector):
            seen.append(getattr(collector, "skip_compare", ()))

    pytest.main(["--nbval", "--collect-only", "-qq", "-p", "no:cacheprovider", str(tmp_path)], plugins=[Spy()])
    assert set(seen[-1]) == set(SKIPPED_KEYS)


def test_outputs_of_a_cell_that_was_never_run_are_refused(sampled):
    unrun = len(SAMPLES) + 1
    assert [m.key for m in compare(sampled, load_patterns(sanitize(sampled))).mismatches if m.cell == unrun] == [
        "execution_count"
    ]


def test_on_another_backend_only_cells_tagged_to_be_checked_are_compared(sampled):
    comparison = compare(sampled, only_tagged=True)
    assert comparison.only_tagged
    checked, unrun = list(SAMPLES).index("another result, checked"), len(SAMPLES) + 1
    assert comparison.cells == (checked,)
    assert [m.cell for m in comparison.mismatches] == [checked + 1, unrun]


def test_on_another_backend_an_expected_error_may_have_other_words_but_no_other_class(tmp_path):
    tags = ("raises-exception", "nbval-check-output")
    words = Cell("1 / 0", tags, [error("ZeroDivisionError", "as the recorded engine says it")])
    run = run_notebook(lone(tmp_path / "errors.ipynb", [words, Cell("1 / 0", tags, [error("ValueError", "no")])]))
    assert [(m.cell, m.key) for m in compare(run).mismatches] == [(1, "evalue"), (2, "ename"), (2, "evalue")]
    assert [(m.cell, m.key) for m in compare(run, only_tagged=True).mismatches] == [(2, "ename")]


def test_stderr_is_recorded_though_it_is_not_compared(sampled):
    assert "x\n" in sampled.stderr.values()


def test_a_difference_names_the_cell_and_the_key_and_shows_a_unified_diff():
    stored, fresh = (nbformat.v4.new_code_cell(outputs=[stream(text)]) for text in ("a\nb\nc\n", "a\nB\nc\n"))
    (mismatch,) = compare_cells(7, stored, fresh, [])
    assert mismatch == Mismatch(7, "stdout", "a\nb\nc\n", "a\nB\nc\n")
    assert mismatch.diff == "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c"


def test_a_wrong_regex_is_named(tmp_path):
    (tmp_path / "sanitize.cfg").write_text("regex: (\nreplace: x\n")
    with pytest.raises(KitError, match=r"sanitize.cfg: regex '\(' is wrong: missing \)"):
        load_patterns(tmp_path / "sanitize.cfg")


def sanitize(sampled):
    return sampled.notebook.path.parent / "sanitize.cfg"


def differing_cells(sampled) -> set[int]:
    return {mismatch.cell for mismatch in compare(sampled, load_patterns(sanitize(sampled))).mismatches}

"""Notebooks run in real kernels of this Python; whatever happens to one is a value."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kit.errors import KitError
from kit.notebooks.run import run_notebook, run_notebooks
from tests.notebooks.samples import Cell, repository

WHERE = """\
import os, sys, tempfile
print(sys.executable, os.getcwd(), tempfile.gettempdir(), os.environ["SAMPLE"], sep="\\n")"""
NOTEBOOKS = {
    "01_fine": [
        "# Title",
        Cell("import json", ["imports"]),
        Cell(WHERE),
        Cell("1 / 0", ["raises-exception"]),
        Cell("raise SystemError", ["nbval-skip"]),
        Cell("raise SystemError", ["skip-execution"]),
        Cell("6 * 7"),
    ],
    "02_fails": [
        Cell("1"),
        "prose",
        Cell("def broken():\n    raise ValueError('two\\nlines')\nbroken()"),
        Cell("never = 1"),
    ],
    "03_dies": [Cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")],
    "04_exits": [Cell("import os\nos._exit(3)")],
    "05_hangs": [Cell("import time\ntime.sleep(60)")],
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    manifest = repository(root, NOTEBOOKS)
    # A kernel of the same name that the user has installed must not be taken.
    rogue = root / "jupyter" / "kernels" / "python3"
    rogue.mkdir(parents=True)
    rogue.joinpath("kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "python"})
    )
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "jupyter"))
        results = {
            result.notebook.number: result
            for result in run_notebooks(
                manifest.notebooks,
                jobs=3,
                environment={"SAMPLE": "yes"},
                cell_seconds=2,
                progress=lambda notebook, done, total: told.append((notebook.number, done, total)),
            )
        }
    return results, told


def output(result, cell: int) -> str:
    (shown,) = result.executed.cells[cell - 1].outputs
    return shown.text if shown.output_type == "stream" else shown.data["text/plain"]


def test_a_notebook_runs_to_its_end_and_cells_tagged_to_be_skipped_do_not(ran):
    result = ran[0]["01"]
    assert result.error is None
    assert list(result.ran) == [1, 2, 3, 6]
    assert output(result, 7) == "42"
    assert [result.executed.cells[index].execution_count for index in result.ran] == [1, 2, 3, 4]


def test_the_kernel_is_this_python_in_the_notebooks_folder_with_a_temporary_folder_of_its_own(ran):
    result = ran[0]["01"]
    executable, folder, temporary, sample = output(result, 3).split()
    assert (executable, folder, sample) == (sys.executable, str(result.notebook.path.parent), "yes")
    assert temporary.endswith("-01_fine")
    assert not Path(temporary).exists()


def test_times_are_told_apart(ran):
    seconds = ran[0]["01"].seconds
    assert 0.1 < seconds.kernel < 60
    assert 0 < seconds.imports < 5
    assert seconds.total == pytest.approx(seconds.kernel + sum(ran[0]["01"].ran.values()))


def test_an_error_stops_the_notebook_and_names_the_cell(ran):
    result = ran[0]["02"]
    assert result.error.summary == "cell 3 failed: ValueError: two"
    assert result.error.cell == 3
    assert result.error.traceback.splitlines()[-2:] == ["ValueError: two", "lines"]
    assert "\x1b" not in result.error.traceback
    assert list(result.ran) == [0, 2]


@pytest.mark.parametrize(
    ("number", "summary"),
    [
        ("03", "the kernel died in cell 1: killed by SIGKILL, as when memory runs out."),
        ("04", "the kernel ended in cell 1 with exit status 3."),
        ("05", "cell 1 ran longer than 2 s."),
    ],
)
def test_a_kernel_that_dies_or_hangs_is_a_verdict(ran, number, summary):
    assert ran[0][number].error.summary == summary


def test_progress_is_told_cell_by_cell(ran):
    assert [(done, total) for number, done, total in ran[1] if number == "01"] == [(n, 4) for n in range(5)]


def test_a_broken_notebook_is_said_before_any_kernel_starts(tmp_path):
    manifest = repository(tmp_path, {"01_a": [Cell("1")], "02_b": [Cell("1")]})
    (tmp_path / "notebooks" / "02_b.ipynb").write_text("{")
    with pytest.raises(KitError, match="02_b.ipynb is not valid JSON"):
        list(run_notebooks(manifest.notebooks, progress=lambda *_: pytest.fail("a kernel started")))


def test_a_kernel_that_cannot_start_is_a_verdict(tmp_path, monkeypatch):
    (notebook,) = repository(tmp_path, {"01_a": [Cell("1")]}).notebooks
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert run_notebook(notebook).error.summary.startswith("the kernel did not start: ")

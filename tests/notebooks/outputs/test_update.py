"""`kit notebooks update` stores what a run gave, normalised; what did not change keeps its very bytes."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import nbformat
import pytest
from matplotlib.image import imread, imsave

from kit.errors import KitError
from kit.notebooks.files import read_notebook
from kit.notebooks.outputs.compare import compare
from kit.notebooks.outputs.update import update
from kit.notebooks.run import NotebookError, NotebookResult, Seconds, run_notebook
from tests.notebooks.samples import Cell, error, lone, result, stream

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
PERSONAL = {
    "title": "Mine",
    "authors": [{"name": "Ann"}],
    "toc": {"base_numbering": 1},
    "kernelspec": {"name": "mine", "display_name": "Mine", "language": "python"},
}
CELLS = [
    "# Title",
    Cell("import warnings"),
    Cell("warnings.warn('careful')\nprint('seen')", (), [stream("old\n")]),
    Cell("1 / 0", ["raises-exception", "nbval-check-output"]),
    Cell("never", ["skip-execution", "nbval-skip"], "as it was"),
    Cell(PLOT),
    Cell("6 * 7", (), "42"),
]


@pytest.fixture(scope="module")
def updated(tmp_path_factory):
    """A notebook after one update, and the run that was stored."""
    notebook = lone(tmp_path_factory.mktemp("update") / "01_a.ipynb", CELLS)
    messy = json.loads(notebook.path.read_text())
    messy["metadata"] = PERSONAL | {"widgets": {}, "papermill": {"duration": 1.5}}
    messy["cells"][0]["metadata"] = {"editable": False, "jupyter": {"source_hidden": True}, "raw_mimetype": "x"}
    messy["cells"][6]["metadata"] = {"execution": {"iopub.status.busy": "now"}, "mirrors": ["x"], "scrolled": True}
    messy["cells"][6]["metadata"]["slideshow"] = {"slide_type": "slide"}
    messy["cells"][6]["execution_count"] = 17
    notebook.path.write_text(json.dumps(messy))
    run = run_notebook(notebook)
    assert update(run)
    return run


def again(run: NotebookResult, **changes: object) -> NotebookResult:
    """The same run, as if it were of the notebook that is stored now."""
    return replace(run, stored=read_notebook(run.notebook.path), **changes)


def test_outputs_are_stored_with_counts_from_1_and_without_what_differs_between_runs(updated):
    cells = read_notebook(updated.notebook.path).cells
    assert [cell.get("execution_count") for cell in cells] == [None, 1, 2, 3, 4, 4, 5]
    assert cells[2].outputs == [stream("seen\n")]
    assert cells[3].outputs == [error("ZeroDivisionError", "division by zero")]
    assert cells[4].outputs[0].data == {"text/plain": "as it was"}
    assert cells[6].outputs == [result("42", 5)]


def test_what_a_person_wrote_into_metadata_is_kept_and_what_a_run_notes_is_not(updated):
    notebook = read_notebook(updated.notebook.path)
    assert notebook.metadata == PERSONAL
    assert notebook.cells[6].metadata == {"mirrors": ["x"], "scrolled": True, "slideshow": {"slide_type": "slide"}}
    assert notebook.cells[0].metadata == {"editable": False, "jupyter": {"source_hidden": True}, "raw_mimetype": "x"}
    assert [cell.id for cell in notebook.cells] == [f"cell-{n}" for n in range(7)]


def test_a_second_update_changes_no_byte(updated):
    before = updated.notebook.path.read_bytes()
    assert not update(again(updated))
    assert updated.notebook.path.read_bytes() == before


def redrawn(png: str, change) -> str:
    """A PNG in base64 with changed pixels."""
    pixels, file = imread(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    imsave(file, change(pixels), format="png")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (lambda pixels: pixels * 0.98, False),  # as another machine draws it
        (lambda pixels: pixels[::-1], True),
        (lambda pixels: pixels[:-1], True),
    ],
)
def test_a_plot_is_stored_anew_only_when_it_shows_something_else(updated, change, stored):
    before = updated.notebook.path.read_bytes()
    executed = nbformat.from_dict(updated.executed)
    (plot,) = executed.cells[5].outputs
    kept = plot.data["image/png"]
    plot.data["image/png"] = redrawn(kept, change)
    try:
        assert update(again(updated, executed=executed)) is stored
    finally:
        plot.data["image/png"] = kept
        updated.notebook.path.write_bytes(before)


def test_an_image_is_stored_anew_when_its_text_changed(updated):
    executed = nbformat.from_dict(updated.executed)
    (plot,) = executed.cells[5].outputs
    before = dict(plot.data)
    plot.data |= {"image/png": "AAAA", "text/plain": "<Figure with 2 Axes>"}
    assert update(again(updated, executed=executed))
    assert read_notebook(updated.notebook.path).cells[5].outputs[0].data["image/png"].strip() == "AAAA"
    plot.data = before
    assert update(again(updated, executed=executed))


def test_a_run_that_failed_leaves_the_notebook_as_it_was(updated):
    before = updated.notebook.path.read_bytes()
    with pytest.raises(KitError, match=r"01_a.ipynb is left as it was: cell 2 failed: ValueError: no"):
        update(again(updated, errors=(NotebookError("cell 2 failed: ValueError: no", 2),)))
    assert updated.notebook.path.read_bytes() == before


def test_a_notebook_that_was_edited_while_it_ran_is_not_overwritten(tmp_path):
    notebook = lone(tmp_path / "01_a.ipynb", [Cell("1", (), "1")])
    stored = read_notebook(notebook.path)
    lone(notebook.path, [Cell("2", (), "2")])
    with pytest.raises(KitError, match=r"was edited while it ran: run `kit notebooks update` again"):
        update(NotebookResult(notebook, stored, stored, (), Seconds()))


ODD = {
    "repeated ids": lambda nb: [cell.update(id="same") for cell in nb["cells"]],
    "no ids": lambda nb: [cell.pop("id") for cell in nb["cells"]],
    "format 4.4": lambda nb: [nb.update(nbformat_minor=4), *[cell.pop("id") for cell in nb["cells"]]],
}


@pytest.mark.parametrize("odd", ODD)
def test_notebooks_with_odd_ids_are_updated_again_and_again(odd, tmp_path):
    notebook = lone(tmp_path / "odd.ipynb", [Cell("6 * 7", (), "41"), Cell("7 * 8", (), "55")])
    content = json.loads(notebook.path.read_text())
    ODD[odd](content)
    notebook.path.write_text(json.dumps(content))
    assert update(run_notebook(notebook))
    stored = notebook.path.read_text()
    assert json.loads(stored)["nbformat_minor"] == content["nbformat_minor"]
    assert not update(run_notebook(notebook))
    assert notebook.path.read_text() == stored


ANEW = {
    "Styler": "import pandas as pd\npd.DataFrame({'a': [1]}).style.highlight_max()",
    "an address": "object()",
    "SVG": "%config InlineBackend.figure_format = 'svg'\n"
    "import matplotlib.pyplot as plt\nplt.plot([1, 2], marker='o')\nplt.show()",
    "a widget": "import ipywidgets\nipywidgets.IntSlider(value=3)",
}


@pytest.mark.parametrize("what", ANEW)
def test_ids_that_are_made_anew_in_every_run_are_no_change_and_no_difference(what, tmp_path):
    if what == "a widget":
        pytest.importorskip("ipywidgets", reason="ipywidgets is not installed, so no cell can show a widget")
    notebook = lone(tmp_path / "anew.ipynb", [Cell(ANEW[what])])
    first = run_notebook(notebook)
    assert first.error is None and update(first)
    second = run_notebook(notebook)
    assert compare(second).outputs == 1 and compare(second).mismatches == ()
    assert not update(second)

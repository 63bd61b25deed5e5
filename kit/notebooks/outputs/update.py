"""Store a run's outputs in its notebook, normalised; what did not change keeps its very bytes."""

from __future__ import annotations

import base64
import copy
import io

from nbformat import NotebookNode

from kit.errors import KitError
from kit.files.write import write_whole
from kit.notebooks.files import notebook_text, read_notebook, tags
from kit.notebooks.outputs.made_anew import steady, steady_widgets
from kit.notebooks.run import NotebookResult, in_short, runs

# What programs note about a run; all other metadata was written by a person and is kept.
OF_A_RUN = ("execution", "ExecuteTime", "papermill", "widgets")
DIFFERENT = 0.002  # share of a plot's pixels; the letters of another font reach it, and so does a moved line


def update(result: NotebookResult) -> bool:
    """Store the outputs of a run that succeeded; whether the file changed.

    Raises KitError when the run failed, when the file was edited during the run, and when it cannot be written.
    """
    path = result.notebook.path
    if result.error:
        raise KitError(f"{path.name} is left as it was: {result.error.summary}")
    if read_notebook(path) != result.stored:
        raise KitError(f"{path.name} was edited while it ran: run `kit notebooks update` again.")
    text = notebook_text(normalised(result))
    if text == path.read_text(encoding="utf-8"):
        return False
    write_whole(path, text)
    return True


def normalised(result: NotebookResult) -> NotebookNode:
    """The notebook to store: counts 1..n, outputs without what differs between runs, a person's metadata as it was."""
    notebook = copy.deepcopy(result.stored)
    for metadata in (notebook.metadata, *(cell.metadata for cell in notebook.cells)):
        for key in OF_A_RUN:
            metadata.pop(key, None)
    if "widgets" in result.executed.metadata:
        notebook.metadata.widgets = copy.deepcopy(result.executed.metadata.widgets)
    count = 0
    for stored, fresh in zip(notebook.cells, result.executed.cells, strict=True):
        if not runs(stored):
            continue
        count += 1
        kept, fresh = _normalised_cell(stored, count), _normalised_cell(fresh, count)
        # The same plot is drawn a little differently elsewhere: that alone is no change.
        same = _without_images(kept) == _without_images(fresh) and all(map(_alike, _images(kept), _images(fresh)))
        stored.outputs = kept.outputs if same else fresh.outputs
        stored.execution_count = count
    steady_widgets(notebook)
    return notebook


def _normalised_cell(cell: NotebookNode, count: int) -> NotebookNode:
    cell = copy.deepcopy(cell)
    if "nbval-check-output" not in tags(cell):
        cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count
        elif output.output_type == "error":
            output.traceback = in_short(output)
        if output.output_type in ("execute_result", "display_data"):
            output.metadata.pop("papermill", None)
    cell.outputs = steady(cell.outputs)
    return cell


def _without_images(cell: NotebookNode) -> list:
    """The outputs in order, without the data of images."""
    return [
        {**output, "data": {k: "" if k.startswith("image/") else v for k, v in output.get("data", {}).items()}}
        for output in cell.outputs
    ]


def _images(cell: NotebookNode) -> list[str]:
    return [v for output in cell.outputs for k, v in output.get("data", {}).items() if k.startswith("image/")]


def _alike(stored: str, fresh: str) -> bool:
    """Whether two PNGs in base64 show the same: of one size, with few pixels that differ much."""
    if stored.strip() == fresh.strip():
        return True
    from matplotlib.image import imread

    try:
        before, after = (imread(io.BytesIO(base64.b64decode(image))) for image in (stored, fresh))
    except (ValueError, SyntaxError, OSError):
        return False  # no PNG
    return before.shape == after.shape and bool((abs(before - after) > 0.5).mean() < DIFFERENT)

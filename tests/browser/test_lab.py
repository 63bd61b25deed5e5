"""JupyterLab as a learner meets it: the welcome page, Run All as stored, an exercise answered wrongly and rightly."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from kit.notebooks import load_manifest
from kit.notebooks.manifest import WELCOME
from tests.browser.desk import differences, lab, open_notebook, run_all, sizes
from tests.browser.reader import DESK, Reader
from tests.conftest import ROOT
from tests.notebooks.samples import Cell, write

WRONG = "once = Milvus.from_documents(chunks, embeddings, collection_name='once', connection_args=connection_args)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("lab") / "root"


@pytest.fixture(scope="module")
def address(folder, visitor):
    with lab(folder) as address:
        yield address


def test_jupyterlab_opens_on_the_welcome_page_with_the_lessons_alone_beside_it_and_no_pop_up(address, visitor: Reader):
    page = open_notebook(visitor, address)
    page.get_by_role("heading", name="Welcome").wait_for()
    page.wait_for_timeout(1500)  # a pop-up would have come
    shown = page.locator(".jp-DirListing-item .jp-DirListing-itemText").all_inner_texts()
    lessons = [entry.file for entry in load_manifest().notebooks]
    assert sorted(shown) == [WELCOME, *lessons, "baselines"]
    page.get_by_role("button", name="Home").or_(page.locator(".jp-BreadCrumbs-home")).first.click()
    page.locator(".jp-DirListing-itemText", has_text="README.md").wait_for()
    assert page.locator(".Toastify__toast, .jp-Dialog").count() == 0
    assert (visitor.errors, visitor.outside) == ([], [])


def run_as_stored(file: str, folder: Path, address: str, visitor: Reader) -> None:
    """Run All ends with what is stored: no other error, nothing wider than the page or taller than two screens."""
    page = open_notebook(visitor, address, file)
    run_all(page)
    assert [
        f"cell {m.cell}: {m.key}\n{m.diff}" for m in differences(folder / "notebooks" / file, ROOT / "notebooks" / file)
    ] == []
    cells = nbformat.read(folder / "notebooks" / file, as_version=4).cells
    expected = [cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])]
    assert [cell.id for cell in cells if any(o.output_type == "error" for o in cell.get("outputs", []))] == expected
    outputs = sizes(page)
    assert len(outputs) >= 4 or file == WELCOME
    assert [size for size in outputs if size.height > 2 * DESK["height"] or size.too_wide > 0] == []
    assert visitor.outside == []


def test_run_all_of_the_welcome_page_ends_with_the_stored_outputs(folder, address, visitor):
    run_as_stored(WELCOME, folder, address, visitor)


@pytest.mark.long
@pytest.mark.parametrize("file", ["02_collections.ipynb", "10_full_text_and_hybrid.ipynb", "14_grow_up.ipynb"])
def test_run_all_of_a_notebook_ends_with_the_stored_outputs(file, folder, address, visitor):
    run_as_stored(file, folder, address, visitor)


def test_an_exercise_is_answered_wrongly_and_then_rightly(folder, address, visitor: Reader):
    page = open_notebook(visitor, address, "01_basic_search.ipynb")
    run_all(page)
    cells = nbformat.read(folder / "notebooks/01_basic_search.ipynb", as_version=4).cells
    solution = next(c for c in cells if c.id == "exercise-01-1-solution").source.split("```python\n")[1].split("```")[0]
    exercise = page.locator(".jp-CodeCell", has_text='kit.check("01-1", once)')
    for answer, verdict in ((f'{WRONG}\nkit.check("01-1", once)', "not right yet"), (solution, "right")):
        exercise.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(answer)
        page.keyboard.press("Control+Enter")
        exercise.locator(".jp-OutputArea-output", has_text=f"Exercise 01-1: {verdict}.").wait_for()


def test_a_wall_a_wide_output_and_one_that_is_not_as_stored_are_noticed(folder, address, visitor: Reader):
    wide = "from IPython.display import HTML\nHTML('<p style=\"width: 3000px\">wide</p>')"
    cells = [Cell(source, (), "stored") for source in ("print('line\\n' * 200)", wide, "1 + 1")] + [Cell("7", (), "7")]
    path = write(folder / "notebooks" / "wall.ipynb", cells)
    stored = path.read_text()
    page = open_notebook(visitor, address, path.name)
    run_all(page)
    wall, too_wide, *small = sizes(page)
    assert wall.height > 2 * DESK["height"] and too_wide.too_wide > 1000
    assert [(size.height < 100, size.too_wide) for size in small] == [(True, 0), (True, 0)]
    path.with_name("before.ipynb").write_text(stored)
    assert [m.cell for m in differences(path, path.with_name("before.ipynb"))] == [1, 1, 2, 2, 3]

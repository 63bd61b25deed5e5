"""Which notebook cells follow which block of a page."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from kit.errors import KitError
from kit.pages.mirrors import Cell, following, mirror, read_cells
from kit.pages.page_file import load_page
from kit.pages.sources import read_page
from tests.docs.samples import page

TEXT = "# Notes\n\nStore them.\n\n```python\nstore = Notes.from_texts(texts, drop_old=True)\nstore.search('a')\n```\n"
PROSE = Cell("01", 1, "Store them.", ("notes/prose-1",), prose=True)
CODE = Cell("01", 2, "store = Notes.from_texts(t)\nstore.search('b')", ("notes/code-1",))


def test_every_block_is_followed_by_the_cell_that_names_it():
    found = mirror(page(TEXT).blocks, [PROSE, CODE])
    assert (found.share, found.whole, found.stray) == (1.0, True, ())
    assert [one.cells[0].number for one in found.blocks] == [1, 2]


def test_a_block_that_no_cell_names_is_missing_with_the_cells_that_call_the_same():
    found = mirror(page(TEXT).blocks, [PROSE, CODE._replace(mirrors=())])
    assert [(one.block.id, [cell.name for cell in one.alike]) for one in found.missing] == [
        ("notes/code-1", ["01, cell 2"])
    ]
    assert not found.whole


def test_a_call_that_the_notebook_never_makes_is_told():
    found = mirror(page(TEXT).blocks, [PROSE, CODE._replace(source="store = Notes.from_texts(t)")])
    assert found.blocks[1].missing_calls == ("search",)
    assert not found.whole


def test_what_stands_in_for_a_call_of_the_page_counts():
    text = "```python\nembeddings = OpenAIEmbeddings()\n```"
    cell = Cell("01", 1, "embeddings = kit.load_embeddings()", ("top/code-1",))
    assert mirror(page(text).blocks, [cell]).whole


def test_a_cell_that_names_no_block_of_the_page_is_stray():
    found = mirror(page(TEXT).blocks, [PROSE, CODE, CODE._replace(number=3, mirrors=("notes/code-9",))])
    assert [(cell.number, name) for cell, name in found.stray] == [(3, "notes/code-9")]
    assert not found.whole


def test_the_cells_of_a_folder_are_read_with_their_ids(tmp_path):
    cells = [new_markdown_cell("a", metadata={"mirrors": ["x/prose-1"]}), new_code_cell("b", metadata={"mirrors": "y"})]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01.ipynb")
    found = read_cells(tmp_path)
    assert [(cell.name, cell.mirrors, cell.prose) for cell in found] == [
        ("01, cell 1", ("x/prose-1",), True),
        ("01, cell 2", ("y",), False),
    ]
    assert following(["y"], found) == [found[1]]


def test_a_folder_without_notebooks_and_a_broken_notebook_are_said(tmp_path):
    with pytest.raises(KitError, match="Wanted notebooks in .*found none"):
        read_cells(tmp_path)
    (tmp_path / "01.ipynb").write_text("{")
    with pytest.raises(KitError, match=r"01.ipynb is not a notebook that can be read"):
        read_cells(tmp_path)


def test_the_notebooks_follow_every_block_of_the_page_they_mirror():
    found = mirror(load_page("langchain-milvus-2024"), read_cells())
    assert (found.share, found.stray) == (1.0, ())


def test_the_notebooks_make_every_call_of_the_page_they_mirror(shared):
    found = mirror(read_page(str(shared / "pages" / "langchain-milvus-2024.md")).blocks, read_cells())
    assert found.whole, [(one.block.id, one.missing_calls) for one in found.blocks if one.missing_calls]


def test_the_command_exits_0_for_the_mirrored_page_and_1_for_another(tmp_path):
    from kit.__main__ import app

    assert CliRunner().invoke(app, ["docs", "mirror", "langchain-milvus-2024"]).exit_code == 0
    (tmp_path / "other.md").write_text(TEXT)
    result = CliRunner().invoke(app, ["docs", "mirror", str(tmp_path / "other.md")])
    assert result.exit_code == 1
    assert "notes/code-1 is followed by no cell" in result.output

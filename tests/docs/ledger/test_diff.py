"""What changed between two editions of a page."""

import pytest
from typer.testing import CliRunner

from kit.docs.ledger.diff import changes, worth_telling
from tests.docs.samples import PAGE, page

MORE = "\n## Sorting\n\nSort them with `sorted`, which gives a new list.\n"


def _told(old: str, new: str) -> list[tuple[str, str]]:
    found = worth_telling(changes(page(old).blocks, page(new).blocks))
    return [(change.kind, change.block.id) for change in found]


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (PAGE, []),
        (PAGE + MORE, [("added", "sorting/prose-1")]),
        (PAGE.replace("> It cannot sort.\n", ""), [("removed", "notes/prose-2")]),
        (PAGE.replace("store = [1, 2]", "store = [1, 2, 3]"), [("changed", "notes/code-1")]),
        (PAGE.replace("[1]\n", "[1, 2]\n"), [("changed", "notes/output-1")]),
        (PAGE.replace("# Notes\n", "# Papers\n"), []),
        (PAGE.replace("It keeps notes.\n\n", "") + "\nIt keeps notes.\n", [("moved", "notes/prose-2")]),
        ("# Other\n\nNothing is as it was here.\n", [("added", "other/prose-1"), ("removed", "notes/prose-1"),
          ("removed", "notes/code-1"), ("removed", "notes/code-2"), ("removed", "notes/output-1"),
          ("removed", "notes/prose-2")]),
    ],
    ids=["same", "added", "removed", "code", "output", "heading", "moved", "another page"],
)  # fmt: skip
def test_each_kind_of_change_is_told_and_no_other(new, told):
    assert _told(PAGE, new) == told


def test_a_new_heading_gives_its_blocks_new_ids_and_nothing_else():
    found = changes(page(PAGE).blocks, page(PAGE.replace("# Notes", "# Papers")).blocks)
    assert {change.kind for change in found} == {"renumbered"}
    assert (found[0].old.id, found[0].new.id) == ("notes/prose-1", "papers/prose-1")


def test_a_changed_block_shows_its_lines():
    change = changes(page(PAGE).blocks, page(PAGE.replace("[1, 2]", "[2, 1]")).blocks)[0]
    assert change.lines[1:] == ["-store = [1, 2]", "+store = [2, 1]"]
    assert "% of the words are the same" in change.words


def test_the_command_names_the_notebook_cells_and_exits_1_on_a_change(tmp_path, root):
    from kit.__main__ import app

    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text("# Milvus\n\nOne.\n\nTwo.\n")
    new.write_text("# Milvus\n\nOne.\n\nTwo, or so.\n")
    result = CliRunner().invoke(app, ["docs", "diff", str(old), str(new)])
    assert result.exit_code == 1
    assert "01_basic_search, cell 1" in result.output  # it follows milvus/prose-2
    assert CliRunner().invoke(app, ["docs", "diff", str(old), str(old)]).exit_code == 0

"""The files of data/pages/: read, written, and recorded again without touching what a maintainer wrote."""

import tomllib

import pytest

from kit.errors import KitError
from kit.pages.markdown import parse_text
from kit.pages.page_file import PageFile, page_file_text, read_page_file

PAGE = parse_text("# Notes\n\nIt keeps notes.\n\n```python\nstore = [1]\n```\n", name="notes")
ROWS = (
    {"block": "notes/code-1", "kind": "raised", "shown_by": "replay", "words": "NameError"},
    {"block": "notes/code-1", "kind": "changed", "shown_by": "replay", "words": "[[1]]\n[[2]]"},
)
FILE = PageFile("notes", PAGE.sha256, PAGE.blocks, {"defect": ROWS})


def _commented() -> str:
    text = "# ours\n" + page_file_text(FILE)
    old = '[[defect]]\nblock = "notes/code-1"\nkind = "raised"'
    text = text.replace(old, '# seen by Ann\n[[defect]]\nkind = "raised"  # really\nblock = "notes/code-1"')
    return text + "\n# the end\n"


def test_what_was_written_is_read(tmp_path):
    (tmp_path / "notes.toml").write_text(page_file_text(FILE))
    read = read_page_file(tmp_path / "notes.toml")
    assert ([block.id for block in read.blocks], read.tables["defect"]) == (["notes/prose-1", "notes/code-1"], ROWS)
    assert "It keeps notes" not in page_file_text(FILE)


def test_recorded_again_without_a_change_not_a_byte_differs():
    assert page_file_text(FILE, _commented()) == _commented()


def test_a_changed_value_changes_its_line_only():
    rows = (ROWS[0] | {"words": "TypeError"}, ROWS[1])
    new = page_file_text(FILE._replace(tables={"defect": rows}), _commented())
    assert new == _commented().replace('words = "NameError"', 'words = "TypeError"')


def test_a_row_that_is_gone_takes_its_comment_with_it_and_no_other():
    new = page_file_text(FILE._replace(tables={"defect": ROWS[1:]}), _commented())
    assert ("# seen by Ann" in new, "# ours" in new, "# the end" in new) == (False, True, True)
    assert tomllib.loads(new)["defect"] == [ROWS[1]]


@pytest.mark.parametrize(("text", "words"), [("page = 'a", "is not valid TOML"), ("page = 'a'", "not as it should be")])
def test_a_broken_file_is_named(tmp_path, text, words):
    (tmp_path / "notes.toml").write_text(text)
    with pytest.raises(KitError, match=words):
        read_page_file(tmp_path / "notes.toml")

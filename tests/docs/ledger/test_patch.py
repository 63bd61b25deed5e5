"""A page with replacements in it: between its own fences, at its own indent, and its outputs refreshed."""

import json
import subprocess
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from kit.__main__ import app
from kit.docs.ledger.ledger import Defect, Ledger, record, to_toml
from kit.docs.ledger.patch import patched, replacements, unified_diff, with_fresh_outputs
from kit.errors import KitError
from kit.pages.sources import parse_source
from tests.docs.samples import PAGE, a_replay, page


@pytest.mark.parametrize(
    ("texts", "old", "new"),
    [
        ({"notes/code-1": "store = [1]\nstore"}, "store = [1, 2]\n", "store = [1]\nstore\n"),
        ({"notes/prose-1": "Two lines\nnow."}, "It keeps notes.\n", "Two lines\nnow.\n"),
        ({"notes/output-1": "[1, 2]"}, "[1]\n", "[1, 2]\n"),
        ({"notes/prose-2": ""}, "\n> It cannot sort.\n", "\n"),
        ({"notes/prose-1": ""}, "It keeps notes.\n\n", ""),
    ],
)
def test_only_the_block_is_replaced(texts, old, new):
    assert patched(PAGE, page(), texts) == PAGE.replace(old, new)


@pytest.mark.parametrize("options", [":tags: [hide-input]\n:linenos:\n", "---\nmystnb:\n  number: 1\n---\n"])
def test_a_directive_keeps_its_options(options):
    text = f"# Notes\n\n```{{code-cell}} ipython3\n{options}a = 1\n```\n"
    (code,) = [block for block in page(text).blocks if block.kind == "code"]
    assert patched(text, page(text), {code.id: "b = 2"}) == text.replace("a = 1", "b = 2")


@pytest.mark.parametrize("new", ["b = 2", ""])
def test_a_session_is_not_cut_to_pieces(new):
    text = "# Notes\n\n```python\n>>> a = 1\n>>> a\n1\n```\n"
    with pytest.raises(KitError, match=r"written as a session with >>>; its text cannot be replaced alone\. Change"):
        patched(text, page(text), {page(text).blocks[0].id: new})


def test_the_lines_of_a_session_are_counted_below_the_options_of_its_directive():
    text = "# Notes\n\n```{code-block} python\n:linenos:\n\n>>> 1 + 1\n2\n```\n"
    code, output = page(text).blocks
    lines = text.splitlines()
    assert (lines[code.lines[0] - 1], lines[output.lines[0] - 1]) == (">>> 1 + 1", "2")


def test_several_blocks_are_replaced_at_once_and_stay_in_place():
    text = patched(PAGE, page(), {"notes/code-1": "a\nb\nc", "notes/prose-1": "x\ny", "notes/output-1": "z"})
    assert [block.text.strip() for block in page(text).blocks] == ["x\ny", "a\nb\nc", "store", "z", "> It cannot sort."]


def test_an_indented_fence_keeps_its_indent():
    text = "1. First\n\n   ```python\n   a = 1\n   ```\n"
    read = page(text)
    code = next(block for block in read.blocks if block.kind == "code")
    assert patched(text, read, {code.id: "b = 2\nif b:\n    c"}) == text.replace("a = 1", "b = 2\n   if b:\n       c")


def test_two_replacements_that_differ_and_a_block_that_is_not_there_are_said():
    one = Defect("notes/code-1", "raised", "w", "replay", replacement="a")
    with pytest.raises(KitError, match="two replacements for notes/code-1"):
        replacements([one, one._replace(kind="changed", replacement="b")])
    with pytest.raises(KitError, match="has no block notes/code-9"):
        patched(PAGE, page(), {"notes/code-9": "a"})


def test_stale_outputs_are_what_the_replay_printed():
    replay = a_replay([("no stored output", "", ""), ("changed", "", "[1, 2]\n")])
    assert with_fresh_outputs(PAGE, page(), replay) == PAGE.replace("\n[1]\n", "\n[1, 2]\n")
    assert with_fresh_outputs(PAGE, page(), replay, excused={"notes/code-2"}) == PAGE


def test_the_output_of_a_cell_that_raised_stays():
    replay = a_replay([("no stored output", "", ""), ("raised", "NameError: x", "")])
    assert with_fresh_outputs(PAGE, page(), replay) == PAGE


def test_a_notebook_keeps_its_form():
    stored = new_output("execute_result", {"text/plain": "[1]"}, execution_count=1)
    cells = [new_markdown_cell("# Notes\n\nIt keeps notes."), new_code_cell("store", outputs=[stored])]
    source = nbformat.writes(new_notebook(cells=cells)) + "\n"
    read = parse_source(source, "notes.ipynb")
    text = patched(source, read, {"notes/prose-1": "It keeps all notes.", "notes/code-1": "a = 1\na"})
    new = json.loads(text)["cells"]
    assert "".join(new[0]["source"]) == "# Notes\n\nIt keeps all notes."
    assert "".join(new[1]["source"]) == "a = 1\na"
    changed = [line for line in unified_diff(source, text, "notes.ipynb").splitlines() if line[:1] in "+-"]
    assert len(changed) <= 7  # head, the two cells' lines, and nothing of the rest


def test_the_diff_is_one_that_git_applies(tmp_path):
    (tmp_path / "notes.md").write_text(PAGE)
    new = patched(PAGE, page(), {"notes/code-1": "store = []", "notes/prose-2": "> It sorts."}).rstrip("\n")
    (tmp_path / "change.diff").write_text(unified_diff(PAGE, new, "notes.md"))
    subprocess.run(["git", "apply", "change.diff"], cwd=tmp_path, check=True)
    assert (tmp_path / "notes.md").read_text() == new
    assert unified_diff(PAGE, PAGE, "notes.md") == ""


def test_an_output_that_only_varies_is_not_written(tmp_path):
    varies = "```python\nimport time\ntime.time_ns()\n```\n\n```text\n7\n```\n\n"
    stale = "```python\nprint('now')\n```\n\n```text\nthen\n```\n"
    wrong = "```python\nprint(a)\n```\n"
    path = tmp_path / "page.md"
    path.write_text(f"# P\n\n{wrong}\n{varies}{stale}")
    read = parse_source(path.read_text(), "page.md")
    defect = Defect("p/code-1", "raised", "NameError: a", "replay", replacement="a = 1\nprint(a)")
    ledger = record(Ledger(tmp_path / "page.toml", "page"), [], read.sha256, read.blocks, "")
    ledger.path.write_text(to_toml(replace(ledger, defects=(defect,))))
    ran = CliRunner().invoke(app, ["docs", "patch", str(path), "-o", str(tmp_path / "new.md")])
    new = (tmp_path / "new.md").read_text()
    assert "a = 1\nprint(a)" in new and "```text\nnow\n```" in new and "```text\n7\n```" in new
    assert ran.exit_code == 1 and "still wrong: p/code-2: changed" in ran.output

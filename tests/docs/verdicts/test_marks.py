"""What varies is marked in the page or in its ledger; what is marked to be skipped is skipped; the rest counts."""

import nbformat
import pytest

from kit.docs.check import report_page
from kit.docs.ledger.ledger import load_ledger, to_toml
from kit.docs.ledger.proposals import proposed
from kit.docs.run.replay import replay_page
from kit.docs.verdicts.judge import runs_on_page
from kit.docs.verdicts.varying import read_varying, without_varying
from kit.errors import KitError
from kit.pages.markdown import parse_text
from kit.pages.page_file import fingerprint
from kit.pages.sources import parse_source

CODE = "```python\nimport random\nprint(random.random())\nprint('rows: 3')\n```\n"
OUTPUT = "```output\n0.5\nrows: 3\n```\n"


def row(text):
    (verdict,) = replay_page(parse_text(text)).verdicts
    return verdict.verdict, verdict.row


@pytest.mark.parametrize(
    "mark",
    ["<!-- kit: varies line 1 -->", r"<!-- kit: varies /0\.\d+/ -->", "<!-- kit: varies within 1 -->", "% kit: varies"],
)
def test_what_is_marked_may_differ(mark):
    assert row(f"{mark}\n\n{CODE}\n{OUTPUT}")[1] == "varies"


@pytest.mark.parametrize("mark", ["", "line 1", r"/0\.\d+/", "within 1", "line nothing"])
def test_what_is_not_marked_still_counts(mark):
    comment = f"<!-- kit: varies {mark} -->\n\n" if mark else ""
    assert row(comment + CODE + OUTPUT.replace("rows: 3", "rows: four"))[1] == "defect"


def test_a_mark_may_stand_in_the_code_or_above_the_output():
    assert row(CODE.replace("import", "# kit: varies line 1\nimport") + OUTPUT)[1] == "varies"
    assert row(f"{CODE}\n<!-- kit: varies line 1 -->\n\n{OUTPUT}")[1] == "varies"


def test_a_marked_output_that_is_there_no_more_is_a_defect():
    assert row("<!-- kit: varies -->\n\n```python\nx = 1\n```\n\n```output\n0.5\n```\n") == ("changed", "defect")


@pytest.mark.parametrize(
    ("mark", "stored", "fresh", "same"),
    [
        ("line took", "took 3 s\nrows", "took 4 s\nrows", True),
        ("line took", "took 3 s\nrows", "rows", False),
        ("within 5%", "scored 0.80", "scored 0.83", True),
        ("within 5%", "scored 0.80", "scored 0.85", False),
        ("within 0.1", "a 1 b 2", "a 1.05 b 2.2", False),
        (r"/\d+ ms/", "in 12 ms", "in 7 ms", True),
        (r"/\d+ ms/", "in 12 ms", "in 7 s", False),
    ],
)
def test_a_mark_takes_out_what_it_says_and_nothing_else(mark, stored, fresh, same):
    old, new = without_varying(stored, fresh, [read_varying(mark)])
    assert (old == new) is same


@pytest.mark.parametrize("text", ["maybe", "within", "line", "/(/"])
def test_a_mark_that_says_nothing_is_refused(text):
    with pytest.raises(KitError, match="mark|pattern"):
        read_varying(text, "page")


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("<!-- skip: next -->", "skip: next"),
        ('<!--- skip: next "not on CI" -->', 'skip: next "not on CI"'),
        ("% skip: next", "skip: next"),
        ("<!--pytest-codeblocks:skip-->", "pytest-codeblocks:skip"),
        ("<!--pytest.mark.skip-->", "pytest.mark.skip"),
        ("<!--phmdoctest-skip-->", "phmdoctest-skip"),
        ("<!-- kit: skip needs a GPU -->", "needs a GPU"),
    ],
)
def test_skip_marks_of_markdown_are_understood(mark, reason):
    page = parse_text(f"{mark}\n\n```python\n1 / 0\n```\n\n```python\n2\n```\n")
    assert list(runs_on_page(page, all_tabs=False).values()) == [f"skipped: {reason}", ""]


@pytest.mark.parametrize(
    "info", ['python test="skip"', '{.python test="skip"}', "python notest", '{"python" test=skip}']
)
def test_skip_marks_behind_a_fence_are_understood(info):
    (block,) = parse_text(f"```{info}\n1 / 0\n```").code
    assert any(mark.startswith("skip") for mark in block.marks)


def test_what_stands_between_skip_start_and_skip_end_is_not_run():
    cells = "```python\n1\n```\n\n"
    page = parse_text(f"{cells}<!-- skip: start -->\n\n{cells}{cells}<!-- skip: end -->\n\n{cells}")
    assert [bool(reason) for reason in runs_on_page(page, all_tabs=False).values()] == [False, True, True, False]


def test_a_session_skips_what_doctest_skips():
    page = parse_text("```pycon\n>>> 1 / 0  # doctest: +SKIP\n>>> 2\n2\n```\n")
    assert list(runs_on_page(page, all_tabs=False).values()) == ["skipped: doctest +SKIP", ""]


def test_a_comment_that_marks_nothing_is_prose_and_skips_nothing():
    page = parse_text("<!-- skip this when tired -->\n\n```python\n1\n```\n")
    assert (page.blocks[0].kind, page.code[0].marks) == ("prose", ())


def test_an_expected_error_must_come():
    fence = "<!--pytest-codeblocks:expect-error-->\n\n```python\n{}\n```\n"
    assert row(fence.format("1 / 0"))[1] == "holds"
    assert row(fence.format("1"))[1] == "defect"


def notebook(*cells):
    book = nbformat.v4.new_notebook()
    for source, tags, printed in cells:
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": tags})
        if printed:
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
        book.cells.append(cell)
    return parse_source(nbformat.writes(book), "book.ipynb")


def test_a_notebooks_tags_mean_what_they_mean_to_nbval():
    page = notebook(
        ("1 / 0", ["skip-execution"], ""),
        ("1 / 0", ["nbval-skip"], ""),
        ("print(2)", ["nbval-ignore-output"], "1\n"),
        ("1 / 0", ["raises-exception"], ""),
        ("# NBVAL_IGNORE_OUTPUT\nprint(2)", [], "1\n"),
        ("print(2)", [], "1\n"),
    )
    assert [v.row for v in replay_page(page).verdicts] == ["holds", "holds", "varies", "holds", "varies", "defect"]


def test_the_tags_of_a_myst_directive_are_read():
    page = parse_text("```{code-cell} ipython3\n:tags: [hide-input, skip-execution]\n1 / 0\n```")
    assert runs_on_page(page, all_tabs=False) == {"top/code-1": "skipped: skip-execution"}


def test_two_runs_propose_marks_for_what_varies_and_the_ledger_keeps_them(tmp_path):
    page = parse_text(CODE + OUTPUT)
    first, again = (replay_page(page) for _ in range(2))
    (mark,) = proposed(page, first.passes[0], again.passes[0])
    assert mark.what.startswith("/") and "rows" not in mark.what
    file = tmp_path / "page.toml"
    file.write_text(fingerprint(page) + f"\n[[varies]]\nblock = '{mark.block}'\nwhat = '{mark.what}'\n")
    ledger = load_ledger(file)
    assert report_page(page, first, ledger).ok
    assert "[[varies]]" in to_toml(ledger)


def test_a_ledgers_mark_of_no_block_is_refused(tmp_path):
    file = tmp_path / "page.toml"
    file.write_text(fingerprint(parse_text(CODE)) + "\n[[varies]]\nblock = 'none/code-1'\nwhat = ''\n")
    with pytest.raises(KitError, match="no block of the page has that id"):
        load_ledger(file)

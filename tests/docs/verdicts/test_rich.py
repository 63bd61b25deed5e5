"""Outputs beside plain text are compared by what they hold, or said to be uncompared: never the same unseen."""

import pytest

from kit.docs.records import BlockOutcome
from kit.docs.run.replay import replay_page
from kit.docs.verdicts.cell import judge_cell
from kit.docs.verdicts.rich import html_text
from kit.kernels.outputs import output_text, without_bulk
from kit.pages.markdown import parse_text
from kit.pages.page import Block

TABLE = "<table><tr><th>name</th></tr><tr><td>{}</td></tr></table>"
OBJECT = "<IPython.core.display.HTML object>"
A = {"text/html": TABLE.format("a"), "text/plain": OBJECT}
CODE = Block("b", "code", "", (1, 1), "", "f()", "python", markup="cell")


def judged(stored, fresh):
    """The verdict on a notebook's cell that stores one bundle and shows another."""
    old, new = (without_bulk({"output_type": "display_data", "data": dict(bundle)}) for bundle in (stored, fresh))
    output = Block("b/output", "output", "", (1, 1), "", output_text(old), markup="cell", outputs=(old,))
    return judge_cell(BlockOutcome("b", "ran", outputs=(new,)), CODE, [output])


@pytest.mark.parametrize(
    ("stored", "fresh", "verdict"),
    [
        (A, A, "same"),
        (A, {"text/html": TABLE.format("b"), "text/plain": OBJECT}, "similar"),
        ({"text/html": TABLE.format("a")}, {"text/html": TABLE.format("a").replace("<td>", "<td id='T_1'>")}, "same"),
        ({"application/json": {"a": 1, "b": 2}}, {"application/json": {"b": 2, "a": 1}}, "equivalent"),
        ({"application/json": {"a": 1}}, {"application/json": {"a": 2}}, "similar"),
        ({"image/png": "AAAA"}, {"image/png": "AAAA"}, "same"),
        ({"image/png": "AAAA"}, {"image/png": "BBBB"}, "uncompared"),
        ({"image/png": "AAAA"}, {"text/plain": "a"}, "changed"),
        ({"application/javascript": "a()"}, {"application/javascript": "b()"}, "uncompared"),
    ],
)  # fmt: skip
def test_a_form_is_compared_by_what_it_holds(stored, fresh, verdict):
    assert judged(stored, fresh).verdict == verdict


def test_what_was_not_compared_is_named():
    verdict = judged({"image/png": "AAAA", "text/plain": "1"}, {"image/png": "BBBB", "text/plain": "1"})
    assert (verdict.uncompared, verdict.detail) == (("image/png",), "not compared: image/png")


def test_html_is_read_as_its_rows():
    html = f"<style>p {{}}</style><p>Two <b>words</b></p>{TABLE.format('a')}<script>x()</script>"
    assert html_text(html) == "Two words\nname\na"


def test_a_page_in_markdown_may_show_the_words_of_html():
    code = "from IPython.display import HTML\nHTML('<b>bold</b> words')"
    page = parse_text(f"```python\n{code}\n```\n\n```output\nbold words\n```\n")
    assert [v.verdict for v in replay_page(page).verdicts] == ["same"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("```python\nprint(1)\n#> 1\nprint(2)\n#> 2\n```\n", "same"),
        ("```python\nprint(1)\n#> 2\n```\n", "changed"),
        ('```python\nprint("a\\nb")\n#> a\n#> b\n```\n', "same"),
    ],
)
def test_comments_that_say_what_is_printed_are_compared(text, verdict):
    assert [v.verdict for v in replay_page(parse_text(text)).verdicts] == [verdict]


def test_an_output_that_is_nobodys_is_told():
    text = "```python\n1\n```\n\n# Other\n\n```output\n2\n```\n"
    replay = replay_page(parse_text(text))
    assert replay.notes == ("lines 7-9: an output below no code of its section; it was compared with nothing",)


def test_an_output_below_a_group_of_tabs_is_that_of_the_tab_that_runs():
    text = (
        "<CodeGroup>\n```python One\nprint(1)\n```\n```python Two\nprint(2)\n```\n</CodeGroup>\n\n```output\n2\n```\n"
    )
    assert [v.verdict for v in replay_page(parse_text(text)).verdicts] == ["changed", "not run"]

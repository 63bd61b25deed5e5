"""The kernel's reply decides, and a wrong row says why it is one: a defect, what follows from it, what is missing."""

import pytest

from kit.docs.run.replay import Options, replay_page
from kit.docs.verdicts.judge import runs_on_page
from kit.pages.markdown import parse_text
from tests.docs.run.test_replay import page_of


def rows(*cells):
    replay = replay_page(page_of(*cells), options=Options(allow_local=True))
    return [(v.verdict, v.row, v.cause.what if v.cause else "") for v in replay.verdicts], replay


def test_an_exception_group_is_raised_and_its_exceptions_are_named():
    found, replay = rows('raise ExceptionGroup("many", [ValueError("a"), KeyError("b")])')
    assert found == [("raised", "defect", "")]
    assert "[ValueError: a; KeyError: 'b']" in replay.failures[0].words


def test_an_error_that_the_page_hides_from_the_screen_is_raised_all_the_same():
    assert rows("get_ipython().showtraceback = lambda *a, **k: None", "1/0")[0][1] == ("raised", "defect", "")


@pytest.mark.parametrize(
    "code", ["sys.stdout.close()", "sys.stdout = None", "sys.stdout = io.StringIO(); sys.stdout.close()"]
)
def test_a_page_that_takes_stdout_away_gets_its_verdicts(code):
    found, _ = rows(f"import io, sys\n{code}", "1/0")
    assert [verdict for verdict, *_ in found] == ["no stored output", "raised"]


def test_a_cell_that_ends_the_kernel_is_the_cause_of_what_is_not_run():
    found, replay = rows("exit()", "1")
    assert found == [("kernel died", "defect", ""), ("not run", "follows from", "top/code-1")]
    assert len(replay.failures) == 1


def test_a_page_that_fakes_the_kits_probe_gets_its_verdicts():
    fake = "import sys, types\nsys.modules['_kit_docs'] = types.SimpleNamespace(look=lambda f: 7)"
    assert rows(fake, "1/0")[0][1][0] == "raised"


def test_a_missing_package_is_environment_and_what_needs_it_follows():
    found, replay = rows("import nothing_here\nclient = nothing_here.Client()", "client.go()", "typo")
    assert found == [
        ("raised", "environment", "package nothing_here"),
        ("raised", "follows from", "top/code-1"),
        ("raised", "defect", ""),
    ]
    assert [failure.block_id for failure in replay.failures] == ["top/code-3"]
    assert len(replay.excused) == 2


@pytest.mark.parametrize(
    ("code", "row", "what"),
    [
        ("import os\nos.environ['COHERE_API_KEY']", "environment", "key COHERE_API_KEY"),
        ("import urllib.request as r\nr.urlopen('http://127.0.0.1:9')", "environment", "network"),
        ("import json.nothing", "defect", ""),
        ("{}['name']", "defect", ""),
    ],
)
def test_what_this_machine_lacks_is_told_from_what_the_page_gets_wrong(code, row, what):
    assert rows(code)[0] == [("raised", row, what)]


def test_milvus_filter_language_is_no_python():
    page = parse_text("```python\njson_contains(x, 1) # => True\n```\n\n```python\nprint(json_contains(x, 1))\n```\n")
    assert [bool(reason) for reason in runs_on_page(page, all_tabs=False).values()] == [True, False]


SESSION = "```pycon\n>>> 1 + 1\n3\n>>> for i in range(2):\n...     print(i)\n0\n1\n```\n"


def test_each_example_of_a_session_is_run_and_compared():
    replay = replay_page(parse_text(SESSION))
    assert [v.verdict for v in replay.verdicts] == ["changed", "same"]


@pytest.mark.parametrize(
    "words",
    ["Output:", "This prints:", "**Result**:", "produces", "Expected output-", "Here is the output it produces."],
)
def test_an_output_below_a_word_that_announces_it_is_compared(words):
    page = parse_text(f"```python\nprint('a')\n```\n\n{words}\n\n```text\nb\n```\n")
    assert [v.verdict for v in replay_page(page).verdicts] == ["changed"]


def test_an_output_of_another_section_is_nobodys():
    page = parse_text("```python\nprint('a')\n```\n\n# Other\n\nOutput:\n\n```text\nb\n```\n")
    assert page.stored(page.code[0]) == []


@pytest.mark.parametrize(
    "text",
    [
        "```{code-block} python\n:linenos:\nx = 1\n```",
        "```{code-cell} ipython3\n:tags: [hide-input]\nx = 1\n```",
        "```{code-cell} ipython3\n---\ntags: [hide-input]\n---\nx = 1\n```",
        '```title="a.py" python\nx = 1\n```',
        "```{.python .numberLines}\nx = 1\n```",
        '<pre><code class="language-python">x = 1\n</code></pre>',
    ],
)
def test_python_is_read_from_directives_attributes_and_html(text):
    assert [(b.language, b.text) for b in parse_text(text).code] == [("python", "x = 1\n")]


def test_what_reads_a_name_that_a_failed_cell_would_have_made_anew_follows_from_that_cell():
    cells = (
        "point = 1",
        "point = nowhere()",
        "twice = 2 * point",
        "twice\n```\n\n```text\n4",
        "point = 3",
        "point\n```\n\n```text\n4",
    )
    assert [(row, what) for _, row, what in rows(*cells)[0]] == [
        ("holds", ""), ("defect", ""), ("holds", ""), ("follows from", "top/code-2"), ("holds", ""), ("defect", ""),
    ]  # fmt: skip

"""A page that is a script runs as one; a notebook's cells stay cells."""

import pytest

from kit.docs.run.replay import replay_page
from kit.docs.run.scripts import Script, is_script, scripts
from kit.pages.markdown import parse_text
from kit.pages.sources import parse_source

ASYNC = "import asyncio\n\n\nasync def main():\n    print('ran')\n\n\nasyncio.run(main())"


def page_of(*cells):
    return parse_text("\n\n".join(f"```python\n{cell}\n```" for cell in cells))


def test_a_script_with_a_loop_of_its_own_holds_and_leaves_its_names():
    replay = replay_page(page_of(ASYNC, "await main()", "asyncio.run(main())", "main.__name__"))
    assert [v.row for v in replay.verdicts] == ["holds"] * 4
    assert [o.outputs[-1].get("text", "") for o in replay.passes[0].outcomes[:3]] == ["ran\n"] * 3


def test_a_script_knows_its_file_and_its_arguments():
    code = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--name')\n" \
           "print(parser.parse_args().name, __file__.rsplit('/')[-1])"  # fmt: skip
    page = parse_text(f'```python title="src/ask.py"\n{code}\n```\n\n```bash\npython src/ask.py --name Ada\n```\n')
    (outcome, _) = replay_page(page).passes[0].outcomes
    assert outcome.outputs[0]["text"] == "Ada ask.py\n"


def test_a_script_may_end_with_exit_0_and_not_with_1():
    page = page_of("import sys\nif __name__ == '__main__':\n    sys.exit(0)", "sys.exit(1)")
    assert [v.row for v in replay_page(page).verdicts] == ["holds", "defect"]


def test_a_loop_that_a_notebook_starts_is_refused_as_in_jupyter():
    import nbformat

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ASYNC)])
    (verdict,) = replay_page(parse_source(nbformat.writes(book), "a.ipynb")).verdicts
    assert (verdict.verdict, verdict.row) == ("raised", "defect")


@pytest.mark.parametrize(
    ("code", "script"),
    [
        (ASYNC, True),
        ("loop.run_until_complete(f())", True),
        ("Path(__file__).parent", True),
        ("if __name__ == '__main__':\n    main()", True),
        ("args = parser.parse_args()", True),
        ("await main()", False),
        ("print('asyncio.run')", False),
        ("x = = 1", False),
    ],
)
def test_a_script_is_told_by_what_only_a_script_can_do(code, script):
    assert is_script(code) is script


def test_the_commands_of_a_page_say_how_its_script_is_started():
    page = parse_text("```python\nprint(__file__)\n```\n\n```console\n$ python run.py a 'b c' | head\n```\n")
    assert scripts(page) == {"top/code-1": Script("run.py", ("a", "b c"))}


def test_blocks_of_a_page_without_a_script_are_cells():
    assert scripts(page_of("x = 1", "await f()")) == {}

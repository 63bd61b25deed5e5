"""Sessions in which lines have no prompt are read as a reader reads them, and others stay as they are."""

from __future__ import annotations

from doctest import DocTestParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.pages.markdown import parse_text
from kit.pages.sessions import prompted

OPEN_BRACKET = """>>> dumps(
    {"a": 1},
    option=INDENT,
)
b'{}'
>>> 1
1
"""
BARE_PROMPT = """>>> import dataclasses
>>>
@dataclasses.dataclass
class User:
    name: str

    age: int = 3

>>> User("Ann").age
3
"""
AS_DOCTEST_HAS_THEM = """>>> for n in range(2):
...     print(n)
...
0
1
>>> f(1,
...   2)
3
>>> 1 / 0
Traceback (most recent call last):
...
ZeroDivisionError: division by zero
"""
CLASS = "@dataclasses.dataclass\nclass User:\n    name: str\n\n    age: int = 3\n\n"
LINES = (">>> f(", ">>> x", ">>>", "... 1", ")", "", "text", "  a = (", '"""')


@pytest.mark.parametrize(
    ("session", "codes", "outputs"),
    [
        (OPEN_BRACKET, ['dumps(\n    {"a": 1},\n    option=INDENT,\n)\n', "1\n"], ["b'{}'\n", "1\n"]),
        (BARE_PROMPT, ["import dataclasses\n", CLASS, 'User("Ann").age\n'], ["3\n"]),
    ],
)
def test_lines_without_a_prompt_belong_to_the_statement_above(session, codes, outputs):
    blocks = parse_text(f"# Page\n\n```python\n{session}```\n").blocks
    assert [block.text.strip() for block in blocks if block.kind == "code"] == [code.strip() for code in codes]
    assert [block.text.strip() for block in blocks if block.kind == "output"] == [text.strip() for text in outputs]


def test_a_session_as_doctest_has_it_stays_as_it_is():
    assert prompted(AS_DOCTEST_HAS_THEM) == AS_DOCTEST_HAS_THEM


@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_no_line_is_lost_or_moved(lines):
    session = "\n".join(lines)
    for line, before in zip(prompted(session).splitlines(), session.splitlines(), strict=True):
        assert line.removeprefix(">>> ").removeprefix("... ").strip() in (before.strip(), before.strip()[4:], "")


def test_what_doctest_reads_of_it_is_what_stands_there():
    (first, second) = DocTestParser().get_examples(prompted(OPEN_BRACKET))
    assert (first.lineno, first.want, second.lineno) == (0, "b'{}'\n", 5)

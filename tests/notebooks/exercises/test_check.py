"""Exercises are judged by what an answer does: a right one is right, each usual mistake gets its hint."""

import re

import nbformat
import pytest

import kit
from kit.errors import KitError
from kit.notebooks.exercises.check import check, names
from kit.notebooks.files import notebook_text, read_notebook, tags
from kit.notebooks.manifest import Notebook, load_manifest
from kit.notebooks.run import run_notebook
from tests.notebooks.exercises import basics, measuring, operating, retrieving, searching
from tests.notebooks.exercises.also_right import ALSO_RIGHT

WRONG = basics.WRONG | measuring.WRONG | retrieving.WRONG | searching.WRONG | operating.WRONG
NUMBERS = sorted({name[:2] for name in WRONG})
SAMPLE = ("04", "05")  # in every `make test`


def test_there_are_two_exercises_a_notebook_with_five_wrong_answers_each():
    assert {notebook.stem[:2] for notebook in load_manifest().notebooks} == set(NUMBERS)
    assert sorted(WRONG) == names()
    assert [number for number in NUMBERS if len([name for name in names() if name.startswith(number)]) < 2] == []
    assert min(len(answers) for answers in WRONG.values()) >= 5


def test_an_exercise_that_is_not_there_is_told_with_the_nearest_and_no_answer_is_not_solved():
    with pytest.raises(KitError, match='There is no exercise "01-9"'):
        kit.check("01-9", 1)
    assert [repr(check("01-1", *answer)) for answer in ((), (...,), (None,))] == ["Exercise 01-1: not solved yet."] * 3


def test_what_stands_in_an_answer_is_no_markup():
    checked = check("03-2", lambda user: 1 / 0)
    assert repr(checked) == "Exercise 03-2: not right yet. Trying it raised ZeroDivisionError: division by zero"
    odd = check("01-1", type("<b>", (), {})())
    assert "<b>" not in odd._repr_mimebundle_()["text/html"]
    assert "this is a <b>" in repr(odd)


def solution(notebook, position: int) -> str:
    """The code below an exercise, which the reader unfolds."""
    (code,) = re.findall(r"```python\n(.*?)```", notebook.cells[position + 1].source, re.DOTALL)
    return code


def answered(number: str, folder) -> list[tuple[str, str, str]]:
    """Run a notebook with each answer to its exercises, the solution last: exercise, wanted, what it said."""
    (own,) = load_manifest().select([number])
    notebook = read_notebook(own.path)
    cells, asked = [], []
    for position, cell in enumerate(notebook.cells):
        if "exercise" not in tags(cell):
            cells.append(cell)
            continue
        name = cell.id.removeprefix("exercise-")
        right = solution(notebook, position)
        last = right.strip().splitlines()[-1]
        before = cell.source[: cell.source.index("kit.check(")]
        others = [(code, ": right.$") for code in ALSO_RIGHT.get(name, [])]
        for code, hint in [*WRONG[name], *others, (right, "right")]:
            source = code if hint == "right" else f"{before}\n{code}\n\n{last}"
            cells.append(nbformat.v4.new_code_cell(source))
            asked.append((name, hint, len(cells) - 1))
    notebook.cells = cells
    (folder / own.file).write_text(notebook_text(notebook), encoding="utf-8")
    result = run_notebook(Notebook(folder / own.file, own.title, own.goal, own.minutes))
    assert result.error is None, result.error
    return [(name, hint, result.executed.cells[at].outputs[-1]["data"]["text/plain"]) for name, hint, at in asked]


def check_answers(number: str, folder) -> None:
    answers = answered(number, folder)
    refused = [said for _, hint, said in answers if hint == "right" and not said.endswith(": right.")]
    unnamed = [(hint, said) for _, hint, said in answers if hint != "right" and not re.search(hint, said)]
    assert (refused, unnamed) == ([], [])


@pytest.mark.parametrize("number", SAMPLE)
def test_the_solution_is_right_and_each_mistake_gets_its_hint(number, tmp_path):
    check_answers(number, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("number", [number for number in NUMBERS if number not in SAMPLE])
def test_in_every_notebook_the_solution_is_right_and_each_mistake_gets_its_hint(number, tmp_path):
    check_answers(number, tmp_path)

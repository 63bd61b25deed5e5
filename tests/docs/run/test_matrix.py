"""A page over sets of requirements: columns, turns, sets that cannot be had. What runs a set is given by the test."""

import json
import os

import pytest

from kit.docs.records import Replay
from kit.docs.run.matrix import Column, Matrix, matrix, matrix_table
from kit.errors import KitError
from tests.docs.samples import a_replay, page

HELD = ("no stored output", "", "")


def fake_replay(source: str, requirements: str) -> Replay:
    """What a set does to the page, by its name; runs in the matrix' own processes."""
    if "==9" in requirements:
        raise KitError(f"The set {requirements!r} cannot be resolved: no such release")
    if "==8" in requirements:
        os._exit(1)
    second = ("same", "", "[1]") if "==1" in requirements else ("raised", "TypeError: no", "")
    return a_replay([HELD, second], requirements=requirements)


def test_a_block_that_turned_names_the_first_set_in_which_it_did():
    found = matrix("notes.md", ["a==1", "a==2", "latest"], fake_replay, at_once=2)
    assert [line.cells for line in found.lines] == [
        ("no stored output", "no stored output", "no stored output"),
        ("same", "raised TypeError", "raised TypeError"),
    ]
    assert found.lines[0].turns == ()
    assert found.lines[1].turns == (("a==2", "same", "raised TypeError"),)


def test_a_set_that_cannot_be_had_is_a_column_that_says_why_and_turns_nothing():
    found = matrix("notes.md", ["a==1", "a==9", "a==8", "a==2"], fake_replay, at_once=4)
    assert found.columns[1].problem == "The set 'a==9' cannot be resolved: no such release"
    assert "its process was killed" in found.columns[2].problem
    assert [line.turns[0].requirements for line in found.lines if line.turns] == ["a==2"]


def test_the_second_run_and_other_findings_are_in_the_cell():
    replay = a_replay([HELD, ("same", "", "[1]")], [HELD, ("raised", "NameError: no", "")])
    assert Column("", replay).cell(page().code[1]) == "same then raised NameError"


def test_the_matrix_as_json_and_as_a_table():
    found = Matrix("notes.md", (Column("a==1", fake_replay("", "a==1")), Column("a==9", None, "no such release")))
    content = json.loads(found.to_json())
    assert content["sets"][1] == {"set": "a==9", "problem": "no such release", "versions": {}}
    assert content["lines"][1] == {"block": "notes/code-2", "cells": ["same", ""], "turned": []}
    assert matrix_table(found).row_count == 2


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ([], "Wanted sets of requirements"),
        (["a==1", "a==1"], "was given twice"),
        (["--x"], "Wanted a set"),
    ],
)
def test_wrong_sets_are_refused_before_anything_runs(sets, words):
    with pytest.raises(KitError, match=words):
        matrix("notes.md", sets, fake_replay)

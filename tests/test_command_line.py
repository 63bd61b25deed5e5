"""The command line is a newcomer's first map."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import kit
from kit.__main__ import OLD_NAMES, app
from kit.errors import KitError

ROOT = Path(__file__).parent.parent


def commands(command, path=("kit",)):
    """Every command that a user can see, with the words that call it."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    elif not command.hidden:
        yield " ".join(path), command


EVERY = dict(commands(typer.main.get_command(app)))


def test_the_first_map_has_seven_places():
    group = typer.main.get_command(app)
    visible = [name for name in group.list_commands(None) if not group.commands[name].hidden]
    assert visible == ["tour", "notebooks", "docs", "bench", "prove", "server", "doctor"]


@pytest.mark.parametrize("name", EVERY)
def test_the_help_of_every_command_has_an_example_that_calls_it(name):
    assert name in EVERY[name].help, f"{name} --help shows no example"


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_an_old_name_answers_with_the_new_one(old, new):
    result = CliRunner().invoke(app, [old, "--json", "whatever"])
    assert isinstance(result.exception, KitError)
    assert str(result.exception).startswith(f"`kit {old}` is now `{new}`. Run: {new}")
    assert new in EVERY or f"\n{new.removeprefix('make ')}:" in (ROOT / "Makefile").read_text()


def test_version_is_the_packages():
    assert CliRunner().invoke(app, ["--version"]).output == f"kit {kit.__version__}\n"

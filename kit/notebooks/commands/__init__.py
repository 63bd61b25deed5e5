"""`kit tour` and `kit notebooks …`: arguments in, one call into the room, a table and an exit status out."""

from __future__ import annotations

import typer

from kit.notebooks.commands.compare import compare
from kit.notebooks.commands.copy import copy
from kit.notebooks.commands.lint import lint
from kit.notebooks.commands.list import list_
from kit.notebooks.commands.run import run
from kit.notebooks.commands.tour import tour
from kit.notebooks.commands.update import update

notebooks = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, run, compare, lint, update and copy notebooks: the kit's own, or yours.",
)
notebooks.command("list")(list_)
for command in (run, compare, lint, update, copy):
    notebooks.command()(command)

__all__ = ["notebooks", "tour"]

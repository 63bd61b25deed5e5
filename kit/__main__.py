"""`kit`: the command line. Every command is one call into a room; errors become a sentence and an exit status."""

from __future__ import annotations

import sys

import typer

from kit.errors import KitError
from kit.notebooks.cli import notebooks, tour

app = typer.Typer(
    name="kit",
    help="Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(tour)
app.add_typer(notebooks, name="notebooks")


def main() -> None:
    """Run the command line: exit status 0 fine, 1 a check failed, 2 wrong use or environment."""
    try:
        app()
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("kit: stopped.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

"""`kit`: the command line. Every command is one call into a room; errors become a sentence and an exit status."""

from __future__ import annotations

import signal
import sys
from types import FrameType

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


class Stopped(BaseException):
    """Ctrl-C or a request to end; unlike KeyboardInterrupt it passes through Typer, which would exit with 1."""


def main() -> None:
    """Run the command line: exit status 0 fine, 1 a check failed, 2 wrong use or environment, 130 stopped."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print("kit: stopped.", file=sys.stderr)
        sys.exit(128 + stopped.args[0])


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends the kit at once
    raise Stopped(number)


if __name__ == "__main__":
    main()

"""`kit`: the command line. Every command is one call into a room; errors become a sentence and an exit status."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from kit.bench.commands.run import bench
from kit.docs.commands import docs
from kit.errors import KitError
from kit.notebooks.commands import notebooks, tour
from kit.server.commands import doctor, server

app = typer.Typer(
    name="kit",
    help="Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(tour)
app.command()(doctor)
app.add_typer(notebooks, name="notebooks")
app.add_typer(server, name="server")
app.add_typer(bench, name="bench")
app.add_typer(docs, name="docs")


@app.command()
def readme(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The README.")] = Path("README.md"),
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if a part is stale.")] = False,
) -> None:
    """Write the README's tables of notebooks and commands, made from index.toml and from --help, or check them.

    Examples: `kit readme` · `kit readme --check`
    """
    from kit.notebooks.coverage import table_markdown
    from kit.notebooks.manifest import load_manifest
    from kit.readme import check_parts, commands_markdown

    parts = {
        "notebooks": table_markdown(load_manifest()),
        "commands": commands_markdown(typer.main.get_command(app)),
    }
    stale = check_parts(file, parts, write=not check)
    told = "OUT OF DATE. Run: kit readme" if check else "rewritten"
    print(f"{file}: {', '.join(stale)}: {told}." if stale else f"{file}: up to date.")
    raise typer.Exit(1 if check and stale else 0)


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

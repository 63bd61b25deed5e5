"""`kit`: the command line. Every command is one call into a room; errors become a sentence and an exit status."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kit import __version__
from kit.bench.commands.run import bench
from kit.docs.commands import docs
from kit.errors import KitError
from kit.extras import missing_package
from kit.milvus.prove.command import prove
from kit.notebooks.commands import notebooks, tour
from kit.server.commands import doctor, server

OLD_NAMES = {  # of the first release
    "probe": "kit docs probe",
    "serve-openai": "kit server openai",
    "readme": "make readme",
}


class FirstMap(TyperGroup):
    """The places in the order in which a newcomer needs them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click hands its context
        return ["tour", "notebooks", "docs", "bench", "prove", "server", "doctor", *OLD_NAMES]


app = typer.Typer(
    name="kit",
    cls=FirstMap,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(tour)
app.add_typer(notebooks, name="notebooks")
app.add_typer(docs, name="docs")
app.add_typer(bench, name="bench")
app.command()(prove)
app.add_typer(server, name="server")
app.command()(doctor)


@app.callback(invoke_without_command=True)
def kit_command(
    version: Annotated[bool, typer.Option("--version", help="Print the kit's version and exit.")] = False,
) -> None:
    """Notebooks, docs regression tests and retrieval benchmarks for LangChain with Milvus.

    Begin with `kit doctor`, then `kit tour`. Your own material: `kit notebooks run FILE`, `kit docs replay PAGE`,
    `kit bench run --dataset FOLDER`.
    """
    if version:
        print(f"kit {__version__}")
        raise typer.Exit


def _old_name(name: str, new: str) -> None:
    """An old name answers with the new one."""

    @app.command(name=name, hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
    def moved() -> None:
        raise KitError(f"`kit {name}` is now `{new}`", mend=f"Run: {new}{' --help' if new.startswith('kit') else ''}")


for old, new in OLD_NAMES.items():
    _old_name(old, new)


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
    except ModuleNotFoundError as error:
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "kit")
        print(f"kit: {missing_package(error, command)}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print("kit: stopped.", file=sys.stderr)
        sys.exit(128 + stopped.args[0])


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends the kit at once
    raise Stopped(number)


if __name__ == "__main__":
    main()

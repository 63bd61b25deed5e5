"""The arguments that several commands of `kit docs` take, and how a failed command ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from kit.errors import KitError, nearest

PageArgument = Annotated[str, typer.Argument(help="A docs page: a .md, .mdx or .ipynb file, or its address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
LedgerFile = Annotated[
    Path | None,
    typer.Option("--ledger", help="The page's ledger; beside the page, or the kit's own of that name, when not given."),
]
Html = Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML.")]
Notebooks = Annotated[Path | None, typer.Option(help="The folder of the notebooks; the kit's own when not given.")]
Twice = Annotated[bool, typer.Option("--twice", help="Run it again on the files it left, as readers do.")]
Places = Annotated[list[str] | None, typer.Option("--place", help="relative/path=FILE: a file that the page reads.")]
Answers = Annotated[list[str] | None, typer.Option("--answer", help="WORDS=TEXT: what to type at a prompt with WORDS.")]
AllowInstall = Annotated[
    bool, typer.Option("--allow-install", help="Run %pip and shell lines too, in an environment of the page's own.")
]
AllTabs = Annotated[bool, typer.Option("--all-tabs", help="Run every tab, not only the first of each.")]
AllowLocal = Annotated[
    bool, typer.Option("--allow-local", help="Run even when a service listens on a local port that it names.")
]
MilvusEngine = Annotated[
    str, typer.Option("--milvus", help="What is served at the address of a Milvus server that it names: lite, server.")
]
Protect = Annotated[
    str, typer.Option("--protection", help="auto: namespaces of its own where the system allows; limits: never.")
]
CellSeconds = Annotated[float, typer.Option(min=0.1, help="What a cell may take.")]
MemoryGb = Annotated[float, typer.Option(min=0.1, help="What the kernel and its children may use.")]
OutputMb = Annotated[float, typer.Option(min=0.001, help="What a cell may write.")]


def one_of(option: str, value: str, choices: Sequence[str]) -> Any:
    """The value of an option that has a few; KitError for another."""
    if value not in choices:
        raise KitError(f"{option} is {value!r}.{nearest(value, choices)}", wanted=f"one of {', '.join(choices)}")
    return value


def fail(sentences: list[str], *, failed: bool = False, quiet: bool = False) -> None:
    """Say what is wrong, and end with status 1 when anything is."""
    if not quiet:
        for sentence in sentences:
            typer.echo(f"✗ {sentence}")
    if sentences or failed:
        raise typer.Exit(1)

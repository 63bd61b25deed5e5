"""What the commands of the docs room share: their arguments, and how they show what was found and end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kit.docs.report.rows import PageReport

PageArgument = Annotated[str, typer.Argument(help="A docs page: a .md, .mdx or .ipynb file, or its address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="The page's ledger; beside the page or in data/pages/ when not given.")
]
STYLES = {"yes": "green", "partly": "yellow", "no": "red", "unknown": "dim",
          "confirmed": "green", "contradicted": "red"}  # fmt: skip


PIPE_WIDTH = 140


def show_report(report: PageReport, html: Path | None, junit: Path | None, *, as_json: bool) -> None:
    from kit.docs.report.files import write_html, write_junit
    from kit.docs.report.rows import print_report

    if html:
        write_html(html, report)
    if junit:
        write_junit(junit, report)
    if as_json:
        print(report.to_json())
    else:
        print_report(report, console())
    fail([], failed=not report.ok)


def print_table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell.split(" ")[0], "")) for cell in row))
    console().print(table)


def console():
    from rich.console import Console

    # Into a file or a pipe a table is as wide as it needs to be read, not as the 80 columns of no terminal.
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def fail(sentences: list[str], *, failed: bool = False, quiet: bool = False) -> None:
    """Say what is wrong, and end with status 1 when anything is."""
    if not quiet:
        for sentence in sentences:
            typer.echo(f"✗ {sentence}")
    if sentences or failed:
        raise typer.Exit(1)

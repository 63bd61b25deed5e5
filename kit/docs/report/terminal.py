"""What the commands show: a page's report in every form that was asked for, and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from kit.docs.report.files import write_html, write_junit
from kit.docs.report.rows import PageReport, print_report
from kit.reports.terminal import console

STYLES = {"yes": "green", "partly": "yellow", "no": "red", "unknown": "dim", "not": "dim",
          "confirmed": "green", "contradicted": "red"}  # fmt: skip


def show_report(report: PageReport, html: Path | None, junit: Path | None, *, as_json: bool) -> None:
    """Write the files that were asked for, and print the report as JSON or as a table."""
    if html:
        write_html(html, report)
    if junit:
        write_junit(junit, report)
    if as_json:
        print(report.to_json())
    else:
        print_report(report, console())


def print_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table whose cells are coloured by their first word, such as `yes` or `contradicted`."""
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell.split(" ")[0], "")) for cell in row))
    console().print(table)

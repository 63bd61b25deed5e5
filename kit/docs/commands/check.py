"""`kit docs check`: many pages, one report."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.options import Html, Json, Junit
from kit.files.write import write_whole

if TYPE_CHECKING:
    from kit.docs.site.check import PageResult, SiteReport

Pages = Annotated[
    list[str] | None, typer.Argument(help="Folders, pages, globs, addresses or a kit-docs.toml; here when not given.")
]


def check(
    pages: Pages = None,
    since: Annotated[str | None, typer.Option(help="Only pages that are not as in this revision of git.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run every page, whether or not something changed.")] = False,
    at_once: Annotated[int, typer.Option(min=0, help="Pages side by side; 0: as memory and cores allow.")] = 0,
    html: Html = None,
    junit: Junit = None,
    issue: Annotated[Path | None, typer.Option(help="Write every unknown defect as a text for an issue.")] = None,
    as_json: Json = False,
) -> None:
    """Check a site: run the code of every page, hold each against its ledger, and say it in one report.

    This runs the pages' code as you. A page whose code, options, files, releases and engine are as they were is not
    run again; --fresh runs all. Options of each page stand in kit-docs.toml. A check that was stopped goes on where it
    was. On GitHub, defects are annotated on the pages' lines and the job's summary shows the table.

    Exit status: 0 every page is as its ledger knows it, 1 a defect that no ledger knows, 2 a page was not checked.

    Examples: `kit docs check docs/` · `kit docs check docs/ --since main --html report.html`
    """
    from kit.docs.site.check import changed_since, check_pages
    from kit.docs.site.config import find_jobs
    from kit.docs.site.files import to_json, write_html, write_junit
    from kit.docs.site.github import annotation_lines, issue_text, write_summary

    jobs = find_jobs(pages or [])
    if since:
        jobs = changed_since(jobs, since)
        if not jobs:
            typer.echo(f"No page changed since {since}.", err=True)
            return
    typer.echo(f"Checking {len(jobs)} pages: their code runs as you, in scratch folders …", err=True)
    report = check_pages(jobs, fresh=fresh, at_once=at_once, progress=_tell)
    for path, write in ((html, write_html), (junit, write_junit)):
        if path:
            write(path, report)
    if issue:
        write_whole(issue, issue_text(report))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotation_lines(report):
            print(line, file=sys.stderr if as_json else sys.stdout)
        write_summary(report)
    if as_json:
        print(to_json(report))
    else:
        _print(report)
    if report.exit_status:
        raise typer.Exit(report.exit_status)


def _tell(page: PageResult, ended: int, count: int) -> None:
    words = page.problem or (f"{len(page.unknown)} unknown defects" if page.unknown else page.status)
    unchanged = "" if page.ran or page.skipped or page.problem else " (unchanged)"
    typer.echo(f"[{ended}/{count}] {page.source}: {words}{unchanged}", err=True)


def _print(report: SiteReport) -> None:
    from rich.table import Table
    from rich.text import Text

    from kit.docs.site.files import ROWS
    from kit.reports.terminal import console

    table = Table(header_style="bold")
    table.add_column("Page", overflow="fold")
    table.add_column("Verdict")
    for kind in ROWS:
        table.add_column(kind, justify="right")
    colours = {"holds": "green", "defects": "red", "not checked": "yellow", "skipped": "dim"}
    for page in report.pages:
        counts = [str(page.count(kind) or "") for kind in ROWS]
        table.add_row(Text(page.source), Text(page.status, style=colours[page.status]), *counts)
    console().print(table)
    for page in report.pages:
        if page.report:
            for sentence in page.report.held.sentences:
                console().print(f"✗ {page.source}: {sentence}", markup=False, highlight=False)
        if page.problem:
            console().print(f"– {page.source}: {page.problem}", markup=False, highlight=False)
    console().print(f"\n{report.summary}", markup=False, highlight=False)

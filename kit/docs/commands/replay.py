"""`kit docs replay`: one page, run as written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from kit.docs.commands.options import Html, Json, Junit, PageArgument, Twice, fail, takes_a_page

if TYPE_CHECKING:
    from kit.docs.run.replay import Progress
    from kit.docs.site.config import Job
    from kit.pages.page import Block


@takes_a_page
def replay(
    page: PageArgument,
    job: Job,
    twice: Twice = None,
    html: Html = None,
    junit: Junit = None,
    as_json: Json = False,
) -> None:
    """Run a page's Python code unchanged, in order, in a fresh kernel, and say for each block whether it still holds.

    This runs the page's code as you. It runs in a scratch folder, without your environment's keys, within limits of
    time, memory, disk and output, and what it leaves running is stopped; where the system allows, its processes and
    its network are its own. But it is no prison: it may read what you may read. The report says what kept it apart.

    A Milvus server that the page names is served to it alone; one of yours at that address is not touched.

    Exit status 1 for anything that the page's ledger of known defects does not excuse.

    Examples: `kit docs replay page.md` · `kit docs replay page.mdx --twice --html report.html`
    """
    from kit.docs.check import report_page
    from kit.docs.report.terminal import show_report
    from kit.docs.run.replay import replay_page
    from kit.docs.site.check import job_ledger
    from kit.pages.sources import read_page

    read = read_page(page)
    known = job_ledger(job)
    typer.echo(f"Running the code of {page}, as you, in a scratch folder …", err=True)
    outcome = replay_page(
        read,
        twice=job.twice if twice is None else twice,
        requirements=job.requirements,
        options=job.options,
        progress=_progress(),
    )
    report = report_page(read, outcome, known, claims=job.claims)
    show_report(report, html, junit, as_json=as_json)
    fail([], failed=not report.ok)


def _progress() -> Progress | None:
    """A line on a terminal that says where the run is; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def tell(run: int, block: Block, position: int, count: int) -> None:
        line = f"run {run}: {position} of {count}, {block.id}"[:78]
        print(f"\r{line:<78}", end="\r" if position == count else "", file=sys.stderr, flush=True)

    return tell

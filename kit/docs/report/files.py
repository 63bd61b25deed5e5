"""The report as files: JUnit XML for CI systems, and one HTML page that opens without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kit.docs.report.rows import BlockRow, PageReport
from kit.files.write import write_whole
from kit.reports import junit
from kit.reports.html import render
from kit.reports.junit import Case


def write_junit(path: Path, report: PageReport) -> None:
    """Write the XML file."""
    junit.write_junit(path, "kit docs replay", {report.replay.page: cases(report)})


def write_html(path: Path, report: PageReport) -> None:
    """Write the HTML page."""
    write_whole(path, html_page(report))


def cases(report: PageReport) -> Iterator[Case]:
    """A test case for each block that was tried; what the ledger excuses is a case that passes.

    Changed blocks and defects that no longer show are cases of their own.
    """
    replay, held = report.replay, report.held
    for row in report.rows():
        if row.runs or row.claims or row.failures:
            yield _case(row, replay.page)
    for block, sentence in held.cases:
        yield Case(f"ledger: {block}", replay.page, failure=sentence)
    if replay.problem:
        yield Case("page", replay.page, failure=replay.problem)


def _case(row: BlockRow, page: str) -> Case:
    unknown = "\n".join(f"{failure.kind}: {failure.evidence}" for failure, defect in row.failures if defect is None)
    known = "\n".join(f"known defect: {failure.kind}: {failure.words}" for failure, defect in row.failures if defect)
    not_run = bool(row.runs) and all(run.outcome.status == "not run" for run in row.runs)
    skipped = (row.runs[0].outcome.why or "not run") if not_run else ""
    seconds = sum(run.outcome.seconds for run in row.runs)
    return Case(row.block.id, page, seconds, failure=unknown, skipped=skipped, output=known)


def html_page(report: PageReport) -> str:
    """Each block beside what happened; all text of the page and of its outputs is escaped."""
    return render(
        Path(__file__).with_name("report.html"),
        report=report,
        replay=report.replay,
        held=report.held,
        rows=list(report.rows()),
        anchor=anchor,
    )


def anchor(row: BlockRow) -> str:
    """A block's place in the page, fit for an address."""
    return re.sub(r"[^a-z0-9-]+", "-", row.block.id.lower())

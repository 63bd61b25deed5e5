"""A check as files: one HTML report of all pages, JUnit XML with a suite a page, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit.docs.records import plain
from kit.docs.report.files import cases
from kit.docs.site.check import SiteReport
from kit.docs.site.github import STATUS, defect_text
from kit.files.write import write_whole
from kit.reports import junit
from kit.reports.html import render
from kit.reports.junit import Case

ROWS = ("defect", "follows from", "environment", "varies", "holds")


def write_html(path: Path, report: SiteReport) -> None:
    """Write the report: pages by verdict, each defect once with its text to paste, causes, what follows folded."""
    write_whole(
        path,
        render(
            Path(__file__).with_name("site.html"), report=report, defect_text=defect_text, status=STATUS, kinds=ROWS
        ),
    )


def write_junit(path: Path, report: SiteReport) -> None:
    """Write JUnit XML: a suite a page, a case a block."""
    suites: dict[str, list[Case]] = {}
    for page in report.pages:
        if page.report:
            suites[page.source] = list(cases(page.report))
        else:
            suites[page.source] = [Case("page", page.source, failure=page.problem, skipped=page.skipped)]
    junit.write_junit(path, "kit docs check", suites)


def to_json(report: SiteReport) -> str:
    """The check as JSON: each page with its status, its rows counted and its defects."""
    rows: list[dict[str, Any]] = [
        {
            "page": page.source,
            "status": page.status,
            "ran": page.ran,
            "problem": page.problem or (page.report.replay.problem if page.report else ""),
            "rows": {kind: page.count(kind) for kind in ROWS},
            "unknown": [
                {
                    **plain(failure),
                    "evidence": failure.evidence,
                    "lines": list(page.report.replay.block(failure.block_id).lines) if page.report else [],
                }
                for failure in page.unknown
            ],
            "known": len(page.report.held.known) if page.report else 0,
            "ledger": page.report.held.sentences if page.report else [],
            "excused": [plain(failure) for failure in page.report.replay.excused] if page.report else [],
        }
        for page in report.pages
    ]
    return json.dumps(
        {"summary": report.summary, "exit": report.exit_status, "pages": rows}, ensure_ascii=False, indent=1
    )

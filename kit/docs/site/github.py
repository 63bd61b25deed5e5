"""What GitHub shows of a check: annotations on the pages' lines, a summary table, and a text for an issue."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from kit.docs.records import Failure
from kit.docs.site.check import PageResult, SiteReport
from kit.settings import load_settings, mask

STATUS = {"holds": "✓ holds", "defects": "✗ defects", "not checked": "– not checked", "skipped": "· no Python code"}


def annotation_lines(report: SiteReport) -> Iterator[str]:
    """`::error file=…,line=…::` for each unknown defect, `::warning` for a page that could not be checked."""
    for page in report.pages:
        if page.status == "not checked":
            yield f"::warning {_place(page.source, 1)},title=not checked::{_data(page.problem or _problem(page))}"
        for failure in page.unknown:
            first = page.report.replay.block(failure.block_id).lines[0] if page.report else 1
            yield f"::error {_place(page.source, first)},title={_property(failure.kind)}::{_data(failure.evidence)}"


def summary_table(report: SiteReport) -> str:
    """Markdown: pages and how many rows of each kind, then every unknown defect once."""
    lines = [
        f"### {report.summary}",
        "",
        "| page | | defects | follow | environment | vary | hold |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for page in report.pages:
        counts = [page.count(row) for row in ("defect", "follows from", "environment", "varies", "holds")]
        lines.append(f"| {_cell(page.source)} | {STATUS[page.status]} | {' | '.join(map(str, counts))} |")
    for page in report.pages:
        if page.problem:
            lines += ["", f"**{_cell(page.source)}** was not checked: {_cell(page.problem)}"]
    if any(page.unknown for page in report.pages):
        lines += ["", issue_text(report)]
    return mask("\n".join(lines) + "\n", load_settings().secrets)


def issue_text(report: SiteReport) -> str:
    """Every unknown defect as it can be pasted into an issue: where, the code, what was stored and what came."""
    parts = [defect_text(page, failure) for page in report.pages for failure in page.unknown]
    return mask("\n\n".join(parts), load_settings().secrets)


def defect_text(page: PageResult, failure: Failure) -> str:
    """One defect in Markdown."""
    assert page.report  # a failure comes from one
    replay = page.report.replay
    block = replay.block(failure.block_id)
    lines = [f"**{page.source}, {block.where}** ({failure.block_id}): {failure.kind}", "", failure.evidence]
    if block.text:
        fence = "`" * max(3, *(len(run) + 1 for run in _backticks(block.text)))
        lines += ["", f"{fence}{block.language or ''}", block.text.rstrip("\n"), fence]
    names = ("python", "langchain-milvus", "pymilvus", "milvus-lite")
    lines += ["", ", ".join(f"{name} {replay.versions[name]}" for name in names if name in replay.versions)]
    return "\n".join(lines).rstrip()


def write_summary(report: SiteReport) -> None:
    """Append the table to the job's summary where GitHub asks for one."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary_table(report))


def _backticks(text: str) -> list[str]:
    return re.findall("`+", text) or [""]


def _problem(page: PageResult) -> str:
    return page.report.replay.problem if page.report else ""


def _place(source: str, line: int) -> str:
    path = Path(source)
    if "://" not in source and path.resolve().is_relative_to(Path.cwd()):
        source = str(path.resolve().relative_to(Path.cwd()))
    return f"file={_property(source)},line={line}"


def _data(text: str) -> str:
    text = mask(text, load_settings().secrets)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")

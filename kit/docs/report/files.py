"""The report as files: JUnit XML for CI systems, and one HTML page that opens without a network."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from kit.docs.report.rows import BlockRow, PageReport
from kit.files.write import write_whole
from kit.settings import mask

# Whatever a page printed, the report loads nothing and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, report: PageReport) -> None:
    """Write the XML file."""
    write_whole(path, junit_xml(report))


def write_html(path: Path, report: PageReport) -> None:
    """Write the HTML page."""
    write_whole(path, html_page(report))


def junit_xml(report: PageReport) -> str:
    """A suite a page and a test case a block that was tried; what the ledger excuses is a case that passes.

    Changed blocks and defects that no longer show are cases of their own.
    """
    replay, held = report.replay, report.held
    root = ET.Element("testsuites", name="kit docs replay")
    suite = ET.SubElement(root, "testsuite", name=replay.page)
    for row in report.rows():
        if row.runs or row.claims or row.failures:
            seconds = sum(run.outcome.seconds for run in row.runs)
            case = _case(suite, replay.page, row.block.id, seconds)
            unknown = [f"{failure.kind}: {failure.words}" for failure, defect in row.failures if defect is None]
            excused = [f"{failure.kind}: {failure.words}" for failure, defect in row.failures if defect is not None]
            if unknown:
                _say(case, "failure", "\n".join(unknown))
            elif row.runs and all(run.outcome.status == "not run" for run in row.runs):
                _say(case, "skipped", row.runs[0].outcome.why or "not run")
            if excused:
                ET.SubElement(case, "system-out").text = _xml("known defect: " + "\nknown defect: ".join(excused))
    for sentence in [*held.moved, *(s for s in held.sentences if s.startswith("no longer shows"))]:
        _say(_case(suite, replay.page, f"ledger: {sentence.split(': ')[1]}", 0.0), "failure", sentence)
    if replay.problem:
        _say(_case(suite, replay.page, "page", 0.0), "failure", replay.problem)
    cases = list(suite)
    counts = {"tests": len(cases), "errors": 0}
    counts |= {f"{tag}s".replace("skippeds", "skipped"): sum(c.find(tag) is not None for c in cases)
               for tag in ("failure", "skipped")}  # fmt: skip
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
    ET.indent(root)
    return mask(ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n")


def html_page(report: PageReport) -> str:
    """Each block beside what happened; all text of the page and of its outputs is escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("report.html").render(
        report=report,
        replay=report.replay,
        held=report.held,
        rows=list(report.rows()),
        policy=POLICY,
        anchor=anchor,
    )
    return mask(page)


def anchor(row: BlockRow) -> str:
    """A block's place in the page, fit for an address."""
    return re.sub(r"[^a-z0-9-]+", "-", row.block.id.lower())


def _case(suite: ET.Element, of: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_xml(of), name=_xml(name), time=f"{seconds:.3f}")


def _say(case: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(case, tag, message=_xml(text.split("\n", 1)[0])).text = _xml(text)


def _xml(text: str) -> str:
    return NOT_XML.sub("?", text)

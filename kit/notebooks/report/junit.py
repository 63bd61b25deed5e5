"""A tour as JUnit XML, which CI systems read: a test case for each cell that ran and for each score."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from kit.files.write import write_whole
from kit.notebooks.records import Outcome, Tour

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, tour: Tour) -> None:
    """Write the XML file; KitError when it cannot be written."""
    write_whole(path, junit_xml(tour))


def junit_xml(tour: Tour) -> str:
    """`<testsuites>` with a suite for each notebook, and one for the scores if there are any."""
    root = ET.Element("testsuites", name="kit tour", time=f"{tour.seconds:.3f}")
    for outcome in tour.outcomes:
        _suite(root, outcome.notebook.stem, _cases(outcome))
    if tour.scores:
        _suite(root, "scores", [_case(s.measure, s.name, 0.0, failure="" if s.ok else str(s)) for s in tour.scores])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(outcome: Outcome) -> list[ET.Element]:
    name = outcome.notebook.stem
    if outcome.result is None or outcome.comparison is None:
        return [_case("notebook", name, 0.0, skipped="; ".join(outcome.unmet))]
    result, error = outcome.result, outcome.result.error
    failures: dict[int, str] = {}
    for mismatch in outcome.comparison.mismatches:
        failures[mismatch.cell] = failures.get(mismatch.cell, "") + f"{mismatch.key}\n{mismatch.diff}\n"
    if error:
        failures[error.cell] = f"{error.summary}\n{error.traceback}"
    cells = sorted({index + 1 for index in result.ran} | failures.keys())
    seconds, skipped = result.ran, dict(outcome.skipped)
    return [
        _case(f"cell {n}", name, seconds.get(n - 1, 0.0), failure=failures.get(n, ""), skipped=skipped.get(n, ""))
        for n in cells
    ]


def _suite(root: ET.Element, name: str, cases: list[ET.Element]) -> None:
    counts = {
        kind: str(sum(case.find(tag) is not None for case in cases))
        for kind, tag in (("failures", "failure"), ("skipped", "skipped"))
    }
    suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)), errors="0", **counts)
    suite.extend(cases)


def _case(name: str, of: str, seconds: float, *, failure: str = "", skipped: str = "") -> ET.Element:
    case = ET.Element("testcase", name=name, classname=of, time=f"{seconds:.3f}")
    for tag, text in (("failure", failure), ("skipped", "" if failure else skipped)):
        if text:
            text = NOT_XML.sub("?", text)
            ET.SubElement(case, tag, message=text.split("\n", 1)[0]).text = text
    return case

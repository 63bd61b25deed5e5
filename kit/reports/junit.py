"""A report as JUnit XML, which CI systems read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kit.files.write import write_whole
from kit.settings import load_settings, mask

if TYPE_CHECKING:
    from junitparser import TestCase

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """A test case: it failed when there is a failure, else it was skipped when there is a reason, else it passed."""

    name: str
    class_name: str
    seconds: float = 0.0
    failure: str = ""
    skipped: str = ""
    output: str = ""


def write_junit(path: Path, name: str, suites: Mapping[str, Iterable[Case]], seconds: float | None = None) -> None:
    """Write what `junit_xml` gives; KitError when the file cannot be written."""
    write_whole(path, junit_xml(name, suites, seconds))


def junit_xml(name: str, suites: Mapping[str, Iterable[Case]], seconds: float | None = None) -> str:
    """`<testsuites>` with a suite for each title, with counts and times in seconds.

    Keys are masked, and characters that XML does not have become question marks. `seconds` is what the whole took,
    where that is not the sum of the cases.
    """
    from junitparser import JUnitXml, TestSuite

    keys = load_settings().secrets
    report = JUnitXml(_xml(name, keys))
    for title, cases in suites.items():
        suite = TestSuite(_xml(title, keys))
        suite.add_testcases([_element(_plain(case, keys)) for case in cases])
        report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]
    if seconds is not None:
        report.time = round(seconds, 3)
    report.write(file := io.BytesIO(), pretty=True)
    return file.getvalue().decode("utf-8")


def _element(case: Case) -> TestCase:
    from junitparser import Failure, Skipped, TestCase

    element = TestCase(case.name, case.class_name, round(case.seconds, 3))
    for kind, text in ((Failure, case.failure), (Skipped, "" if case.failure else case.skipped)):
        if text:
            result = kind(text.split("\n", 1)[0])
            result.text = text
            element.result = [result]
    if case.output:
        element.system_out = case.output
    return element


def _xml(text: str, keys: Iterable[str]) -> str:
    return _NOT_XML.sub("?", mask(text, keys))


def _plain(case: Case, keys: list[str]) -> Case:
    """The case without keys and without what XML does not have."""
    name, class_name, failure, skipped, output = (
        _xml(text, keys) for text in (case.name, case.class_name, case.failure, case.skipped, case.output)
    )
    return Case(name, class_name, case.seconds, failure, skipped, output)

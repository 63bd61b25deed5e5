"""The report of a run: table, JSON, JUnit and HTML say the same, and nothing in them is taken for markup."""

import io
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kit.docs.check import report_page
from kit.docs.ledger.ledger import Ledger, record
from kit.docs.records import Replay
from kit.docs.report.files import cases, html_page, write_html
from kit.docs.report.rows import print_report
from kit.errors import KitError
from kit.reports.html import SCRIPT
from kit.reports.junit import junit_xml
from tests.docs.samples import PAGE, a_replay, page

HELD = ("no stored output", "", "")
BAD = ("raised", "NameError: <b>&\x00", "")


def _report(tmp_path, *, known: bool = False, replay: Replay | None = None):
    replay = replay or a_replay([HELD, BAD])
    ledger = Ledger(tmp_path / "notes.toml", "notes")
    if known:
        ledger = record(ledger, replay.failures, page().sha256, page().blocks, "milvus-lite 3.2.2")
    return report_page(page(), replay, ledger)


@pytest.mark.parametrize(("known", "ok", "level"), [(False, False, "bad"), (True, True, "known")])
def test_a_defect_fails_the_report_unless_the_ledger_knows_it(tmp_path, known, ok, level):
    report = _report(tmp_path, known=known)
    assert report.ok is ok
    assert {row.block.id: row.level for row in report.rows()}["notes/code-2"] == level


def test_the_table_tells_the_verdict_the_words_and_what_fails(tmp_path):
    console = Console(width=140, record=True, file=io.StringIO())
    print_report(_report(tmp_path), console)
    text = console.export_text()
    assert re.search(r"notes/code-2.*raised.*raised: NameError: <b>&", text)
    assert "✗ unknown defect: notes/code-2: raised: NameError" in text


def test_json_holds_the_replay_that_can_be_read_back(tmp_path):
    report = _report(tmp_path)
    content = json.loads(report.to_json())
    assert Replay.from_json(json.dumps(content["replay"])) == report.replay
    assert (content["ok"], len(content["ledger"]["unknown"])) == (False, 1)


@pytest.mark.parametrize(("known", "failures"), [(False, "1"), (True, "0")])
def test_junit_fails_for_unknown_defects_only(tmp_path, known, failures):
    suite = ET.fromstring(junit_xml("replay", {"notes": cases(_report(tmp_path, known=known))})).find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", failures)
    case = suite.findall("testcase")[1]
    assert case.get("name") == "notes/code-2"
    assert ("known defect: raised" in (case.findtext("system-out") or "")) is known


def test_junit_fails_for_a_changed_block_and_a_defect_that_is_gone(tmp_path):
    ledger = record(Ledger(tmp_path / "x", "notes"), a_replay([HELD, BAD]).failures, "0", page().blocks, "")
    changed = page(PAGE.replace("keeps", "holds"))
    report = report_page(changed, a_replay([HELD, HELD]), ledger)
    suite = ET.fromstring(junit_xml("replay", {"notes": cases(report)})).find("testsuite")
    failed = [case.get("name") for case in suite.findall("testcase") if case.find("failure") is not None]
    assert failed == ["ledger: notes/prose-1", "ledger: notes/code-2"]


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_html_escapes_the_page_its_outputs_and_its_errors(tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=y>"
    text = PAGE.replace("It keeps notes.", evil).replace("[1]\n", evil + "\n")
    replay = a_replay([("no stored output", "", evil), ("raised", f"NameError: {evil}", "")], text=text)
    found = _Tags()
    html = html_page(report_page(page(text), replay, Ledger(tmp_path / "x", "notes")))
    found.feed(html.replace(f"<script>{SCRIPT}</script>", ""))
    assert not {"script", "img", "iframe", "link"} & found.tags
    assert all(address.startswith("#") for address in found.addresses)


def test_html_shows_each_block_beside_what_happened_and_opens_offline(tmp_path):
    text = html_page(_report(tmp_path))
    assert text.index('id="notes-code-1"') < text.index('id="notes-code-2"')
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"(?:src|href)=.https?:|@import|url\(", text)


def test_a_key_never_reaches_a_report(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-anyone-123")
    replay = a_replay([("no stored output", "", "sk-not-for-anyone-123"), HELD])
    assert "sk-not-for-anyone" not in html_page(_report(tmp_path, replay=replay))


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KitError, match="cannot be written"):
        write_html(tmp_path / "file" / "report.html", _report(tmp_path))


def test_the_ledger_command_runs_the_small_page_and_is_clean(root, tmp_path):
    from kit.__main__ import app

    page_path = root / "data" / "pages" / "milvus-in-five-minutes.md"
    outputs = ["--html", str(tmp_path / "r.html"), "--junit", str(tmp_path / "r.xml")]
    result = CliRunner().invoke(app, ["docs", "ledger", str(page_path), *outputs])
    assert result.exit_code == 0, result.output
    assert "3 known, 0 unknown" in result.output
    assert "delete returns True" in (tmp_path / "r.html").read_text()
    assert ET.parse(tmp_path / "r.xml").getroot().find("testsuite").get("failures") == "0"

"""JUnit XML: counts and times that add up, and nothing in a text that breaks it or gives a key away."""

from xml.etree import ElementTree as ET

from kit.reports.junit import Case, junit_xml, write_junit

CASES = [
    Case("holds", "a", 1.5),
    Case("breaks", "a", 0.25, failure="first\nsecond", skipped="not shown", output="known"),
    Case("waits", "a", skipped="no server"),
]


def test_a_case_fails_is_skipped_or_passes_and_the_counts_say_so():
    root = ET.fromstring(junit_xml("run", {"a": CASES, "b": []}))
    assert [(s.get("name"), *map(s.get, ("tests", "failures", "skipped", "time"))) for s in root] == [
        ("a", "3", "1", "1", "1.75"),
        ("b", "0", "0", "0", "0"),
    ]
    broken = root[0][1]
    assert (broken.find("failure").get("message"), broken.findtext("failure")) == ("first", "first\nsecond")
    assert (broken.find("skipped"), broken.findtext("system-out")) == (None, "known")
    assert root[0][2].find("skipped").get("message") == "no server"


def test_the_time_of_the_whole_may_be_told():
    assert ET.fromstring(junit_xml("run", {"a": CASES}, 61.4)).get("time") == "61.4"


def test_what_xml_does_not_have_becomes_a_question_mark():
    root = ET.fromstring(junit_xml("r\x00", {"s\x1b": [Case("c\x00", "d\x00", failure="\x1b[31m</failure>\ud800 ok")]}))
    assert (root.get("name"), root[0].get("name"), root[0][0].get("name")) == ("r?", "s?", "c?")
    assert root[0][0].findtext("failure") == "?[31m</failure>? ok"


def test_no_key_reaches_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not&for-anyone")
    write_junit(tmp_path / "j.xml", "run", {"a": [Case("c", "d", failure="it said sk-not&for-anyone there")]})
    assert ET.parse(tmp_path / "j.xml").findtext(".//failure") == "it said … there"

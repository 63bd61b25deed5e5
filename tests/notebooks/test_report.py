"""The report opens without a network, escapes what it shows, and is replaced in one step or not at all."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from filelock import FileLock

from kit.errors import KitError
from kit.notebooks.manifest import Notebook
from kit.notebooks.outputs.compare import compare
from kit.notebooks.records import NotebookOutcome, Tour
from kit.notebooks.report.html import index_page, notebook_page
from kit.notebooks.report.junit import suites
from kit.notebooks.report.tables import skipped
from kit.notebooks.run import NotebookError, NotebookResult, Seconds
from kit.reports.baselines import ScoreVerdict
from kit.reports.folder import report_place
from kit.reports.html import POLICY, SCRIPT
from kit.reports.junit import junit_xml
from tests.notebooks.samples import Cell, error, notebook, result, stream

HOSTILE = "</pre><script src='https://evil.example/x.js'>alert(1)</script>\x1b[31m\x00"
TABLE = "<style scoped>td {color: red}</style><table><tr><td>7</td></tr></table>"


def outcome(
    stem: str, fresh: list, stored: list | None = None, stopped: NotebookError | None = None
) -> NotebookOutcome:
    """The outcome of a run that gave `fresh` where `stored` is stored."""
    nb, executed = notebook(stored or fresh), notebook(fresh)
    code = [index for index, cell in enumerate(executed.cells) if cell.cell_type == "code"]
    listed = Notebook(Path(f"{stem}.ipynb"), stem.title(), "Show <one> & only one thing", 1)
    run = NotebookResult(
        listed, nb, executed, (stopped,) if stopped else (), Seconds(1.25, 0.5, 2.0), dict.fromkeys(code, 0.5)
    )
    return NotebookOutcome(listed, (), run, compare(run))


@pytest.fixture(scope="module")
def tour():
    math = "# Title\n\n$a^2$ and ```mermaid``` and ![img](data:image/png;base64,AAAA)\n\n```mermaid\ngraph TD;\n```"
    good = outcome("01_fine", [math, Cell("1", (), [result("1", **{"text/html": TABLE})])])
    differs = outcome("02_differs", [Cell("x", (), [stream(HOSTILE)])], [Cell("x", (), [stream("tame\n")])])
    stop = NotebookError(f"cell 1 failed: ValueError: {HOSTILE}", 1, HOSTILE)
    failed = outcome(
        "03_fails", [Cell(HOSTILE, (), [stream("warned\n", "stderr"), error("ValueError", "x")])], None, stop
    )
    left_out = NotebookOutcome(Notebook(Path("04_server.ipynb"), "Server", "Ask", 1), ("needs a Milvus server",))
    scores = (
        ScoreVerdict("a.b", "nDCG@10", "worse", 0.6123, 0.6012),
        ScoreVerdict("a.b", "R@10", "same", 0.8, 0.8),
        ScoreVerdict("c.d", "RR@10", "missing", None, 0.5, advice="written"),
    )
    parts = outcome("05_parts", [Cell("1", (), [stream("SKIPPED on <old>: no words\nwhy\n", "stderr"), result("1")])])
    scored = NotebookOutcome(good.notebook, (), good.result, good.comparison, scores)
    return Tour([scored, differs, failed, left_out, parts], "minilm on Milvus Lite", True, 61.4, {"python": "3.11.7"})


class Loads(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self, page: str):
        super().__init__()
        self.loads, self.scripts, self.policies = [], 0, []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.scripts += tag == "script" and given.get("type") not in ("application/json",)
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])
        for name in ("src", "srcset", "data", "poster", *(["href"] if tag != "a" else [])):
            if urlsplit(given.get(name) or "").scheme not in ("", "data"):
                self.loads.append((tag, given[name]))


def test_the_pages_load_nothing_and_run_nothing_but_the_kits_own_script(tour):
    pages = [index_page(tour, "kit tour"), *(notebook_page(o) for o in tour.outcomes if o.result)]
    found = [Loads(page) for page in pages]
    assert [page.loads for page in found[:2]] == [[], []]
    assert [page.scripts for page in found[:2]] == [1, 1]
    assert [page.count(f"<script>{SCRIPT}</script>") for page in pages[:2]] == [1, 1]
    assert all(page.policies == [POLICY] for page in found)
    assert all("@import" not in page for page in pages)


def test_a_link_to_another_notebook_leads_to_its_page():
    page = notebook_page(outcome("01_a", ["See [b](02_b.ipynb#part), [docs](https://a.example/x.ipynb)."]))
    assert '<a href="02_b.html#part">' in page
    assert '<a href="https://a.example/x.ipynb"' in page


def test_an_error_that_a_cell_means_to_raise_is_shown_in_one_line():
    raised = error("ValueError", "no")
    raised.traceback = ["Traceback (most recent call last)", "a long way down", "ValueError: no"]
    for kind, shown in ((("raises-exception", "nbval-check-output"), False), ((), True)):
        page = notebook_page(outcome("01_a", [Cell("raise ValueError('no')", kind, [raised])]))
        assert ("a long way down" in page) is shown
        assert "ValueError: no" in page


def test_a_page_that_loads_something_would_be_seen():
    assert Loads("<script src='https://a.example/x.js'></script>").loads == [("script", "https://a.example/x.js")]


def test_what_the_report_shows_is_escaped(tour):
    page = index_page(tour, "kit tour <x>")
    assert "<script" not in page.replace(f"<script>{SCRIPT}</script>", "")
    assert "&lt;script src=&#39;https://evil.example/x.js&#39;&gt;" in page
    assert "Show &lt;one&gt; &amp; only one thing" in page


def test_the_first_page_tells_verdict_times_differences_scores_and_versions(tour):
    page = index_page(tour, "kit tour")
    assert "Failed: 2 of 4 notebooks, 2 of 3 scores in 61 s; 1 notebook not run." in page
    assert '<a href="01_fine.html">01 01_Fine</a>' in page
    assert "3.8 = 1.2 kernel + 0.5 imports + 2.0 cells" in page
    assert '<span class="old">-tame</span>' in page
    assert "needs a Milvus server" in page
    assert "cell 1: SKIPPED on &lt;old&gt;: no words" in page
    assert "-0.0111" in page
    assert "warned" in page
    assert "<dt>python</dt><dd>3.11.7</dd>" in page


def test_what_cells_went_on_without_is_told_beside_the_verdict(tour):
    assert tour.outcomes[4].words == "as stored, 1 part skipped"
    assert skipped(tour) == ["05_parts, cell 1: SKIPPED on <old>: no words"]
    assert tour.outcomes[0].words == "as stored"


def test_a_tour_in_which_nothing_ran_is_not_well(tour):
    assert not Tour(tour.outcomes[3:4], "b", True, 1.0, {}).ok
    assert Tour(
        [NotebookOutcome(o.notebook, (), o.result, o.comparison) for o in tour.outcomes[:1]], "b", True, 1.0, {}
    ).ok


def test_junit_has_a_case_for_each_cell_and_each_score(tour):
    found = {suite.get("name"): suite for suite in ET.fromstring(junit_xml("kit tour", suites(tour)))}
    counts = {name: (s.get("tests"), s.get("failures"), s.get("skipped")) for name, s in found.items()}
    assert counts == {
        "01_fine": ("1", "0", "0"),
        "02_differs": ("1", "1", "0"),
        "03_fails": ("1", "1", "0"),
        "04_server": ("1", "0", "1"),
        "05_parts": ("1", "0", "1"),
        "scores": ("3", "2", "0"),
    }
    assert "-tame" in found["02_differs"].find("testcase/failure").text


def publish(wanted: Path, text: str, fallback: Path | None = None):
    with report_place(wanted, fallback) as place:
        (place.draft / "index.html").write_text(text)
        place.publish()
    return place


def test_a_report_takes_the_place_of_the_one_before(tmp_path):
    publish(tmp_path / "build" / "tour", "old")
    place = publish(tmp_path / "build" / "tour", "new")
    assert (place.folder / "index.html").read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == [".tour.lock", "tour"]


def test_a_tour_that_is_stopped_leaves_the_report_before_it(tmp_path):
    publish(tmp_path / "tour", "old")
    with pytest.raises(KeyboardInterrupt), report_place(tmp_path / "tour") as place:
        (place.draft / "index.html").write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "tour" / "index.html").read_text() == "old"
    assert not place.draft.exists()


def test_the_draft_of_a_killed_tour_is_swept(tmp_path):
    (tmp_path / ".tour.draft").mkdir()
    (tmp_path / ".tour.draft" / "half.html").touch()
    place = publish(tmp_path / "tour", "new")
    assert not (place.folder / "half.html").exists()


def test_while_another_tour_writes_there_the_report_lies_beside_and_says_so(tmp_path):
    with FileLock(tmp_path / ".tour.lock"):
        place = publish(tmp_path / "tour", "second")
    assert place.folder == tmp_path / "tour-2"
    assert place.note == f"Another tour is writing {tmp_path / 'tour'}; this report is in {tmp_path / 'tour-2'}."


def test_where_nothing_can_be_written_the_report_lies_in_the_cache_and_says_so(tmp_path):
    (tmp_path / "build").write_text("a file where a folder is wanted")
    place = publish(tmp_path / "build" / "tour", "text", fallback=tmp_path / "cache" / "tour")
    assert (tmp_path / "cache" / "tour" / "index.html").read_text() == "text"
    assert place.note.endswith(f"; the report is in {tmp_path / 'cache' / 'tour'}.")
    with pytest.raises(KitError, match=r"build cannot be written .*Give a folder that can: --out FOLDER"):
        publish(tmp_path / "build" / "tour", "text")


def test_a_folder_that_is_no_report_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(KitError, match="is not a report of kit tour and is not replaced"):
        publish(tmp_path, "text")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_where_no_lock_can_be_made_the_search_for_a_free_folder_ends(tmp_path):
    with report_place(tmp_path / "tour"), contextlib.ExitStack() as others:
        for _ in range(8):
            others.enter_context(report_place(tmp_path / "tour"))
        with pytest.raises(KitError, match="9 reports are being written beside"), report_place(tmp_path / "tour"):
            pass

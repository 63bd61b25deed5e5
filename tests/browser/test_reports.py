"""Every report as a reader meets it: nothing fails, nothing is fetched, tables sort, keyboard and axe find a way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.bench.report.report import write_report
from kit.reports.html import render
from tests.bench.samples import write_out
from tests.browser.reader import DESK, PHONE, Reader
from tests.test_site import References, dead

ROOT = Path(__file__).parents[2]
SUM = "# Sum\n\n```python\nprint(1 + 1)\n```\n\n```output\n2\n```\n"
PAGE = SUM + "\n```python\nprint(1 / 0)\n```\n\n```output\n1\n```\n"
TEMPLATE = '{{% extends "base.html" %}}{{% block title %}}T{{% endblock %}}{{% block main %}}{}{{% endblock %}}'
WORDS = ("collection", "partition", "vector", "scalar", "dense", "sparse", "hybrid", "filter", "index")
COMMANDS = {
    "tour/index.html": "tour 00_welcome.ipynb --out tour",
    "replay.html": "docs replay sum.md --html replay.html",
    "check.html": "docs check sum.md --html check.html",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    """A folder with one report of each kind, made by its command; of the bench, from results that are written down."""
    folder = tmp_path_factory.mktemp("reports")
    shutil.copy(ROOT / "notebooks" / "00_welcome.ipynb", folder)
    (folder / "sum.md").write_text(PAGE)
    running = [subprocess.Popen([sys.executable, "-m", "kit", *c.split()], cwd=folder) for c in COMMANDS.values()]
    out = write_out(folder / "bench", {"dense": [1, 2, 3] * 10, "bm25": [0, 3] * 15, "hybrid-rrf": [1] * 30})
    write_report(out.path, folder / "bench.html")
    assert [process.wait() for process in running] == [0, 1, 1]  # the page divides by zero
    return folder


@pytest.mark.parametrize("report", [*COMMANDS, "bench.html", "tour/00_welcome.html"])
def test_a_report_opens_without_an_error_or_a_request_and_axe_passes(report, reports, visitor: Reader):
    page = visitor.open(reports / report)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            assert visitor.wider_than_the_window() <= 0, f"{scheme} {size}"
            assert visitor.barriers() == [], f"{scheme} {size}"
    assert (visitor.errors, visitor.outside) == ([], [])
    if report != "tour/00_welcome.html":  # it leads to pages of notebooks that this tour left out
        assert [link for link in References(reports / report).links if dead(reports / report, link)] == []


def test_a_table_sorts_by_the_header_that_the_keyboard_presses(reports, visitor: Reader):
    page = visitor.open(reports / "bench.html")
    header = page.locator("th", has_text="nDCG@10").first
    column = header.evaluate("cell => cell.cellIndex")
    values = page.locator(f"table >> nth=0 >> tr >> td:nth-child({column + 1})")
    header.get_by_role("button").focus()
    for order in ("ascending", "descending"):
        page.keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == order
        shown = [float(text) for text in values.all_inner_texts()]
        assert len(shown) == 3 and shown == sorted(shown, reverse=order == "descending")


def test_a_long_table_shows_the_rows_with_a_word(tmp_path, visitor: Reader):
    rows = "".join(f"<tr><td>{word}</td><td>{len(word)}</td></tr>" for word in WORDS)
    table = f'<div class="card"><table><tr><th>word</th><th>letters</th></tr>{rows}</table></div>'
    (tmp_path / "page.html").write_text(TEMPLATE.format(table))
    (tmp_path / "shown.html").write_text(render(tmp_path / "page.html"))
    page = visitor.open(tmp_path / "shown.html")
    page.get_by_label("Rows with").fill("AR")
    assert page.locator("td:first-child").filter(visible=True).all_inner_texts() == ["partition", "scalar", "sparse"]


def test_what_nobody_should_meet_is_noticed(tmp_path, visitor: Reader):
    (tmp_path / "bad.html").write_text(
        '<html lang="en"><title>T</title><main><img src="data:,">'
        '<p style="color: #aaa; background: #fff">faint</p></main><p style="width: 3000px">wide</p>'
        '<script>console.error("broken"); fetch("https://example.org/x").catch(() => 0)</script>'
    )
    visitor.open(tmp_path / "bad.html").wait_for_timeout(200)
    assert visitor.errors[0] == "broken" and visitor.outside == ["https://example.org/x"]
    assert visitor.wider_than_the_window() > 1000
    assert {line.split()[0] for line in visitor.barriers()} == {"image-alt", "color-contrast"}

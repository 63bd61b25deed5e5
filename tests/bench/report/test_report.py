"""The report: one page that loads nothing, escapes everything, and says what the numbers allow to be said."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from kit.bench.records import ConditionResult, Mean
from kit.bench.report.leaderboard import rank_conditions
from kit.bench.report.plots import Point, pareto, scatter
from kit.bench.report.published import beside_published
from kit.bench.report.report import report_page, write_report
from kit.bench.report.summary import summary_sentences
from kit.errors import KitError
from kit.reports.html import POLICY, SCRIPT
from tests.bench.samples import HOSTILE, checks, condition, write_out

GOOD, MIDDLING, POOR = [1] * 30, [1, 2, 3] * 10, [0, 3] * 15


class Page(HTMLParser):
    """The tags of a page, its attributes and its text; balanced tags leave nothing open."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text, self.open = "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def out(tmp_path):
    out = write_out(tmp_path, {"dense": MIDDLING, "bm25": POOR, "hybrid-rrf": GOOD})
    results = out.read()
    rows = [replace(results.rows[0], index_checks=checks()), *results.rows[1:]]
    rows += [
        ConditionResult(condition("mmr"), "failed", HOSTILE),
        ConditionResult(condition("dense+rerank"), "not supported", "no reranker"),
    ]
    out.write(replace(results, rows=tuple(rows)))
    return out


def test_the_page_loads_nothing_and_runs_nothing_but_the_kits_own_script(out):
    html, own = report_page(out), f"<script>{SCRIPT}</script>"
    assert html.count(own) == 1
    page = Page(html.replace(own, ""))
    links = [a for _, a in page.tags for a in (a.get("href"), a.get("src"), a.get("xlink:href")) if a]
    assert all(link.startswith("#") for link in links)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object", "base", "form")]
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert [a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a] == [POLICY]
    assert POLICY.startswith("default-src 'none'")
    assert "@import" not in report_page(out) and "url(http" not in report_page(out)


def test_what_comes_from_outside_is_shown_and_never_markup(out):
    html = report_page(out)
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") > 10
    assert HOSTILE in Page(html).text


def test_every_tag_is_closed_and_every_id_stands_once(out):
    page = Page(report_page(out))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    used = re.findall(r'(?:url\(|href=")#([^)"]+)', report_page(out))
    assert page.open == []
    assert len(ids) == len(set(ids))
    assert set(used) <= set(ids)


def test_the_leaderboard_has_every_row_in_order_with_its_interval_and_command(out):
    text = " ".join(Page(report_page(out)).text.split())
    places = [text.index(f"milvus-lite. {name}".replace(". ", ".")) for name in ("hybrid-rrf", "dense", "bm25")]
    assert "hybrid-rrf" in rank_conditions(out, out.read()).places[0].row.id
    assert places == sorted(places)
    assert "1.0000 to 1.0000" in text
    for name in ("dense", "bm25", "hybrid-rrf"):
        assert f"kit bench run --dataset cats --retrievers {name}" in text


def test_a_row_without_scores_says_why_and_a_measure_without_a_number_too(out):
    text = " ".join(Page(report_page(out)).text.split())
    assert f"failed: {HOSTILE}" in text
    assert "not supported: no reranker" in text
    assert "Not measured: judge-faithfulness@5 (KIT_JUDGE names no chat model)" in text


def test_an_index_that_loses_rows_is_marked_and_named(out):
    html = report_page(out)
    assert html.count('<tr class="flag">') == 1
    assert "An index silently returns too few rows" in html
    assert "19 of 30 queries short by 120 rows, with no error." in html


def test_the_summary_says_what_is_best_what_it_beats_and_whether_the_hybrid_beats_its_legs(out):
    sentences = summary_sentences(out.read(), rank_conditions(out, out.read()))
    assert sentences[0].startswith(f"{condition('hybrid-rrf').id} (row 1) has the highest nDCG@10: 1.0000")
    assert sentences[0].endswith("It is significantly better than each of the other 2.")
    assert "1 of 5 conditions failed" in sentences[-2]


def test_noise_is_reported_as_not_significant(tmp_path):
    other = [2, 1, 3] * 9 + [1, 1, 3]
    out = write_out(tmp_path, {"dense": MIDDLING, "bm25": POOR, "hybrid-rrf": other})
    sentences = summary_sentences(out.read(), rank_conditions(out, out.read()))
    assert "the difference is not significant: +0.0" in sentences[1]
    assert sentences[2].startswith(
        "Between rows 1 and 2 the smallest difference in nDCG@10 that these 30 questions show"
    )
    assert "does not beat both its legs. Against dense: not significant (" in sentences[3]
    assert "n.s., p 1.0000" in " ".join(Page(report_page(out)).text.split())


def test_the_texts_behind_a_win_are_shown_for_both_rows(out):
    text = " ".join(Page(report_page(out)).text.split())
    assert "0 won, 10 equal, 20 lost" not in text
    assert "against row 2, milvus-lite.dense.minilm.whole: 20 won, 10 equal, 0 lost · better" in text
    assert "row 1: nDCG@10 1.0000, first relevant hit at 1" in text
    assert "row 2: nDCG@10 0.5000, first relevant hit at 3" in text
    assert f"relevantq29-answer The text of q29-answer. {HOSTILE}" in text


def test_another_measure_can_order_the_rows_and_an_unknown_one_is_refused(out):
    assert "Ordered by RR@10" in report_page(out, "RR@10")
    with pytest.raises(KitError, match=r'"nDGC@10" was not measured in this run. Did you mean "nDCG@10"\?'):
        report_page(out, "nDGC@10")


def test_one_row_alone_is_reported_without_comparisons(tmp_path):
    out = write_out(tmp_path, {"dense": GOOD})
    text = " ".join(Page(report_page(out)).text.split())
    assert "There is no other row to hold it against." in text
    assert "Every pair, tested" not in text


def test_a_run_of_failures_alone_has_nothing_to_report(out):
    results = out.read()
    out.write(
        replace(results, rows=tuple(ConditionResult(row.condition, "failed", "no memory") for row in results.rows))
    )
    with pytest.raises(KitError, match="No row of this run was measured: there is nothing to report."):
        report_page(out)


def test_published_numbers_stand_beside_rows_of_the_same_collection_and_method_alone(out):
    results = out.read()
    dense = replace(results.rows[0], scores={"nDCG@10": Mean(0.31, 323, 323), "AP": Mean(0.1, 323, 323)})
    other = replace(dense, condition=replace(dense.condition, embeddings="wordllama"))
    nfcorpus = replace(results.dataset, name="nfcorpus", documents=3633)
    (found,) = beside_published(replace(results, dataset=nfcorpus, rows=(dense, other)))
    assert (found.row, found.measure, found.mean, found.published) == (dense, "nDCG@10", 0.31, 0.31594)
    assert "MTEB" in found.source
    for changed in (replace(nfcorpus, documents=3632), replace(nfcorpus, split="dev"), results.dataset):
        assert not list(beside_published(replace(results, dataset=changed, rows=(dense,))))


def test_the_same_results_give_the_same_page(out):
    assert report_page(out) == report_page(out)
    path = write_report(out.path, out.path / "report.html")
    assert path.read_text(encoding="utf-8") == report_page(out)


def test_the_frontier_is_made_of_the_points_that_no_other_beats():
    points = [Point(x, y, name, "s") for x, y, name in [(1, 0.2, "a"), (2, 0.1, "b"), (3, 0.9, "c"), (3, 0.8, "d")]]
    assert "".join(point.label for point in pareto(points)) == "ac"


def test_a_plot_is_whole_xml_in_the_colours_of_the_page():
    svg = scatter(
        [Point(1, 0.5, "<1>", "dense"), Point(50, 0.6, "2", "a&b")], name="p", x_label="ms", y_label="nDCG@10"
    )
    ElementTree.fromstring(svg)
    assert "var(--series-1)" in svg
    assert "var(--ink)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}", svg)) <= {"#000000", "#ffffff"}

"""`kit bench report`: a run as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kit.bench.evidence import Evidence
from kit.bench.plots import Point, panels, scatter
from kit.bench.published import beside_published
from kit.bench.records import IndexCheck, Mean, OutFolder, Results, Row, write_whole
from kit.bench.standing import Place, Standing, by_category, standing, unanswered
from kit.bench.stats import ALPHA, LEVEL, RESAMPLES
from kit.bench.summary import in_short
from kit.errors import KitError

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PAIRS = 12  # rows held against the first one, query by query; the page would grow too long
COSTS = {
    "search_p50_ms": ("search p50", "ms a query, one at a time"),
    "search_p95_ms": ("search p95", "ms a query, one at a time"),
    "search_queries_per_second": ("searches", "queries/s, in batches"),
    "embed_texts_per_second": ("embedding", "texts/s"),
    "embed_seconds": ("embedding", "s"),
    "embedded_texts": ("embedded", "texts"),
    "ingest_seconds": ("ingest", "s, without embedding"),
    "ingest_documents_per_second": ("ingest", "chunks/s"),
    "index_mb": ("index", "MB"),
    "peak_memory_mb": ("peak memory", "MB"),
    "tokens": ("API", "tokens"),
    "money_usd": ("API", "USD"),
}


def write_report(folder: Path, html: Path, measure: str | None = None) -> Path:
    """Write the report of an --out folder to a file, and return its path."""
    page = report_page(OutFolder(folder), measure)
    try:
        write_whole(html, page)
    except OSError as error:
        raise KitError(f"The report {html} cannot be written: {error.strerror or error}.") from None
    return html


def report_page(out: OutFolder, measure: str | None = None) -> str:
    """The page: everything in it is escaped, and its plots are SVG in the page's own colours."""
    results = out.read()
    ranked = standing(out, results, measure)
    evidence = Evidence(out, ranked.measure)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"four": _four, "plain": _plain, "breakable": _breakable}
    missed = unanswered(ranked)
    return environment.get_template("report.html").render(
        policy=POLICY,
        results=results,
        ranked=ranked,
        measures=_measures(results, ranked, others=False),
        other_measures=_measures(results, ranked, others=True),
        not_measured=_not_measured(ranked),
        unmeasured_rows=[row for row in results.rows if row.status != "measured"],
        published=list(beside_published(results)),
        short=in_short(results, ranked),
        scale=max(place.high for place in ranked.places) or 1.0,
        plots=_plots(results, ranked),
        checks=_checks(ranked),
        categories=by_category(ranked),
        costs={name: words for name, words in COSTS.items() if _any_cost(ranked.places, name)},
        cases=[(place, *evidence.cases(ranked.places[0], place)) for place in ranked.places[1 : PAIRS + 1]],
        missed=[(query_id, evidence.question(query_id)) for query_id in missed],
        alpha=ALPHA,
        level=LEVEL,
        resamples=RESAMPLES,
    )


def _measures(results: Results, ranked: Standing, *, others: bool) -> list[str]:
    """The measures that some row has a mean of: those that the run asked for, or the others (ragas', spans')."""
    names = dict.fromkeys(n for p in ranked.places for n, mean in p.row.scores.items() if mean.value is not None)
    return [name for name in names if (name not in results.measures) == others]


def _not_measured(ranked: Standing) -> list[tuple[str, str]]:
    """(measures, reason) for what no row has a mean of."""
    reasons: dict[str, str] = {}
    for place in ranked.places:
        reasons |= {name: mean.reason for name, mean in place.row.scores.items() if mean.value is None}
    for place in ranked.places:
        for name, mean in place.row.scores.items():
            if mean.value is not None:
                reasons.pop(name, None)
    by_reason = sorted(reasons.items(), key=lambda item: item[1])
    return [(", ".join(n for n, _ in same), why) for why, same in groupby(by_reason, key=lambda item: item[1])]


def _plots(results: Results, ranked: Standing) -> list[dict[str, Any]]:
    """Quality against what it costs, and what is found against how long that takes."""
    plots = []
    for name, cost, label in (
        ("search", "search_p50_ms", "median time of one search, ms"),
        ("ingest", "ingest_seconds", "seconds to store and index the chunks, without embedding"),
    ):
        points = [_point(p, getattr(p.row.cost, cost), p.mean.value, p.low, p.high) for p in ranked.places]
        points = [point for point in points if point.x]
        if len(points) > 1:
            svg = scatter(points, name=f"quality-{name}", x_label=label, y_label=ranked.measure)
            plots.append({"title": _quality_title(ranked, cost, name), "svg": Markup(svg), "wide": False})
    checked = [place for place in ranked.places if place.row.index_checks]
    recall = next((m for m in ("R@100", "R@10") if m in results.measures and _has(ranked, m)), None)
    if checked:
        groups = _index_points(checked)
        svg = panels(groups, name="recall", x_label="median time of one search, ms", y_label="share of the exact top k")
        plots.append({"title": _index_title(checked), "svg": Markup(svg), "wide": True})
    elif recall:
        points = [_point(p, p.row.cost.search_p50_ms, p.row.scores[recall].value) for p in ranked.places]
        points = [point for point in points if point.x]
        if len(points) > 1:
            svg = scatter(points, name="recall", x_label="median time of one search, ms", y_label=recall)
            best = max(points, key=lambda point: point.y)
            title = f"Recall against latency: row {best.label} finds most ({recall} {best.y:.4f})"
            plots.append({"title": title, "svg": Markup(svg), "wide": False})
    return plots


def _index_points(checked: Sequence[Place]) -> dict[str, list[Point]]:
    """By share of the rows that pass the filter: recall against latency of each index and search parameter."""
    groups: dict[str, list[Point]] = {}
    for place in checked:
        index = place.row.condition.index or place.row.settings.get("index", "default")
        for check in place.row.index_checks:
            passing = "no filter" if check.selectivity == 1 else f"filter passes {check.selectivity:.2g} of the rows"
            setting = " ".join(f"{value}" for value in check.search_params.values())
            point = Point(check.search_p50_ms, check.recall, setting, index, filled=not check.reopened)
            groups.setdefault(passing, []).append(point)
    return groups


def _quality_title(ranked: Standing, cost: str, name: str) -> str:
    known = [place for place in ranked.places if getattr(place.row.cost, cost)]
    cheapest, best = min(known, key=lambda p: getattr(p.row.cost, cost)), known[0]
    what = {"search": "search", "ingest": "preparation"}[name]
    if cheapest is best:
        return f"Quality against {what} time: row {best.place} is both the best and the fastest"
    better = ranked.against(best.place, cheapest.place)
    how = f"{better.delta:.4f} better" if better.verdict == "better" else "not significantly better"
    times = getattr(best.row.cost, cost) / getattr(cheapest.row.cost, cost)
    return (
        f"Quality against {what} time: row {best.place} is {how} than row {cheapest.place}, the fastest, "
        f"and takes {times:.1f} times as long"
    )


def _index_title(checked: Sequence[Place]) -> str:
    losing = {p.row.condition.index or "default" for p in checked for c in p.row.index_checks if c.missing_rows}
    if losing:
        return f"Recall against latency: {', '.join(sorted(losing))} returned too few rows (hollow: after a reopen)"
    return "Recall against latency: no index returned too few rows (hollow: after a reopen)"


def _point(
    place: Place, x: float | None, y: float | None, low: float | None = None, high: float | None = None
) -> Point:
    return Point(x or 0.0, y or 0.0, str(place.place), place.row.condition.retriever, low, high)


def _checks(ranked: Standing) -> list[tuple[Row, IndexCheck]]:
    rows = [place.row for place in ranked.places]
    order = [(row, sorted(row.index_checks, key=lambda c: (str(c.search_params), -c.selectivity))) for row in rows]
    return [(row, check) for row, checks in order for check in checks]


def _has(ranked: Standing, measure: str) -> bool:
    return all(place.row.scores.get(measure, Mean(None, 0, 0)).value is not None for place in ranked.places)


def _any_cost(places: Sequence[Place], name: str) -> bool:
    return any(getattr(place.row.cost, name) is not None for place in places)


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _breakable(condition_id: str) -> Markup:
    """An id that a narrow column may break after a dot."""
    parts = (Markup('<span class="part">{}</span>').format(part) for part in condition_id.split("."))
    return Markup(".<wbr>").join(parts)


def _plain(value: float | None) -> str:
    """Three figures, or whole thousands: what a cost is worth telling."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

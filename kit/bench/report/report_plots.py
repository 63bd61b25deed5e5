"""The report's plots: quality against what it costs, and what is found against how long that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from kit.bench.out_folder import OutFolder
from kit.bench.records import ConditionResult, Mean, Results
from kit.bench.report.leaderboard import Leaderboard, Place
from kit.bench.report.plots import Point, panels, scatter
from kit.bench.report.waits import wait_ratio

LATENCY = "median wait for one answer, ms"
SEARCH = "median time of one search, ms"


class Plot(NamedTuple):
    """A plot, with what it shows in words; a wide one takes the page's width."""

    title: str
    svg: Markup
    wide: bool = False


def report_plots(results: Results, ranked: Leaderboard, out: OutFolder) -> list[Plot]:
    """The plots that the rows have numbers for."""
    latency = {place.place: place.row.cost.wait_p50_ms or place.row.cost.search_p50_ms for place in ranked.places}
    preparation, label = _preparation(ranked)
    plots = [
        _quality(ranked, latency, "search", LATENCY, out),
        _quality(ranked, preparation, "preparation", label),
        _recall(results, ranked, latency),
        _churn(results, ranked),
        _clients(ranked),
    ]
    return [plot for plot in plots if plot]


def _quality(
    ranked: Leaderboard, costs: Mapping[int, float | None], what: str, label: str, out: OutFolder | None = None
) -> Plot | None:
    """A ratio stands in the title where it was measured with a spread."""
    known = [(place, cost) for place in ranked.places if (cost := costs[place.place])]
    if len(known) < 2:
        return None
    points = [_point(place, cost, place.mean.value or 0.0, place.low, place.high) for place, cost in known]
    svg = scatter(points, name=f"quality-{what}", x_label=label, y_label=ranked.measure)
    (fastest, _), (best, _) = min(known, key=lambda pair: pair[1]), known[0]
    if fastest is best:
        return Plot(f"Quality against {what} time: row {best.place} is both the best and the fastest", Markup(svg))
    how = "placed higher"
    if ranked.tested(best.place, fastest.place):
        better = ranked.against(best.place, fastest.place)
        how = f"{better.delta:.4f} better" if better.verdict == "better" else "not significantly better"
    ratio = wait_ratio(out, best.row.id, fastest.row.id) if out else None
    slower = f", and takes {ratio.words}" if ratio else ""
    title = f"row {best.place} is {how} than row {fastest.place}, the fastest{slower}"
    return Plot(f"Quality against {what} time: {title}", Markup(svg))


def _preparation(ranked: Leaderboard) -> tuple[Mapping[int, float | None], str]:
    """Seconds by place to make the chunks searchable: with embedding them all, where its rate is known of every row."""
    embedding = {place.place: _embedding_seconds(place.row) for place in ranked.places}
    storing = {place.place: place.row.cost.ingest_seconds for place in ranked.places}
    if None in embedding.values() or None in storing.values():
        return storing, "seconds to store and index all chunks, without embedding"
    both = {place: (seconds or 0.0) + (embedding[place] or 0.0) for place, seconds in storing.items()}
    return both, "seconds to embed, store and index all chunks"


def _embedding_seconds(row: ConditionResult) -> float | None:
    if row.condition.embeddings == "none":
        return 0.0
    rate = row.cost.embed_texts_per_second
    return row.counts["chunks"] / rate if rate else None


def _recall(results: Results, ranked: Leaderboard, latency: Mapping[int, float | None]) -> Plot | None:
    """Of indexes held against exact search, where that was done; else of the rows."""
    checked = [place for place in ranked.places if place.row.index_checks]
    if checked:
        groups = _index_points(checked)
        svg = panels(groups, name="recall", x_label=SEARCH, y_label="share of the exact top k")
        return Plot(_index_title(checked), Markup(svg), wide=True)
    measure = next((name for name in ("R@100", "R@10") if name in results.measures and _has(ranked, name)), None)
    known = [(place, cost) for place in ranked.places if (cost := latency[place.place])]
    if measure is None or len(known) < 2:
        return None
    points = [_point(place, cost, place.row.scores[measure].value or 0.0) for place, cost in known]
    svg = scatter(points, name="recall", x_label=LATENCY, y_label=measure)
    most = max(points, key=lambda point: point.y)
    return Plot(f"Recall against latency: row {most.label} finds most ({measure} {most.y:.4f})", Markup(svg))


def _churn(results: Results, ranked: Leaderboard) -> Plot | None:
    """How the first measure and the index against exact search move from cycle to cycle, from the store as filled."""
    measure = results.measures[0]
    groups: dict[str, list[Point]] = {}
    for place in ranked.places:
        for cycle in place.row.churn:
            filled, series = place.row.churn[0], f"row {place.place}: {place.row.condition.retriever}"
            for title, now, before in (
                (measure, cycle.score, filled.score),
                ("recall of the index", cycle.recall, filled.recall),
                ("the same, filtered", cycle.recall_filtered, filled.recall_filtered),
            ):
                if now is not None and before is not None:
                    groups.setdefault(title, []).append(Point(cycle.number, now - before, "", series))
    if not groups:
        return None
    far = {place.place: max((c.score - cycles[0].score for c in cycles), key=abs)
           for place in ranked.places if (cycles := place.row.churn)}  # fmt: skip
    most = max(far, key=lambda number: abs(far[number]))
    moved = f"{measure} of row {most} moves most, by {far[most]:+.4f}" if abs(far[most]) >= 5e-5 else "no score moves"
    svg = panels(groups, name="churn", x_label="cycle", y_label="change since it was filled", counted=True)
    return Plot(f"After rows came and went: {moved}", Markup(svg), wide=True)


def _clients(ranked: Leaderboard) -> Plot | None:
    """Queries a second and p95 by how many clients ask."""
    loads = [(place, load) for place in ranked.places for load in place.row.client_loads]
    if len({load.clients for _, load in loads}) < 2:
        return None
    points = [
        Point(load.clients, load.queries_per_second, "", f"row {place.place}: {place.row.condition.retriever}")
        for place, load in loads
    ]
    place, best = max(loads, key=lambda pair: pair[1].queries_per_second)
    svg = panels(
        {"queries a second": points}, name="clients", x_label="clients at once", y_label="queries/s", counted=True
    )
    title = (
        f"Row {place.place} answers most with {best.clients} clients: {best.queries_per_second:,.0f} queries a second"
    )
    return Plot(f"Several clients: {title}", Markup(svg))


def _index_points(checked: Sequence[Place]) -> dict[str, list[Point]]:
    """By share of the rows that pass the filter: recall against latency of each index and search parameter."""
    groups: dict[str, list[Point]] = {}
    for place in checked:
        index = place.row.condition.index or place.row.settings.get("index", "default")
        for check in place.row.index_checks:
            passing = "no filter" if check.selectivity == 1 else f"filter passes {check.selectivity:.2g} of the rows"
            setting = " ".join(map(str, check.search_params.values()))
            point = Point(check.search_p50_ms, check.recall, setting, index, filled=not check.reopened)
            groups.setdefault(passing, []).append(point)
    return groups


def _index_title(checked: Sequence[Place]) -> str:
    losing = {p.row.condition.index or "default" for p in checked for c in p.row.index_checks if c.missing_rows}
    if losing:
        return f"Recall against latency: {', '.join(sorted(losing))} returned too few rows (hollow: after a reopen)"
    return "Recall against latency: no index returned too few rows (hollow: after a reopen)"


def _point(place: Place, x: float, y: float, low: float | None = None, high: float | None = None) -> Point:
    return Point(x, y, str(place.place), place.row.condition.retriever, low, high)


def _has(ranked: Leaderboard, measure: str) -> bool:
    return all(place.row.scores.get(measure, Mean(None, 0, 0)).value is not None for place in ranked.places)

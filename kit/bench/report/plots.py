"""The report's plots as SVG text that takes the page's colours, so that one plot suits light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that stand for the page's own; the SVG gets its CSS variables instead.
INK, MUTED, GRID = "#010203", "#040506", "#070809"
SERIES = ("#0a0b0c", "#0d0e0f", "#101112", "#131415", "#161718", "#191a1b", "#1c1d1e")
_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line"} | {c: f"--series-{n}" for n, c in enumerate(SERIES, 1)}
_MARKERS = "osD^vPX"
TOUCHING = 7  # points of distance below which two marks share a label
WIDE = 8  # times from the least to the greatest x, from where on a logarithmic axis tells more


class Point(NamedTuple):
    """A mark at x and y; `low` and `high` are its interval, `label` stands beside it, `series` gives its colour."""

    x: float
    y: float
    label: str
    series: str
    low: float | None = None
    high: float | None = None
    filled: bool = True


def scatter(points: Sequence[Point], *, name: str, x_label: str, y_label: str) -> str:
    """Points where left and up is better; the line is the frontier that nothing beats. A wide x is logarithmic.

    `name` keeps the ids of several plots on a page apart.
    """
    with _style(name):
        figure, (axes,) = _empty(1, x_label, y_label, points)
        frontier = pareto(points)
        axes.step([p.x for p in frontier], [p.y for p in frontier], where="post", color=MUTED, linewidth=1, zorder=1)
        _draw(axes, points, _names(points))
        _legend(axes, points)
        return _svg(figure, name)


def panels(
    groups: Mapping[str, Sequence[Point]], *, name: str, x_label: str, y_label: str, counted: bool = False
) -> str:
    """One panel a group, side by side with the same axes; a line joins the points of a series that are alike filled.

    `counted`: x is a number of something, on a plain axis, and lines go from left to right.
    """
    from matplotlib.ticker import MaxNLocator

    points = [point for group in groups.values() for point in group]
    with _style(name):
        figure, row = _empty(len(groups), x_label, y_label, points, log=not counted)
        for axes, (title, group) in zip(row, groups.items(), strict=True):
            axes.set_title(title, color=INK, fontsize=10, loc="left")
            if counted:
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            for series in _names(group):
                for filled in (True, False):
                    line = sorted(
                        (p for p in group if p.series == series and p.filled == filled),
                        key=lambda p: p.x if counted else p.y,
                    )
                    colour = _colour(_names(points), series)
                    axes.plot([p.x for p in line], [p.y for p in line], color=colour, linewidth=0.8, alpha=0.6)
            _draw(axes, group, _names(points))
        _legend(row[-1], points)
        return _svg(figure, name)


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats on both: from left to right, each higher than all before it."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.y)):
        if not best or point.y > best[-1].y:
            best.append(point)
    return best


def _style(name: str) -> AbstractContextManager[None]:
    from matplotlib import rc_context

    return rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif", "font.size": 10})


def _empty(
    count: int, x_label: str, y_label: str, points: Sequence[Point], log: bool = True
) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    wide = log and max(p.x for p in points) > WIDE * min(p.x for p in points)
    figure = Figure(figsize=(6.6 if count == 1 else 3.3 * count + 1.6, 3.4), layout="constrained")
    figure.patch.set_alpha(0)
    row = list(figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0])
    for axes in row:
        axes.patch.set_alpha(0)
        axes.set_xlabel(f"{x_label} (log scale)" if wide and count == 1 else x_label, color=INK)
        axes.grid(color=GRID, linewidth=0.6, which="major")
        axes.tick_params(colors=MUTED, labelcolor=MUTED, which="both", length=3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
        axes.margins(x=0.12, y=0.15)
        if wide:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(_plain)
            axes.xaxis.set_minor_formatter(_sparse)
            axes.tick_params(axis="x", which="minor", labelsize=8)
    row[0].set_ylabel(y_label, color=INK)
    return figure, row


def _legend(axes: Axes, points: Sequence[Point]) -> None:
    """The series, beside the plot: each has its colour and its mark."""
    names = _names(points)
    if len(names) < 2:
        return
    for series in names:
        axes.plot([], [], _marker(names, series), color=_colour(names, series), label=series)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, labelcolor=INK, handletextpad=0.3)


def _names(points: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(point.series for point in points))


def _plain(value: float, _: int) -> str:
    return f"{value:g}"


def _sparse(value: float, _: int) -> str:
    """Labels between the powers of ten: 2 and 5 alone, so that they do not touch."""
    digit = f"{value:e}"[0]
    return f"{value:g}" if digit in "25" else ""


def _colour(names: Sequence[str], series: str) -> str:
    return SERIES[names.index(series) % len(SERIES)]


def _marker(names: Sequence[str], series: str) -> str:
    return _MARKERS[names.index(series) % len(_MARKERS)]


def _draw(axes: Axes, points: Sequence[Point], names: Sequence[str]) -> None:
    for point in points:
        colour, marker = _colour(names, point.series), _marker(names, point.series)
        if point.low is not None and point.high is not None:
            axes.plot([point.x, point.x], [point.low, point.high], color=colour, linewidth=1.4, alpha=0.6, zorder=2)
        face = colour if point.filled else "none"
        axes.plot(point.x, point.y, marker, color=colour, markerfacecolor=face, markersize=7, zorder=3)
    axes.autoscale_view()
    for labels, x, y in _labels(axes, points):
        axes.annotate(labels, (x, y), (6, 5), textcoords="offset points", color=INK, fontsize=9)


def _labels(axes: Axes, points: Sequence[Point]) -> list[tuple[str, float, float]]:
    """The labels and where they stand; those of marks that lie on each other are joined."""
    placed: list[tuple[list[str], Point]] = []
    for point in (point for point in points if point.label):
        here = axes.transData.transform((point.x, point.y))
        near = (at for at in placed if max(abs(axes.transData.transform((at[1].x, at[1].y)) - here)) < TOUCHING)
        labels, _ = next(near, ([], None))
        if not labels:
            placed.append((labels, point))
        if point.label not in labels:
            labels.append(point.label)
    return [(", ".join(labels), point.x, point.y) for labels, point in placed]


def _svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element: page colours, ids of its own, its size left to the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(url\(|xlink:href=")#', rf"\1#{name}-", svg)
    svg = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font: \1px system-ui, sans-serif", svg)
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )

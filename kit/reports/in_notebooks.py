"""Plots that say in words what they show, and tables without empty headers whose texts stand at the left.

Jupyter shows a plot as an image without a text, and a pandas table with an empty header and every column at the right.
`import kit` in a kernel mends both for all cells that follow, live and stored alike.
"""

from __future__ import annotations

import html
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_ROW = re.compile(r"<tr[^>]*>.*?</tr>", re.DOTALL)


def install() -> None:
    """Let this kernel's IPython show plots and tables so; outside of IPython nothing happens."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "display_formatter"):
        return
    for module in ("pandas", "pandas.core.frame"):
        shell.display_formatter.formatters["text/html"].for_type_by_name(module, "DataFrame", table_html)
    _plots()
    shell.events.register("pre_run_cell", lambda *_: _plots())  # matplotlib may be imported later


def _plots() -> None:
    """Give matplotlib's figures their HTML; a formatter for them is taken away when the inline backend starts."""
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    if figure is None or getattr(figure._repr_html_, "of_kit", False):
        return
    interactive = figure._repr_html_  # gives something where a plot can be moved and zoomed

    def shown(self: Figure) -> str | None:
        return interactive(self) or figure_html(self)

    shown.of_kit = True  # type: ignore[attr-defined]
    figure._repr_html_ = shown


def alt_text(figure: Figure) -> str:
    """What a plot shows in words: its titles, which state the finding, its axes and its series; '' without a title."""
    parts = []
    for axes in figure.axes:
        title = " ".join(axes.get_title(loc=loc) for loc in ("left", "center", "right")).split()
        if not title:
            continue
        labels = [f"{name}: {text}" for name, text in (("x", axes.get_xlabel()), ("y", axes.get_ylabel())) if text]
        legend = axes.get_legend()
        series = [text.get_text() for text in legend.get_texts()] if legend else []
        if series:
            labels.append(f"series: {', '.join(series)}")
        parts.append(" ".join(title) + (f" ({'; '.join(labels)})" if labels else ""))
    return ". ".join(parts)


def figure_html(figure: Figure) -> str | None:
    """The plot as an `<img>` with its text; None, and so the plain image, without a title."""
    alt = alt_text(figure)
    if not alt:
        return None
    from IPython.core.pylabtools import print_figure

    image = print_figure(figure, fmt="png", base64=True)
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{"".join(str(image).split())}">'


def table_html(frame: pd.DataFrame) -> str | None:
    """What pandas shows, its corner no header, the cells of columns of texts at the left."""
    shown: str | None = frame._repr_html_()
    if shown is None:
        return None
    texts = [str(dtype) in ("object", "str", "string", "category") for dtype in frame.dtypes]
    head, body, rest = shown.partition("<tbody>")
    head = _ROW.sub(lambda row: _aligned(row[0], texts, "th"), head).replace("<th></th>", "<td></td>")
    return head + body + _ROW.sub(lambda row: _aligned(row[0], texts, "td"), rest)


def _aligned(row: str, texts: list[bool], tag: str) -> str:
    """A row whose texts stand at the left; one that was cut to fit, or has other cells, stays as it is."""
    first, *cells = re.split(f"(?=<{tag}>)", row)
    if tag == "th" and cells and cells[0].startswith("<th></th>"):
        first, *cells = first + cells[0], *cells[1:]
    if len(cells) != len(texts):
        return row
    aligned = f'<{tag} style="text-align: left">'
    return first + "".join(c.replace(f"<{tag}>", aligned, 1) if t else c for c, t in zip(cells, texts, strict=True))

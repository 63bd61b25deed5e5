"""Ids that libraries make anew in every run, put as numbers in the order in which they stand.

pandas' Styler names its table and cells (`T_1a2b3`), matplotlib the parts of an SVG, plotly and ipywidgets their
elements, and Python shows the address of an object that has no better name. None of them says anything to a reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# The id as group 1, and how its number is written; a number in this form is an id of the same form.
IDS = (
    (re.compile(r"\bT_([0-9a-f]{5})(?=_|\b)"), "{:05d}"),  # pandas.Styler
    (re.compile(r"<[^<>\n]* at 0x([0-9a-fA-F]{6,16})>"), "{:012d}"),  # <matplotlib.lines.Line2D at 0x7f…>
    (re.compile(rf"(?:id=\"|getElementById\([\"'])({UUID})"), "{:08d}-0000-0000-0000-000000000000"),  # plotly
    (re.compile(r"(?:\"model_id\": ?\"|\bIPY_MODEL_)([0-9a-f]{32})\b"), "{:032d}"),  # ipywidgets
    (re.compile(r"(?:id=\"|#)(?:[A-Za-z]|C\d+_\d+_)([0-9a-f]{10})\b"), "{:010d}"),  # matplotlib's SVG
)
SVG_DATE = re.compile(r"(?<=<dc:date>)[^<]*(?=</dc:date>)")


def steady(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """A copy of a cell's outputs with ids by number; the outputs of two runs are then equal to the letter."""
    numbers: list[dict[str, str]] = [{} for _ in IDS]
    return [NotebookNode(_mapped(output, lambda text: _numbered(text, numbers))) for output in outputs]


def steady_widgets(notebook: NotebookNode) -> None:
    """Give the widgets that a notebook stores the same ids in every run, in their state and in the cells' outputs."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    cells = [cell for cell in notebook.cells if "outputs" in cell]
    bundles = [output.data for cell in cells for output in cell.outputs if WIDGET_VIEW in output.get("data", {})]
    views = [bundle[WIDGET_VIEW]["model_id"] for bundle in bundles]
    names = {model: f"{number:032x}" for number, model in enumerate(dict.fromkeys([*views, *state]), start=1)}
    models = re.compile("|".join(names) or "(?!)")

    def renamed(text: str) -> str:
        return models.sub(lambda match: names[match[0]], text)

    for cell in cells:
        cell.outputs = _mapped(cell.outputs, renamed)
    if state:
        notebook.metadata.widgets = _mapped(notebook.metadata.widgets, renamed)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a nested value with each text changed, keys included, and images as they are."""
    if isinstance(value, dict):
        return NotebookNode(
            {change(k): v if k in ("image/png", "image/jpeg") else _mapped(v, change) for k, v in value.items()}
        )
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _numbered(text: str, numbers: Sequence[dict[str, str]]) -> str:
    for (pattern, form), known in zip(IDS, numbers, strict=True):

        def replaced(match: re.Match[str], known: dict[str, str] = known, form: str = form) -> str:
            start, end = (position - match.start() for position in match.span(1))
            name = known.setdefault(match[1], form.format(len(known) + 1))
            return match[0][:start] + name + match[0][end:]

        text = pattern.sub(replaced, text)
    return SVG_DATE.sub("", text)

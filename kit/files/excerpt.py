"""The beginning of a text, on one line."""

from __future__ import annotations

WIDTH = 70


def excerpt(text: str, width: int = WIDTH) -> str:
    """The text on one line, cut at `width` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"

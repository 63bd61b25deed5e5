"""Outputs beside plain text, by what they hold: HTML as its words, JSON as its structure, pictures as bytes.

What is in a form that is not read here, such as a script or a widget, is compared by its bytes; where these differ it
is said to be uncompared.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from kit.kernels.outputs import HASH, KEPT, plain_text

# The text that stands for an object beside its rich form: it says nothing of what is shown.
_STANDS_FOR = re.compile(
    r"<(?:[\w.]+ object(?: at 0x[0-9a-f]+)?|Figure size .*|picture|[a-z]+/[\w.+, /-]+)>", re.IGNORECASE
)
_BLOCKS = (
    "p",
    "div",
    "tr",
    "li",
    "br",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "thead",
    "tbody",
    "ul",
    "ol",
    "pre",
)
_CELLS = ("td", "th")
_HIDDEN = ("script", "style", "template", "svg")


class Rich(NamedTuple):
    """An output's forms beside its plain text: HTML as text, JSON as text, and a hash of each other form."""

    html: str = ""
    json: str = ""
    hashes: tuple[tuple[str, str], ...] = ()


def rich(output: Mapping[str, Any], ignored: Iterable[str] = ()) -> Rich:
    """What an output holds beside its plain text; `ignored` are MIME types that are marked as varying."""
    data = {mime: value for mime, value in output.get("data", {}).items() if mime not in set(ignored)}
    readable = {mime: value for mime, value in data.items() if not str(value).startswith(HASH)}
    html = html_text(_joined(readable["text/html"])) if "text/html" in readable else ""
    structures = [value for mime, value in readable.items() if mime.endswith("json") and "widget" not in mime]
    held = [mime for mime in data if mime not in (*KEPT, "text/html") and not mime.endswith("json")]
    hashes = tuple((mime, str(data[mime])) for mime in [*held, *(m for m in data if "widget" in m)])
    if "text/html" in data and not html:
        hashes = (*hashes, ("text/html", _joined(data["text/html"])))
    return Rich(html, "\n".join(map(_structure, structures)), hashes)


def html_text(html: str) -> str:
    """The words of a piece of HTML: a line for each row, paragraph or item, `|` between the cells of a row."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()).strip("| ") for line in "".join(reader.words).splitlines())
    return "\n".join(line for line in lines if line)


def is_stand_in_text(text: str) -> bool:
    """Whether a plain text such as `<IPython.core.display.HTML object>` only stands for the rich form beside it."""
    return bool(_STANDS_FOR.fullmatch(text.strip()))


def uncompared(stored: Sequence[Rich], fresh: Sequence[Rich]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(MIME types that are shown again with other bytes, MIME types that are shown no more)."""
    old = [pair for output in stored for pair in output.hashes]
    new = [pair for output in fresh for pair in output.hashes]
    shown = {mime for mime, _ in new}
    differing = [mime for mime, held in old if (mime, held) not in new and mime in shown]
    gone = [mime for mime, _ in old if mime not in shown]
    return tuple(dict.fromkeys(differing)), tuple(dict.fromkeys(gone))


def _structure(value: Any) -> str:
    with contextlib.suppress(ValueError):
        value = json.loads(_joined(value)) if isinstance(value, str | list) else value
    return repr(value)


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else str(value)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.words.append("\n")
        if tag == "img" and (text := dict(attributes).get("alt")):
            self.words.append(text)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        self.words.append("\n" if tag in _BLOCKS else " | " if tag in _CELLS else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(plain_text(data).replace("\n", " "))

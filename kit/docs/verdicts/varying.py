"""Outputs that differ in every run, as the page or its ledger marks them: what is marked may differ, the rest counts.

<!-- kit: varies -->                 the whole output
<!-- kit: varies line took -->       each line that has the word `took`; `line 2` is the second line
<!-- kit: varies /\\d+ ms/ -->        what the pattern matches, in the stored and in the fresh output
<!-- kit: varies within 5% -->       numbers that differ by at most 5 %; `within 0.5` by at most 0.5
<!-- kit: varies text/html -->       the form of that MIME type
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from kit.errors import KitError
from kit.pages.marks import IGNORE, VARIES

Kind = Literal["whole", "line", "pattern", "number", "mime"]
HOLE = "⋯"  # what stands in place of something that may differ
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")
_MIME = re.compile(r"[a-z]+/[\w.+-]+")


class Varying(NamedTuple):
    """What of an output may differ: its kind, and the words, pattern, amount or MIME type."""

    kind: Kind
    what: str = ""
    relative: bool = False

    @property
    def words(self) -> str:
        """`line took`, as it stands in the mark."""
        if self.kind == "pattern":
            return f"/{self.what}/"
        if self.kind == "number":
            return f"within {float(self.what) * 100:g}%" if self.relative else f"within {self.what}"
        return {"whole": "the whole output", "line": f"line {self.what}"}.get(self.kind, self.what)


def read_varying(text: str, where: str = "") -> Varying:
    """The mark in what stands behind `varies`; KitError for one that says nothing."""
    text = text.strip()
    if text in ("", "the whole output", IGNORE):
        return Varying("whole")
    if len(text) > 2 and text[0] == text[-1] == "/":
        return Varying("pattern", _compiled(text[1:-1], where))
    word, _, rest = text.partition(" ")
    if word in ("line", "lines") and rest.strip():
        return Varying("line", rest.strip().strip("\"'"))
    if word == "within" and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", rest.strip())):
        amount = float(match[1]) / (100 if match[2] else 1)
        return Varying("number", f"{amount:g}", relative=bool(match[2]))
    if _MIME.fullmatch(text):
        return Varying("mime", text)
    raise KitError(
        f"{where + ': ' if where else ''}the mark `varies {text}` says nothing that is understood",
        wanted="varies, varies line WORDS, varies /PATTERN/, varies within 5%, or varies MIME/TYPE",
    )


def varying_of(marks: Iterable[str], where: str = "") -> list[Varying]:
    """What may differ of a block's output, from the marks that the page gives it."""
    texts = (mark for mark in marks if mark in (VARIES, IGNORE) or mark.startswith(f"{VARIES} "))
    return [read_varying(mark.removeprefix(VARIES), where) for mark in texts]


def without_varying(stored: str, fresh: str, marks: Sequence[Varying]) -> tuple[str, str]:
    """Both texts with what is marked taken out of them; a mark that one of them has nothing for changes nothing."""
    for mark in marks:
        if mark.kind == "number":
            stored = _within(stored, fresh, float(mark.what), relative=mark.relative)
            continue
        holes = [_with_holes(text, mark) for text in (stored, fresh)]
        if all(HOLE in text for text in holes):
            stored, fresh = holes
    return stored, fresh


def _with_holes(text: str, mark: Varying) -> str:
    if mark.kind == "pattern":
        return re.sub(mark.what, HOLE, text)
    if mark.kind != "line":
        return text
    lines = text.splitlines()
    chosen = {n for n, line in enumerate(lines) if mark.what in line}
    if mark.what.isdigit():
        chosen = {int(mark.what) - 1}
    return "\n".join(HOLE if n in chosen and line.strip() else line for n, line in enumerate(lines))


def _within(stored: str, fresh: str, amount: float, *, relative: bool) -> str:
    """The stored text with each number that is near enough replaced by the fresh one in its place."""
    old, new = _NUMBER.findall(stored), _NUMBER.findall(fresh)
    if len(old) != len(new):
        return stored
    pairs = iter(zip(old, new, strict=True))

    def nearest(match: re.Match[str]) -> str:
        before, after = next(pairs)
        limit = amount * abs(float(before)) if relative else amount
        return after if abs(float(before) - float(after)) <= limit + 1e-12 else match[0]

    return _NUMBER.sub(nearest, stored)


def _compiled(pattern: str, where: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise KitError(f"{where + ': ' if where else ''}/{pattern}/ is no pattern: {error}.") from None
    return pattern

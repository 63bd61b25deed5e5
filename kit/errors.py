"""The one error that the command line turns into a sentence and exit status 2."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class KitError(Exception):
    """Wrong use or a wrong environment, with what was found, what was wanted and how to mend it as fields.

    `found` is a whole sentence or the beginning of one; `wanted` is a phrase; `mend` is a sentence. Printed, they are
    one line: "my.txt is not a database; wanted: a path that ends in .db. Rename it."
    """

    def __init__(self, found: str, *, wanted: str = "", mend: str = "") -> None:
        self.found, self.wanted, self.mend = found, wanted, mend
        super().__init__(found)

    def __str__(self) -> str:
        text = self.found
        if self.wanted and text.endswith(("?", "!")):
            text = f"{text} Wanted: {self.wanted}"
        elif self.wanted:
            text = f"{text.rstrip('.')}; wanted: {self.wanted}"
        if self.wanted or self.mend:
            text = text if text.endswith((".", "!", "?", "…")) else f"{text}."
        return f"{text} {self.mend}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:  # an error of a worker process arrives whole
        return _rebuilt, (type(self), self.found, self.wanted, self.mend)


def _rebuilt(kind: type[KitError], found: str, wanted: str, mend: str) -> KitError:
    return kind(found, wanted=wanted, mend=mend)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """' Did you mean "minilm"?' for the known name most like `word`, or '' when none is like it."""
    match = get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f' Did you mean "{match[0]}"?' if match else ""

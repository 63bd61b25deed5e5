"""The one error that the command line turns into a sentence and exit status 2."""

from __future__ import annotations


class KitError(Exception):
    """Wrong use or a wrong environment: says what was wanted, what was found and how to mend it."""


def nearest(word: str, known: list[str] | tuple[str, ...], cutoff: float = 0.5) -> str:
    """' Did you mean "minilm"?' for the known name most like `word`, or '' when none is like it."""
    from difflib import get_close_matches

    match = get_close_matches(word, known, n=1, cutoff=cutoff)
    return f' Did you mean "{match[0]}"?' if match else ""

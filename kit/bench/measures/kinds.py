"""Kinds of questions, told by their words alone: what a mean over all of them hides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

COPIED = 6  # words in a row that a question shares with a text that answers it: it was made from that text
SHORT = 5  # words
MOST_SHARED = 0.6  # of a question's words that stand in an answering text, from where on it shares many
_WORD = re.compile(r"\w+")
# Words that carry no topic; enough to tell a question that shares its topic from one that shares "what is the".
_PLAIN = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can could did do does for from had has have he her his how i if in into is
        it its may me more most my no not of on one or our out she should so such than that the their them then there
        these they this those to was we were what when where which who why will with would you your""",
    )
)


class Kinds(NamedTuple):
    """What a question is; `copies` says that it repeats words in a row of a text that answers it."""

    shares: str  # "few words shared with the answer", "many words shared with the answer", or "" where no text is known
    length: str
    names: str
    numbers: str
    copies: bool

    @property
    def all(self) -> tuple[str, ...]:
        """The kinds that it is of."""
        return tuple(kind for kind in (self.shares, self.length, self.names, self.numbers) if kind)


def kinds_of(question: str, answers: Iterable[str]) -> Kinds:
    """The kinds of a question; `answers` are texts that answer it, as far as they are known."""
    words = _WORD.findall(question)
    lower = [word.lower() for word in words]
    telling = [word for word in lower if word not in _PLAIN]
    texts = [_WORD.findall(text.lower()) for text in answers]
    shares = ""
    if texts and telling:
        most = max(sum(word in known for word in telling) / len(telling) for known in map(set, texts))
        shares = f"{'many' if most >= MOST_SHARED else 'few'} words shared with the answer"
    return Kinds(
        shares,
        "short" if len(words) <= SHORT else "long",
        "with a name" if any(word[0].isupper() and not word.isupper() for word in words[1:]) else "without a name",
        "with a number" if any(character.isdigit() for character in question) else "without a number",
        any(_copied(lower, text) for text in texts),
    )


def by_kind(kinds: Mapping[str, Kinds]) -> dict[str, list[str]]:
    """The ids of the questions of each kind; a kind that all are of, or fewer than five, is left out."""
    groups: dict[str, list[str]] = {}
    for query_id, its in kinds.items():
        for kind in its.all:
            groups.setdefault(kind, []).append(query_id)
    return {kind: ids for kind, ids in sorted(groups.items()) if 5 <= len(ids) < len(kinds)}


def _copied(question: list[str], text: list[str]) -> bool:
    if len(question) < COPIED:
        return False
    pieces = {tuple(question[n : n + COPIED]) for n in range(len(question) - COPIED + 1)}
    return any(tuple(text[n : n + COPIED]) in pieces for n in range(len(text) - COPIED + 1))

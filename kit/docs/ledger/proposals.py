"""Marks for what varies, proposed from two runs of a page on fresh folders: what differs between the two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from kit.docs.ledger.ledger import Varies
from kit.docs.records import Pass
from kit.docs.verdicts.values import Token, tokens
from kit.kernels.outputs import shown
from kit.pages.page import Page

DIFFERS = ("similar", "changed")
WHY = "differed between two runs of the page"
_PATTERNS = {"number": r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", "uuid": r"[0-9a-f-]{36}", "address": r"0x[0-9a-f]+"}


def proposed(page: Page, first: Pass, again: Pass) -> list[Varies]:
    """Marks for the blocks whose stored output differs from the first run's, where the second one's differs too.

    A pattern for each line of the stored output that varies; the whole output where the lines themselves come and go.
    """
    found = []
    for outcome, other, verdict in zip(first.outcomes, again.outcomes, first.verdicts, strict=True):
        if verdict.row != "defect" or verdict.verdict not in DIFFERS or other.status != outcome.status:
            continue
        stored = "\n".join(block.text.strip("\n") for block in page.stored(page.block(outcome.block_id)))
        texts = ["\n".join(text.strip("\n") for text in shown(one.outputs)) for one in (outcome, other)]
        if texts[0] != texts[1]:
            found += [Varies(outcome.block_id, what, WHY) for what in dict.fromkeys(_marks(stored, *texts))]
    return found


def _marks(stored: str, one: str, other: str) -> Iterator[str]:
    lines, others = one.splitlines(), other.splitlines()
    if len(lines) != len(others):
        yield "the whole output"
        return
    for line, second in zip(lines, others, strict=True):
        if line != second and re.search(pattern := _pattern(line, second), stored):
            yield f"/{pattern}/"


def _pattern(line: str, other: str) -> str:
    """A pattern for both lines: what they have in common, word for word, and what stands in the other places."""
    parts: list[str] = []
    for before, after in zip_longest(tokens(line.strip()), tokens(other.strip())):
        if before is None or after is None:
            return r"(?m)^" + "".join(parts) + r".*$"
        parts.append(re.escape(before.text) if before.text == after.text else _kind(before, after))
    return "".join(parts).replace("\\ ", " ")


def _kind(before: Token, after: Token) -> str:
    return _PATTERNS.get(before.kind, r"\S+") if before.kind == after.kind else r"\S+"

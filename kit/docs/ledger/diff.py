"""What changed between two editions of a page, block by block, and which notebook cells follow what changed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kit.pages.page import Block

ALIKE = 0.5  # from this similarity on, a block that went and one that came are one block that changed
KINDS = ("changed", "added", "removed", "moved", "renumbered")


class Change(NamedTuple):
    """A block that changed, came, went or moved; one that only got another id is `renumbered`."""

    kind: str
    old: Block | None
    new: Block | None
    similarity: float = 1.0

    @property
    def block(self) -> Block:
        """The block as it is now, or as it was when it is gone."""
        block = self.new or self.old
        assert block  # a change has one of the two
        return block

    @property
    def words(self) -> str:
        """The change in a sentence."""
        if self.old and self.new and self.kind == "changed":
            renamed = f", now {self.new.id}" if self.old.id != self.new.id else ""
            return f"{min(int(100 * self.similarity), 99)} % of the words are the same{renamed}"
        if self.old and self.new and self.kind in ("moved", "renumbered"):
            return f"from {self.old.id} ({self.old.where}) to {self.new.id} ({self.new.where})"
        return self.block.where

    @property
    def lines(self) -> list[str]:
        """The changed lines as a unified diff without its head."""
        old, new = ((block.text if block else "").splitlines() for block in (self.old, self.new))
        return list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]


def changes(old: Sequence[Block], new: Sequence[Block]) -> list[Change]:
    """How one page became another, in the order of the new page, with what is gone at the end."""
    pairs = dict(_in_place(old, new))
    gone = [i for i in range(len(old)) if i not in pairs]
    came = [j for j in range(len(new)) if j not in set(pairs.values())]
    moved = dict(_moved(old, new, gone, came))
    gone, came = [i for i in gone if i not in moved], [j for j in came if j not in set(moved.values())]
    changed = dict(_changed(old, new, gone, came))
    found = [Change("renumbered", old[i], new[j]) for i, j in pairs.items() if old[i].id != new[j].id]
    found += [Change("moved", old[i], new[j]) for i, j in moved.items()]
    found += [Change("changed", old[i], new[j], _alike(old[i], new[j])) for i, j in changed.items()]
    found += [Change("added", None, new[j]) for j in came if j not in set(changed.values())]
    found.sort(key=lambda change: new.index(change.block))
    return found + [Change("removed", old[i], None) for i in gone if i not in changed]


def worth_telling(found: Iterable[Change]) -> list[Change]:
    """The changes that a reader of the page sees: all but new numbers."""
    return [change for change in found if change.kind != "renumbered"]


def _in_place(old: Sequence[Block], new: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """Positions of blocks that are the same and stand in the same order."""
    before, after = ([(block.kind, block.sha256) for block in side] for side in (old, new))
    for match in difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        yield from ((match.a + offset, match.b + offset) for offset in range(match.size))


def _moved(old: Sequence[Block], new: Sequence[Block], gone: list[int], came: list[int]) -> Iterator[tuple[int, int]]:
    """Positions of blocks that are the same and stand elsewhere."""
    waiting = list(came)
    for i in gone:
        match = next((j for j in waiting if (new[j].kind, new[j].sha256) == (old[i].kind, old[i].sha256)), None)
        if match is not None:
            waiting.remove(match)
            yield i, match


def _changed(old: Sequence[Block], new: Sequence[Block], gone: list[int], came: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of one kind that are alike, the most alike first; of equals those that keep their id."""
    pairs = [(i, j) for i in gone for j in came if old[i].kind == new[j].kind]
    scores = {pair: _alike(old[pair[0]], new[pair[1]]) for pair in pairs}
    scores |= {(i, j): max(scores[i, j], ALIKE) for i, j in pairs if old[i].id == new[j].id and scores[i, j] > 0.2}
    taken: set[tuple[str, int]] = set()
    for i, j in sorted(pairs, key=lambda pair: (-scores[pair], old[pair[0]].id != new[pair[1]].id, pair)):
        if scores[i, j] >= ALIKE and not {("old", i), ("new", j)} & taken:
            taken |= {("old", i), ("new", j)}
            yield i, j


def _alike(old: Block, new: Block) -> float:
    before, after = (re.findall(r"\w+|[^\w\s]", block.text) for block in (old, new))
    return difflib.SequenceMatcher(None, before, after, autojunk=False).ratio()

"""A docs page as blocks with stable ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple


class Block(NamedTuple):
    """A piece of a page: prose (a paragraph, quote or list), code, or the output stored below code.

    `id` is the slug of the nearest heading, the kind and a count within that heading: `per-user-retrieval/code-2`.
    `lines` are the first and the last line, counted from 1, in the file, or in its cell when the page is a notebook
    (`cell` from 1). `path` holds the headings above it. `text` and what follows it are empty in a fingerprint.
    """

    id: str
    kind: str
    heading: str
    lines: tuple[int, int]
    sha256: str
    text: str = ""
    language: str = ""
    path: tuple[str, ...] = ()
    cell: int = 0
    markup: str = ""  # fence, indented, cell, component; "" for prose
    tab: str = ""  # `2/Cohere`: the tabs' number on the page and the tab's title, when it stands in one
    outputs: tuple[Mapping[str, Any], ...] = ()  # a notebook's stored output as nbformat has it
    marks: tuple[str, ...] = ()  # what the page says of running and comparing it, see kit.pages.marks
    title: str = ""  # the file that a fence says it shows

    @property
    def where(self) -> str:
        """`lines 14-16`, in a notebook `cell 3, lines 1-2`."""
        first, last = self.lines
        lines = f"line {first}" if first == last else f"lines {first}-{last}"
        return f"cell {self.cell}, {lines}" if self.cell else lines


class Unparsed(NamedTuple):
    """Lines that were read as no block, and why."""

    lines: tuple[int, int]
    why: str
    cell: int = 0


class Page(NamedTuple):
    """A page that was read: the blocks in order, what was left over, its form (markdown, mdx, notebook)."""

    name: str
    sha256: str
    form: str
    blocks: tuple[Block, ...]
    unparsed: tuple[Unparsed, ...] = ()

    @property
    def code(self) -> tuple[Block, ...]:
        """The code blocks."""
        return tuple(block for block in self.blocks if block.kind == "code")

    def block(self, block_id: str) -> Block:
        """The block of that id."""
        return next(block for block in self.blocks if block.id == block_id)

    def stored(self, code: Block) -> list[Block]:
        """The outputs that stand below a code block, in its section; below a group of tabs they are every tab's."""
        group = code.tab.partition("/")[0]
        found = []
        for block in self.blocks[self.blocks.index(code) + 1 :]:
            if block.kind == "code" and not (group and block.tab.partition("/")[0] == group):
                break
            if block.kind == "output" and block.path == code.path and _is_shown_by(block.tab, code.tab):
                found.append(block)
        return found

    @property
    def stray(self) -> list[Block]:
        """The outputs that stand below no code of their section, so that nothing can be compared with them."""
        owned = {block.id for code in self.code for block in self.stored(code)}
        return [block for block in self.blocks if block.kind == "output" and block.id not in owned]


def _is_shown_by(output: str, code: str) -> bool:
    """Whether an output in one tab is what code in another shows: the same tab, none, or one called `Output`."""
    group, _, title = output.partition("/")
    return output in ("", code) or (group == code.partition("/")[0] and title.lower().startswith(("output", "result")))


def sha256(text: str) -> str:
    """The hash that identifies a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

"""A docs page as blocks with stable ids, and its fingerprint in `data/pages/`: ids and hashes, no text of the page."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from kit.errors import KitError, nearest

FOLDER = Path(__file__).parent.parent / "data" / "pages"


class Block(NamedTuple):
    """A piece of a page: prose (a paragraph, quote or list), code, or the output stored below code.

    `id` is the slug of the nearest heading, the kind and a count within that heading: `per-user-retrieval/code-2`.
    `lines` are the first and the last line in the file, counted from 1. `text` is empty in a fingerprint.
    """

    id: str
    kind: str
    heading: str
    lines: tuple[int, int]
    sha256: str
    text: str = ""


def load_page(name: str) -> list[Block]:
    """The fingerprint of a page that the kit knows by name, in the order of the page."""
    known = sorted(path.stem for path in FOLDER.glob("*.toml"))
    if name not in known:
        raise KitError(f'No page is known as "{name}".{nearest(name, known)} There are: {", ".join(known) or "none"}.')
    with (FOLDER / f"{name}.toml").open("rb") as file:
        rows = tomllib.load(file)["block"]
    return [Block(**row | {"lines": tuple(row["lines"])}) for row in rows]


def parse_markdown(source: str) -> list[Block]:
    """The blocks of a Markdown page; fences marked `output` are stored outputs, other fences code."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.front_matter import front_matter_plugin

    lines = source.splitlines()
    heading, counts, blocks = "top", Counter(), []
    tokens = MarkdownIt("commonmark").use(front_matter_plugin).parse(source)
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[position + 1].content
        elif token.level == 0 and token.map and (kind := _kind(token.type, token.info)):
            first, end = token.map
            text = token.content if kind in ("code", "output") else "\n".join(lines[first:end]).strip()
            last = first + len("\n".join(lines[first:end]).rstrip().splitlines())
            slug = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "top"
            counts[slug, kind] += 1
            digest = hashlib.sha256(text.encode()).hexdigest()
            blocks.append(Block(f"{slug}/{kind}-{counts[slug, kind]}", kind, heading, (first + 1, last), digest, text))
    return blocks


def fingerprint(name: str, source: str) -> str:
    """The TOML of `data/pages/<name>.toml` for a Markdown page: hashes of the page and of each block."""
    head = f'page = "{name}"\nsha256 = "{hashlib.sha256(source.encode()).hexdigest()}"\n'
    return head + "".join(
        f'\n[[block]]\nid = "{b.id}"\nkind = "{b.kind}"\nheading = {_toml_text(b.heading)}\n'
        f'lines = [{b.lines[0]}, {b.lines[1]}]\nsha256 = "{b.sha256}"\n'
        for b in parse_markdown(source)
    )


def _kind(token_type: str, info: str) -> str | None:
    if token_type in ("fence", "code_block"):
        return "output" if info.strip().split(" ")[0] == "output" else "code"
    prose = ("paragraph_open", "blockquote_open", "bullet_list_open", "ordered_list_open", "html_block")
    return "prose" if token_type in prose else None


def _toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

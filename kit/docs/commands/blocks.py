"""`kit docs blocks`: a page as the kit reads it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from kit.docs.commands.options import Json, PageArgument
from kit.reports.terminal import console

if TYPE_CHECKING:
    from kit.pages.page import Page


def blocks(page: PageArgument, as_json: Json = False) -> None:
    """Read a page into blocks: prose, code and stored outputs, with their ids; lines that were not read are told.

    Examples: `kit docs blocks page.md` · `kit docs blocks page.mdx --json`
    """
    from kit.pages.sources import read_page

    read = read_page(page)
    print(_as_json(read)) if as_json else _print(read)


def _as_json(page: Page) -> str:

    from kit.docs.records import plain

    return json.dumps(
        {
            "page": page.name,
            "sha256": page.sha256,
            "form": page.form,
            "blocks": [plain(block) for block in page.blocks],
            "unparsed": [plain(lines) for lines in page.unparsed],
        },
        ensure_ascii=False,
        indent=1,
    )


def _print(page: Page) -> None:
    """A line a block below the headings it stands under, for any width of terminal."""

    out, path = console(), None
    out.print(Text(f"{page.name} ({page.form})", style="bold"))
    for block in page.blocks:
        if block.path != path:
            path = block.path
            out.print(Text("\n" + (" › ".join(path) or "above the first heading"), style="bold"))
        tab = f" in tab {block.tab.partition('/')[2]}" if block.tab else ""
        kind = f"{block.kind} {block.language if block.kind == 'code' else ''}".strip() + tab
        out.print(Text(f"  {block.where:<20} {kind:<12} {block.id}"), soft_wrap=True)
    counts = Counter(block.kind for block in page.blocks)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("prose", "code", "output") if counts[kind]) or "none"
    out.print(f"\n{len(page.blocks)} blocks: {told}.")
    for left in page.unparsed:
        where = f"cell {left.cell}, " if left.cell else ""
        first, last = left.lines
        lines = f"line {first}" if first == last else f"lines {first}-{last}"
        out.print(Text(f"not read: {where}{lines}: {left.why}"), soft_wrap=True)

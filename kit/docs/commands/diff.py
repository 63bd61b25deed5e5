"""`kit docs diff`: what changed between two editions of a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.options import Json, Notebooks, fail

if TYPE_CHECKING:
    from kit.docs.ledger.diff import Change


def diff(
    old: Annotated[str, typer.Argument(help="The page as it was: a file or an address.")],
    new: Annotated[str, typer.Argument(help="The page as it is.")],
    notebooks: Notebooks = None,
    as_json: Json = False,
) -> None:
    """Say which blocks were added, removed, moved or changed, and which notebook cells follow them.

    Exit status 1 when anything changed.

    Examples: `kit docs diff old.md new.md`
    """
    from kit.docs.ledger.diff import changes, worth_telling
    from kit.docs.report.terminal import print_table
    from kit.pages.mirrors import NOTEBOOKS, following, read_cells
    from kit.pages.sources import read_page

    found = changes(read_page(old).blocks, read_page(new).blocks)
    cells = read_cells(notebooks or NOTEBOOKS)
    rows = []
    for change in found:
        ids = [block.id for block in (change.old,) if block]
        rows.append((change, [cell.name for cell in following(ids, cells)]))
    if as_json:
        print(json.dumps([_change(change, names) for change, names in rows], ensure_ascii=False, indent=1))
    elif not worth_telling(found):
        print("No block changed.")
    else:
        lines = [
            (
                change.kind,
                change.block.kind,
                change.block.id,
                "\n".join([change.words, *change.lines]),
                "\n".join(names),
            )
            for change, names in rows
            if change.kind != "renumbered"
        ]
        print_table(f"{old} → {new}", ("Change", "Kind", "Block", "What", "Followed by"), lines)
    if not as_json:
        for change, names in rows:
            if change.kind == "renumbered" and change.old and change.new:
                print(f"new id: {change.old.id} → {change.new.id}" + f" ({', '.join(names)})" * bool(names))
    fail([], failed=bool(worth_telling(found)))


def _change(change: Change, names: list[str]) -> dict:
    old, new = (block.id if block else None for block in (change.old, change.new))
    return {
        "change": change.kind,
        "kind": change.block.kind,
        "old": old,
        "new": new,
        "lines": change.lines,
        "cells": names,
    }

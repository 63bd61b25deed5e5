"""`kit docs mirror`: which notebook cells follow which block of a page."""

from __future__ import annotations

import json

from kit.docs.commands.options import Json, Notebooks, PageArgument, fail


def mirror(page: PageArgument, notebooks: Notebooks = None, as_json: Json = False) -> None:
    """Each block of the page and the notebook cells that follow it: by the ids they name, and by the API they call.

    PAGE may also be the name of a page in data/pages/; then ids alone are compared. Exit status 1 when a block is
    not followed, a call of the page is made nowhere in the notebook that follows it, or a cell names no block.

    Examples: `kit docs mirror page.md`
    """
    from kit.docs.report.terminal import print_table
    from kit.pages.mirrors import NOTEBOOKS, read_cells
    from kit.pages.mirrors import mirror as find_mirror
    from kit.pages.page_file import is_known_page, load_page
    from kit.pages.sources import read_page

    blocks = load_page(page) if is_known_page(page) else read_page(page).blocks
    found = find_mirror(blocks, read_cells(notebooks or NOTEBOOKS))
    if as_json:
        content = {
            "share": round(found.share, 4),
            "blocks": [
                {"block": one.block.id, "cells": [cell.name for cell in one.cells],
                 "missing_calls": one.missing_calls, "alike": [cell.name for cell in one.alike]}
                for one in found.blocks
            ],
            "stray": [{"cell": cell.name, "names": block_id} for cell, block_id in found.stray],
        }  # fmt: skip
        print(json.dumps(content, ensure_ascii=False, indent=1))
    else:
        rows = [(one.block.id, ", ".join(cell.name for cell in one.cells) or "no cell") for one in found.blocks]
        print_table(f"{page} and its notebooks", ("Block", "Followed by"), rows)
        print(f"{len(found.blocks) - len(found.missing)} of {len(found.blocks)} blocks are followed.")
    said = [f"{one.block.id} is followed by no cell" + "".join(f"; like it: {cell.name}" for cell in one.alike)
            for one in found.missing]  # fmt: skip
    said += [f"{one.block.id} calls {', '.join(one.missing_calls)}; the notebook does not"
             for one in found.blocks if one.missing_calls]  # fmt: skip
    said += [f"{cell.name} names {block_id}, which the page does not have" for cell, block_id in found.stray]
    fail(said, quiet=as_json)

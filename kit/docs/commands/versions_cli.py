"""`kit docs matrix`, `diff`, `mirror`, `patch`: a page over releases, over editions, beside its notebooks, mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.cli_show import Json, LedgerFile, PageArgument, console, fail, print_table
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.docs.ledger.ledger import Ledger
    from kit.docs.records import Replay

Notebooks = Annotated[Path | None, typer.Option(help="The folder of the notebooks; the kit's own when not given.")]


def matrix(
    page: PageArgument,
    sets: Annotated[
        list[str] | None, typer.Option("--with", help="Requirements, or latest, or pre; once a set.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do not run each a second time on the files it left.")] = False,
    at_once: Annotated[int, typer.Option(help="How many sets at a time; 0 lets the free memory decide.")] = 0,
    as_json: Json = False,
) -> None:
    """Run the page with several sets of requirements, and say from which set on a block is different.

    Exit status 1 when a block turned, or a set could not be had.
    """
    from functools import partial

    from kit.docs.run.matrix import matrix as run_matrix
    from kit.docs.run.matrix import matrix_table

    found = run_matrix(page, sets or [], partial(_replay_with, twice=not once), at_once=at_once)
    if as_json:
        print(found.to_json())
    else:
        console().print(matrix_table(found))
    problems = [f"{column.requirements}: {column.problem}" for column in found.columns if column.problem]
    turned = [f"{line.block.id} turned in {line.turns[0].requirements}" for line in found.lines if line.turns]
    fail([*problems, *turned], quiet=as_json)


def diff(
    old: Annotated[str, typer.Argument(help="The page as it was: a file or an address.")],
    new: Annotated[str, typer.Argument(help="The page as it is.")],
    notebooks: Notebooks = None,
    as_json: Json = False,
) -> None:
    """Say which blocks were added, removed, moved or changed, and which notebook cells follow them.

    Exit status 1 when anything changed.
    """
    from kit.docs.ledger.diff import changes, worth_telling
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
            if change.kind == "renumbered":
                print(f"new id: {change.old.id} → {change.new.id}" + f" ({', '.join(names)})" * bool(names))
    fail([], failed=bool(worth_telling(found)))


def mirror(page: PageArgument, notebooks: Notebooks = None, as_json: Json = False) -> None:
    """Each block of the page and the notebook cells that follow it: by the ids they name, and by the API they call.

    PAGE may also be the name of a page in data/pages/; then ids alone are compared. Exit status 1 when a block is
    not followed, a call of the page is made nowhere in the notebook that follows it, or a cell names no block.
    """
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


def patch(
    page: PageArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page; as a diff when it ends in .diff or .patch.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The page's path in the diff, as in the repository it goes to.")
    ] = None,
    ledger_file: LedgerFile = None,
    check: Annotated[bool, typer.Option(help="Run the patched page, and refresh its stored outputs.")] = True,
) -> None:
    """Put the ledger's replacements into the page, and show the diff to send upstream.

    The patched page is run twice and its claims are tried; exit status 1 when anything is still wrong with it.
    """
    from kit.docs.ledger.ledger import hold, ledger_path, load_ledger
    from kit.docs.ledger.patch import patched, replacements, unified_diff
    from kit.files.write import write_whole
    from kit.pages.sources import parse_source, read_source

    known = load_ledger(ledger_file or ledger_path(page))
    if not known.defects:
        raise KitError(
            f"{page} has no ledger with defects at {known.path}. Record one: kit docs ledger {page} --record."
        )
    source = read_source(page)
    read = parse_source(source, page)
    if moved := hold(known, [], read.blocks, set()).moved:
        raise KitError(f"The page is not the one that the ledger knows: {moved[0]}.")
    text = patched(source, read, replacements(known.defects))
    wrong: list[str] = []
    if check:
        text, wrong = _checked(text, page, known)
    change = unified_diff(source, text, name or Path(page).name)
    if output:
        write_whole(output, change if output.suffix in (".diff", ".patch") else text)
    else:
        print(change, end="")
    fail(wrong)


def _checked(text: str, page: str, known: Ledger) -> tuple[str, list[str]]:
    """The patched page with its outputs as they print today, and what is still wrong with it."""
    from kit.docs.check import find_failures, probe_claims
    from kit.docs.ledger.ledger import merge
    from kit.docs.ledger.patch import with_fresh_outputs
    from kit.docs.run.replay import replay_page
    from kit.pages.sources import parse_source

    excused = {(defect.block, defect.kind) for defect in known.defects if defect.excuse}
    read = parse_source(text, page)
    replay = replay_page(read, twice=True)
    fresh = with_fresh_outputs(text, read, replay, {block for block, _ in excused})
    if fresh != text:
        text, read = fresh, parse_source(fresh, page)
        replay = replay_page(read, twice=True)
    found = merge(find_failures(replay, probe_claims(read)[0]))
    left = [one for one in found if (one.block_id, one.kind) not in excused]
    return text, [f"still wrong: {one.block_id}: {one.kind}: {one.words}" for one in left]


def _replay_with(page: str, requirements: str, *, twice: bool) -> Replay:
    """A replay on a set of requirements; named so that another process can be asked for it."""
    from kit.docs.run.replay import replay_page
    from kit.pages.sources import read_page

    return replay_page(read_page(page), twice=twice, requirements=requirements)


def _change(change: object, names: list[str]) -> dict:
    old, new = (block.id if block else None for block in (change.old, change.new))
    return {
        "change": change.kind,
        "kind": change.block.kind,
        "old": old,
        "new": new,
        "lines": change.lines,
        "cells": names,
    }


COMMANDS = (matrix, diff, mirror, patch)

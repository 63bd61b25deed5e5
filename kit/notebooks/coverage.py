"""Which block of the docs page is followed by which notebook cell, and the README's table of the notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nbformat import NotebookNode

from kit.notebooks.files import read_notebook
from kit.notebooks.manifest import Manifest, Notebook
from kit.pages.page import Block
from kit.pages.page_file import load_page


class Mirror(NamedTuple):
    """A cell (position from 1) of a notebook that follows a block of the page."""

    notebook: str
    cell: int


def mirrored_ids(cell: NotebookNode) -> list[str]:
    """The ids of the page's blocks that a cell says it follows."""
    found = cell.metadata.get("mirrors", [])
    return [str(block_id) for block_id in found] if isinstance(found, list) else [str(found)]


def coverage(manifest: Manifest) -> list[tuple[Block, list[Mirror]]]:
    """Each block of the page, in order, with the cells that follow it; a notebook that is not there has none."""
    cells: dict[str, list[Mirror]] = {}
    for notebook in manifest.notebooks:
        for position, cell in enumerate(_cells(notebook), start=1):
            for block_id in mirrored_ids(cell):
                cells.setdefault(block_id, []).append(Mirror(notebook.stem, position))
    return [(block, cells.get(block.id, [])) for block in load_page(manifest.page)]


def table_markdown(manifest: Manifest) -> str:
    """The README's table: a notebook a row, linked, with its goal, the page's sections it follows, minutes, needs."""
    page = load_page(manifest.page)
    lines = [
        "| Notebook | What you do | Mirrors on the page | Minutes | Needs |",
        "|---|---|---|--:|---|",
    ]
    for notebook in manifest.notebooks:
        cells = [
            f"[{notebook.number} {_escape(notebook.title)}](notebooks/{notebook.file})",
            _escape(notebook.goal),
            _sections(page, {block_id for cell in _cells(notebook) for block_id in mirrored_ids(cell)}),
            str(notebook.minutes),
            ", ".join(notebook.needs) or "nothing",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def map_markdown(manifest: Manifest) -> str:
    """The welcome notebook's map: a notebook a row, linked, with what it shows, the minutes it takes, what it needs."""
    lines = ["| Notebook | What it shows | Minutes | Needs |", "|:--|:--|--:|:--|"]
    for row in manifest.notebooks:
        needs = ", ".join(row.needs) or "nothing"
        lines.append(
            f"| [{row.number} {_escape(row.title)}]({row.file}) | {_escape(row.goal)} | {row.minutes} | {needs} |"
        )
    return "\n".join(lines)


def _cells(notebook: Notebook) -> Sequence[NotebookNode]:
    return read_notebook(notebook.path).cells if notebook.path.is_file() else []


def _sections(page: Sequence[Block], ids: set[str]) -> str:
    """`Milvus (12 blocks), Related (1 block)`, in the order of the page."""
    counts: dict[str, int] = {}
    for block in page:
        if block.id in ids:
            counts[block.heading] = counts.get(block.heading, 0) + 1
    return ", ".join(f"{_escape(h)} ({n} block{'s' * (n > 1)})" for h, n in counts.items()) or "goes beyond the page"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

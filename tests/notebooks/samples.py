"""Small notebooks, and repositories of them, built from lists of cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode

from kit.notebooks.manifest import Manifest, Notebook, load_manifest

PAGE = "langchain-milvus-2024"


class Cell(NamedTuple):
    """A code cell: source, tags, stored outputs (a text is the cell's text/plain result)."""

    source: str
    tags: Sequence[str] = ()
    outputs: Sequence[NotebookNode] | str = ()


def notebook(cells: Sequence[Cell | str]) -> NotebookNode:
    """A notebook with counts 1..n; a plain string is a Markdown cell."""
    made, count = [], 0
    for position, cell in enumerate(cells):
        if isinstance(cell, str):
            made.append(nbformat.v4.new_markdown_cell(cell, id=f"cell-{position}"))
            continue
        count += 1
        outputs = [result(cell.outputs, count)] if isinstance(cell.outputs, str) else list(cell.outputs)
        metadata = {"tags": list(cell.tags)} if cell.tags else {}
        made.append(
            nbformat.v4.new_code_cell(
                cell.source, id=f"cell-{position}", outputs=outputs, execution_count=count, metadata=metadata
            )
        )
    return nbformat.v4.new_notebook(
        cells=made, metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )


def result(text: str, count: int = 1, **data: Any) -> NotebookNode:
    """The output of an expression."""
    return nbformat.v4.new_output("execute_result", {"text/plain": text, **data}, execution_count=count)


def stream(text: str, name: str = "stdout") -> NotebookNode:
    """What a cell printed."""
    return nbformat.v4.new_output("stream", name=name, text=text)


def error(name: str, words: str) -> NotebookNode:
    """An error as `kit notebooks update` stores it."""
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])


def write(path: Path, cells: Sequence[Cell | str]) -> Path:
    """The notebook in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.v4.writes(notebook(cells)) + "\n", encoding="utf-8")
    return path


def repository(root: Path, notebooks: dict[str, Sequence[Cell | str]], rows: dict[str, str] | None = None) -> Manifest:
    """A repository at `root` with these notebooks by stem; `rows` adds TOML lines to a notebook's row."""
    index = [f'page = "{PAGE}"']
    for stem, cells in notebooks.items():
        write(root / "notebooks" / f"{stem}.ipynb", cells)
        index += ["[[notebook]]", f'file = "{stem}.ipynb"', f'title = "{stem.partition("_")[2].capitalize()}"']
        index += ['goal = "Show one thing"', "minutes = 1", (rows or {}).get(stem, "")]
    (root / "notebooks").mkdir(parents=True, exist_ok=True)
    (root / "notebooks" / "index.toml").write_text("\n".join(index), encoding="utf-8")
    return load_manifest(root)


def lone(path: Path, cells: Sequence[Cell | str]) -> Notebook:
    """A notebook that no manifest lists."""
    return Notebook(write(path, cells), "Lone", "Show one thing", 1)

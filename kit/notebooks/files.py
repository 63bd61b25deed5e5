"""Notebook files: read with an error that says where they are broken, written in one step."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kit.errors import KitError


def read_notebook(path: Path) -> NotebookNode:
    """The notebook in a file (nbformat 4); KitError names the file, the place and how to mend it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(f"{path} does not exist", mend="Restore it, or remove it from the list that names it.") from None
    except UnicodeDecodeError as error:
        raise KitError(f"{path} is not UTF-8 text (byte {error.start}). {_restore(path)}") from None
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        why = "it holds the marks of a merge conflict" if "<<<<<<<" in text else error.msg
        raise KitError(
            f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {why}. {_restore(path)}"
        ) from None
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        found = f"nbformat {content.get('nbformat')}" if isinstance(content, dict) else type(content).__name__
        raise KitError(
            f"{path} is not a notebook of format 4 (found {found}). "
            "Convert it: jupyter nbconvert --to notebook --nbformat 4 --inplace."
        )
    try:
        notebook = nbformat.v4.reads(text)
        _repair_ids(notebook)
        with warnings.catch_warnings(action="ignore", category=nbformat.validator.MissingIDFieldWarning):
            nbformat.validate(notebook)
    except (nbformat.ValidationError, KeyError, TypeError, AttributeError) as error:
        where = "/".join(map(str, getattr(error, "absolute_path", []))) or "the notebook"
        why = str(error).splitlines()[0] or type(error).__name__
        raise KitError(f"{path} is not a valid notebook: {where}: {why}. {_restore(path)}") from None
    return notebook


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook as JupyterLab saves it: sorted keys, one space of indent, a newline at the end."""
    return nbformat.v4.writes(notebook) + "\n"


def _repair_ids(notebook: NotebookNode) -> None:
    """Give a cell whose id is missing or another cell's one that is the same whenever the file is read."""
    if notebook.nbformat_minor < 5:
        for cell in notebook.cells:
            cell.pop("id", None)
        return
    taken: set[str] = set()
    for position, cell in enumerate(notebook.cells, start=1):
        number, first = 1, cell.get("id") or f"cell-{position}"
        cell.id = first
        while cell.id in taken:
            number += 1
            cell.id = f"{first[:58]}-{number}"
        taken.add(cell.id)


def _restore(path: Path) -> str:
    return f"Restore it: git checkout -- {path.name} in its folder."


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    found = cell.metadata.get("tags", [])
    return found if isinstance(found, list) else []


def text_of(value: object) -> str:
    """A stored MIME value as text; JSON values are serialised."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)

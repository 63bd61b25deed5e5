"""Which notebooks a command means: the kit's own by name, anybody's by file, folder or glob."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kit.errors import KitError
from kit.notebooks.manifest import Manifest, Notebook, load_manifest

WILDCARDS = "*?["
ASIDE = ".ipynb_checkpoints"


class Selection(NamedTuple):
    """The notebooks that a command works on, and the manifest of the folder they lie in."""

    manifest: Manifest
    notebooks: tuple[Notebook, ...]

    @property
    def is_whole(self) -> bool:
        """Whether these are all notebooks of a manifest."""
        return bool(self.manifest.page) and self.notebooks == self.manifest.notebooks


def select(arguments: Sequence[str]) -> Selection:
    """The notebooks that arguments name, in reading order: those of the manifest when there are none.

    An argument with a slash or a wildcard, one that ends in .ipynb and one that is a folder is a path, and never looked
    up as a name. A folder means every notebook in it and beneath it. A row of an index.toml beside a file says what the
    notebook needs; without one it needs nothing.

    Raises KitError for a path at which there is no notebook, and for a name that no notebook of the manifest has.
    """
    if not any(map(is_path, arguments)):
        manifest = load_manifest()
        return Selection(manifest, tuple(manifest.select(arguments)))
    found: dict[Path, Notebook] = {}
    for argument in arguments:
        notebooks = _at(argument) if is_path(argument) else load_manifest().select([argument])
        found |= {notebook.path.resolve(): notebook for notebook in notebooks}
    notebooks = list(found.values())
    manifests = {notebook.path.parent.resolve(): manifest_beside(notebook.path) for notebook in notebooks}
    first = next(iter(manifests.values()))
    if len(manifests) == 1 and first:
        files = {notebook.file for notebook in notebooks}
        listed = [notebook for notebook in first.notebooks if notebook.file in files]
        rest = [notebook for notebook in notebooks if notebook.file not in {row.file for row in listed}]
        return Selection(first, (*listed, *rest))
    return Selection(Manifest(notebooks[0].path.parent, "", tuple(notebooks)), tuple(notebooks))


def is_path(argument: str) -> bool:
    """Whether an argument is a path; everything else is a name of the manifest."""
    if any(mark in argument for mark in WILDCARDS) or argument.endswith(".ipynb"):
        return True
    return "/" in argument or "\\" in argument or Path(argument).is_dir()


def manifest_beside(path: Path) -> Manifest | None:
    """The manifest in the folder of a notebook, if an index.toml of the kit's form lies there."""
    try:
        return load_manifest(path.parent / "index.toml")
    except KitError:
        return None


def _at(argument: str) -> list[Notebook]:
    """The notebooks at a path, each with its row of the manifest beside it."""
    path = Path(argument).expanduser()
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*.ipynb")) if ASIDE not in file.parts]
        nothing = f"No notebook lies in the folder {argument}"
    elif path.is_file():
        files, nothing = [path], ""
    elif any(mark in argument for mark in WILDCARDS):
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207 - an absolute pattern, too
        files = [file for file in matches if file.suffix == ".ipynb" and ASIDE not in file.parts]
        nothing = f"No notebook matches {argument}"
    else:
        files, nothing = [], f"No file is at {argument}"
    if not files:
        names = ", ".join(notebook.stem for notebook in load_manifest().notebooks if notebook.file == path.name)
        raise KitError(nothing, mend=f"The kit's own notebook is called {names}, without .ipynb." if names else "")
    rows: dict[Path, Notebook] = {}
    for folder in dict.fromkeys(file.parent for file in files):
        if manifest := manifest_beside(folder / "any"):
            rows |= {folder / notebook.file: notebook for notebook in manifest.notebooks}
    return [rows.get(file) or Notebook(file, file.stem, "", 0) for file in files]

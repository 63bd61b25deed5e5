"""`kit notebooks copy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def copy(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or an empty folder.")]) -> None:
    """Write the kit's notebooks into a folder of yours, with all that they need beside them.

    Example: `kit notebooks copy my-notebooks`, then `cd my-notebooks` and `kit tour 01`
    """
    from kit.notebooks.copy import copy_notebooks
    from kit.notebooks.manifest import WELCOME, counted, load_manifest

    files = copy_notebooks(load_manifest(), folder)
    notebooks = sum(file.suffix == ".ipynb" for file in files)
    print(f"{folder}: {counted(notebooks, 'notebook')}, {counted(len(files) - notebooks, 'file')} beside them.")
    print(f"Next: cd {folder}; kit tour 01, or jupyter lab {WELCOME}")

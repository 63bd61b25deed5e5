"""The kit's notebooks in a folder of one's own, with what they need beside them: ready to run, also from a wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit.errors import KitError
from kit.notebooks.manifest import WELCOME, Manifest

BESIDE = (WELCOME, "index.toml", "sanitize.cfg")


def copy_notebooks(manifest: Manifest, folder: Path) -> list[Path]:
    """Write the notebooks of a manifest, its list and the recorded scores to a folder; the files written, in order.

    Raises KitError when the folder holds anything, so that nobody's work is overwritten, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KitError(f"{folder} is not empty", wanted="a new or an empty folder", mend="Name another one.")
    names = [*BESIDE, *(notebook.file for notebook in manifest.notebooks)]
    sources = [(manifest.folder / name, folder / name) for name in names]
    sources += [
        (solved, folder / "solutions" / solved.name) for solved in sorted((manifest.folder / "solutions").glob("*.py"))
    ]
    scores = [path for path in sorted(manifest.baselines.glob("*.yaml")) if "command: kit tour" in path.read_text()]
    sources += [(path, folder / "baselines" / path.name) for path in scores]
    try:
        for source, target in sources:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError as error:
        raise KitError(f"{folder} cannot be written: {error.strerror or error}.", mend="Name another one.") from None
    return [target for _, target in sources]

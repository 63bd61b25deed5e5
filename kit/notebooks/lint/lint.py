"""Every finding on the notebooks of a folder: broken files, files and manifest that disagree, and the rules."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kit.errors import KitError
from kit.notebooks.files import read_notebook
from kit.notebooks.lint.rules import PROFILES, Draft, Profile
from kit.notebooks.manifest import WELCOME, Manifest, Notebook
from kit.notebooks.paths import Selection
from kit.pages.page_file import load_page
from kit.settings import Settings


class Finding(NamedTuple):
    """Something to mend: the file, the cell (from 1; 0 for the file as a whole), the rule and what is wrong."""

    file: str
    cell: int
    rule: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}, cell {self.cell}" if self.cell else self.file
        return f"{where}: {self.message} ({self.rule})"


def lint_selection(chosen: Selection, settings: Settings, profile: Profile = "kit") -> list[Finding]:
    """The findings on these notebooks; when they are all of a manifest's, also on what else lies in its folder."""
    secrets = tuple(settings.secrets)
    page = chosen.manifest.page
    block_ids = frozenset(block.id for block in load_page(page)) if page and profile == "kit" else frozenset()
    findings = unlisted(chosen.manifest) if chosen.is_whole else []
    for notebook in chosen.notebooks:
        if notebook.path.is_file():
            row = notebook if notebook in chosen.manifest.notebooks and page else None
            following = chosen.manifest.after(notebook) if row else None
            rules: Profile = (
                "plain" if notebook.file == WELCOME else profile
            )  # a map has no goal and no blocks to mirror
            findings += lint_notebook(notebook.path, block_ids, secrets, rules, row, following)
        else:
            missing = "is in index.toml, but there is no such file: restore it, or remove its row"
            findings.append(Finding(notebook.file, 0, "no-file", missing))
    return findings


def unlisted(manifest: Manifest) -> list[Finding]:
    """A finding for each notebook in the folder that the manifest does not list."""
    listed = {WELCOME, *(notebook.file for notebook in manifest.notebooks)}
    wanted = "is not in index.toml: add a [[notebook]] row, or remove it"
    files = sorted(path.name for path in manifest.folder.glob("*.ipynb"))
    return [Finding(file, 0, "unlisted", wanted) for file in files if file not in listed]


def lint_notebook(
    path: Path,
    block_ids: frozenset[str] = frozenset(),
    secrets: tuple[str, ...] = (),
    profile: Profile = "kit",
    row: Notebook | None = None,
    following: Notebook | None = None,
) -> list[Finding]:
    """The findings on one file; one that is no notebook at all is a finding too."""
    try:
        draft = Draft(read_notebook(path), block_ids, secrets, row, following.file if following else "")
    except KitError as error:
        return [Finding(path.name, 0, "broken", str(error).removeprefix(f"{path} "))]
    rules = PROFILES[profile]
    return [
        Finding(path.name, index + 1, name, message) for name, rule in rules.items() for index, message in rule(draft)
    ]

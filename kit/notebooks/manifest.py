"""`notebooks/index.toml`, the only list of the notebooks: read, checked and searched by name."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import KitError, nearest
from kit.files.project import project_root
from kit.server.package import installed
from kit.settings import Settings

ROOT = project_root()
FIELDS = {"file": str, "title": str, "goal": str, "minutes": int, "needs": list, "baseline": str, "seconds": int}
NEEDS = {
    "milvus-lite": "looks inside a Milvus Lite file, and MILVUS_URI names a server",
    "milvus-server": "needs a Milvus server: set MILVUS_URI or give --uri",
    "server-package": "needs a Milvus server: run `kit server install`, or set MILVUS_URI or give --uri",
    "openai-key": "needs OPENAI_API_KEY",
}


@dataclass(frozen=True)
class Notebook:
    """A row of the manifest: a notebook's file, what it teaches, how long it takes to read and what must be there."""

    path: Path
    title: str
    goal: str
    minutes: int
    needs: tuple[str, ...] = ()
    baseline: str = ""
    seconds: int = 10  # about how long it runs: the longest start first, so that none is left over at the end

    @property
    def file(self) -> str:
        """The file's name, such as `01_basic_search.ipynb`."""
        return self.path.name

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def number(self) -> str:
        """What stands before the first underscore, such as `01`."""
        return self.stem.partition("_")[0]

    @property
    def topic(self) -> str:
        """What stands after the number, such as `basic_search`."""
        return self.stem.partition("_")[2]


@dataclass(frozen=True)
class Manifest:
    """The docs page that is mirrored, and the notebooks in reading order."""

    folder: Path
    page: str
    notebooks: tuple[Notebook, ...]

    def select(self, names: Sequence[str] = ()) -> list[Notebook]:
        """The notebooks that are named by file, stem, number or topic, in reading order; all when none is named."""
        wanted = {self._find(name).file for name in names}
        return [notebook for notebook in self.notebooks if not names or notebook.file in wanted]

    def _find(self, name: str) -> Notebook:
        name = Path(name).name
        for notebook in self.notebooks:
            names = (notebook.file, notebook.stem, notebook.number, notebook.number.lstrip("0"), notebook.topic)
            if name and name in names:
                return notebook
        stems = [notebook.stem for notebook in self.notebooks]
        like = nearest(name.removesuffix(".ipynb"), [*stems, *(notebook.topic for notebook in self.notebooks)])
        raise KitError(f'No notebook is called "{name}".{like} There are: {", ".join(stems) or "none"}.')


def load_manifest(root: Path | None = None) -> Manifest:
    """The manifest of the repository at `root` (the one that this package lies in, when not given).

    Raises KitError when the folder or the file is not there, and for each row that is not as it should be.
    """
    folder = (root or ROOT) / "notebooks"
    path = folder / "index.toml"
    if not path.is_file():
        found = "no folder notebooks/" if not folder.is_dir() else "no file index.toml in it"
        raise KitError(
            f"Wanted the notebooks' list at {path}; found {found}. "
            "Run kit from a clone of the repository that was installed with `make tour`, or pip install -e ."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KitError(f"{path} is not valid TOML: {error}.") from None
    page, rows = content.get("page"), content.get("notebook", [])
    if not isinstance(page, str) or not isinstance(rows, list):
        raise KitError(f'{path}: wanted page = "…" and [[notebook]] rows.')
    notebooks = tuple(_notebook(path, row) for row in rows)
    for kind in ("file", "number"):
        values = [getattr(notebook, kind) for notebook in notebooks]
        if double := next((value for value in values if values.count(value) > 1), None):
            raise KitError(f"{path}: two rows have the {kind} {double}; each notebook has its own.")
    return Manifest(folder, page, notebooks)


def names_server(settings: Settings) -> bool:
    """Whether the notebooks run on a Milvus server; else each runs on a Milvus Lite file of its own."""
    return settings.milvus_uri is not None and not settings.milvus_uri.endswith(".db")


def unmet_needs(notebook: Notebook, settings: Settings) -> list[str]:
    """Why a notebook cannot run under these settings, in words; empty when it can."""
    return [NEEDS[need] for need in notebook.needs if not _is_met(need, settings)]


def _is_met(need: str, settings: Settings) -> bool:
    server = names_server(settings)
    if need == "server-package":
        return server or installed() is not None
    return {"milvus-lite": not server, "milvus-server": server, "openai-key": settings.openai_api_key is not None}[need]


def _notebook(path: Path, row: dict[str, Any]) -> Notebook:
    """One checked row."""
    name = row.get("file", "a row without file")
    for key, value in row.items():
        if key not in FIELDS:
            raise KitError(f'{path}: {name}: unknown key "{key}".{nearest(key, list(FIELDS))}')
        if type(value) is not FIELDS[key]:
            raise KitError(f"{path}: {name}: {key} = {value!r} should be of type {FIELDS[key].__name__}.")
    if missing := [key for key in ("file", "title", "goal", "minutes") if not row.get(key)]:
        raise KitError(f"{path}: {name}: wanted {', '.join(missing)}.")
    if Path(name).name != name or not name.endswith(".ipynb"):
        raise KitError(f"{path}: {name}: wanted the name of an .ipynb file in {path.parent}, without a folder.")
    for need in row.get("needs", []):
        if need not in NEEDS:
            raise KitError(f'{path}: {name}: unknown need "{need}".{nearest(str(need), list(NEEDS))}')
    rest = {key: row[key] for key in ("title", "goal", "minutes", "baseline", "seconds") if key in row}
    return Notebook(path=path.parent / name, needs=tuple(row.get("needs", [])), **rest)


def counted(number: int, what: str) -> str:
    """`1 notebook`, `2 notebooks`."""
    return f"{number} {what}{'' if number == 1 else 's'}"

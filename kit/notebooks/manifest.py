"""`notebooks/index.toml`, the only list of the notebooks: read, checked and searched by name."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import KitError, nearest
from kit.files.project import is_checkout, project_root
from kit.milvus.connection import is_lite
from kit.server.package import installed
from kit.settings import Settings

ROOT = project_root()
WELCOME = "00_welcome.ipynb"  # the map of the listed notebooks, which `make lab` opens; no row of its own
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

    @property
    def reports(self) -> Path:
        """Where reports go: build/ of the repository for its own notebooks, else build/ of the working folder."""
        own = is_checkout() and self.folder == ROOT / "notebooks"
        return (ROOT if own else Path.cwd()) / "build"

    @property
    def baselines(self) -> Path:
        """The recorded scores: beside the notebooks where they were copied to, else in tests/ of the repository."""
        beside = self.folder / "baselines"
        return beside if beside.is_dir() else self.folder.parent / "tests" / "baselines"

    def after(self, notebook: Notebook) -> Notebook | None:
        """The next notebook in reading order; None after the last."""
        place = self.notebooks.index(notebook) + 1
        return self.notebooks[place] if place < len(self.notebooks) else None

    def select(self, names: Sequence[str] = ()) -> list[Notebook]:
        """The notebooks that are named by stem, number or topic, in reading order; all when none is named."""
        wanted = {self._find(name).file for name in names}
        return [notebook for notebook in self.notebooks if not names or notebook.file in wanted]

    def _find(self, name: str) -> Notebook:
        for notebook in self.notebooks:
            names = (notebook.stem, notebook.number, notebook.number.lstrip("0"), notebook.topic)
            if name and name in names:
                return notebook
        stems = [notebook.stem for notebook in self.notebooks]
        like = nearest(name, [*stems, *(notebook.topic for notebook in self.notebooks)])
        raise KitError(f'No notebook is called "{name}".{like} There are: {", ".join(stems) or "none"}.')


def load_manifest(place: Path | None = None) -> Manifest:
    """The manifest at `place`, a repository or an index.toml; else that of the working folder, else the kit's own.

    Raises KitError when the folder or the file is not there, and for each row that is not as it should be.
    """
    path = _index(place)
    folder = path.parent
    if not path.is_file():
        found = f"no folder {folder.name}/" if not folder.is_dir() else "no file index.toml in it"
        raise KitError(
            f"{folder} has no list of notebooks: found {found}",
            wanted=str(path),
            mend="Write the notebooks into a folder of yours with `kit notebooks copy FOLDER`.",
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


def _index(place: Path | None) -> Path:
    if place is not None:
        return place if place.suffix == ".toml" else place / "notebooks" / "index.toml"
    here = Path.cwd() / "index.toml"  # a folder that `kit notebooks copy` wrote
    with contextlib.suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        if {"page", "notebook"} <= tomllib.loads(here.read_text(encoding="utf-8")).keys():
            return here
    return ROOT / "notebooks" / "index.toml"


def names_server(settings: Settings) -> bool:
    """Whether the notebooks run on a Milvus server; else each runs on a Milvus Lite file of its own."""
    return settings.milvus_uri is not None and not is_lite(settings.milvus_uri)


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

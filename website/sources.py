"""Write what Sphinx reads: the notebooks and READMEs as they are, a first page, the reports, and the reference.

`python -m website.sources FOLDER`. Nothing here is written twice: the first page comes from notebooks/index.toml, the
reference from the faces' `__all__` and their docstrings, the reports from the last runs in build/.
"""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
import sys
from pathlib import Path

import kit
from kit.notebooks.manifest import Notebook, load_manifest

ROOT = Path(__file__).parent.parent
FACES = {
    "kit": "your own code: connect, store, filter, guard",
    "kit.notebooks": "any notebooks: run, compare, update",
    "kit.docs": "any docs pages: replay, claims, ledgers",
    "kit.bench": "any collection: retrievers, measures, tests",
}
# A command -> where its last report lies below build/, and what it is.
REPORTS = {
    "tour": ("tour/index.html", "every notebook, cell by cell, with its scores", "kit tour"),
    "docs": ("docs/report.html", "a docs page, block by block", "kit docs replay PAGE --html build/docs/report.html"),
    "check": (
        "check/report.html",
        "a whole docs site, page by page",
        "kit docs check docs/ --html build/check/report.html",
    ),
    "bench": ("bench/report.html", "retrievers on the golden questions", "kit bench report"),
}
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", ".github/lab.png", ".github/tour.png")


def write_sources(folder: Path) -> None:
    """All sources of the site, in a folder that is written anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "extra").mkdir(parents=True)
    for name in DOCUMENTS:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    (folder / "notebooks").mkdir()
    for notebook in load_manifest().notebooks:
        shutil.copy(ROOT / "notebooks" / notebook.file, folder / "notebooks")
    (folder / "index.md").write_text(_first_page())
    (folder / "reports.md").write_text(_reports(folder))
    (folder / "reference").mkdir()
    for face in FACES:
        (folder / "reference" / f"{face}.md").write_text(_reference(face))


def _first_page() -> str:
    rows = [
        f"| [{entry.title}](notebooks/{entry.file}) | {entry.goal} | {entry.minutes} min | {_needs(entry)} |"
        for entry in load_manifest().notebooks
    ]
    introduction = (ROOT / "README.md").read_text().split("\n```", 1)[0]
    notebooks = "\n".join(f"notebooks/{Path(entry.file).stem}" for entry in load_manifest().notebooks)
    faces = "\n".join(f"reference/{face}" for face in FACES)
    return f"""{introduction}

::::{{grid}} 1 1 3 3
:::{{grid-item-card}} Walk through the docs
:link: notebooks/{Path(load_manifest().notebooks[0].file).stem}
:link-type: doc
Notebooks that run what the docs say, and say where it is no longer true.
:::
:::{{grid-item-card}} Check your docs
:link: reference/kit.docs
:link-type: doc
Replay any page, block by block: what still holds, and why not.
:::
:::{{grid-item-card}} Choose a retriever
:link: reference/kit.bench
:link-type: doc
Numbers on your own texts, with the tests that say whether to believe them.
:::
::::

## The notebooks

| notebook | goal | time | needs |
|---|---|--:|---|
{chr(10).join(rows)}

```{{toctree}}
:caption: Notebooks
:hidden:
{notebooks}
```

```{{toctree}}
:caption: Reference
:hidden:
{faces}
```

```{{toctree}}
:caption: The project
:hidden:
README
reports
CONTRIBUTING
CHANGELOG
data/README
```
"""


def _needs(entry: Notebook) -> str:
    return ", ".join(entry.needs) or "nothing"


def _reports(folder: Path) -> str:
    """The page of the last reports; each is copied whole, or its command is named where there is none."""
    lines = ["# Reports", "", "What the three uses wrote last on the machine that built this site.", ""]
    for name, (path, meaning, command) in REPORTS.items():
        source = ROOT / "build" / path
        if not source.is_file():
            lines.append(f"- {meaning}: none yet; `{command}` writes it.")
            continue
        shutil.copytree(source.parent, folder / "extra/reports" / name, ignore=shutil.ignore_patterns("*.db", "logs"))
        lines.append(f'- <a href="reports/{name}/{source.name}">{meaning}</a>, from `{command}`')
    return "\n".join(lines) + "\n"


def _reference(face: str) -> str:
    """A face's page: its docstring and every public name, in the order of its `__all__`."""
    module = importlib.import_module(face)
    parts = [f"# {face}", FACES[face][0].upper() + FACES[face][1:] + ".", "", inspect.getdoc(module) or "", ""]
    for name in sorted(module.__all__, key=str.lower):
        if not re.match(r"__\w+__$", name):
            parts += [f"## {name}", "", "```{eval-rst}", *_directive(face, name, getattr(module, name)), "```", ""]
    return "\n".join(parts)


def _directive(face: str, name: str, value: object) -> list[str]:
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        return [f".. {kind}:: {face}.{name}", "   :members:"]
    if callable(value):
        return [f".. autofunction:: {face}.{name}"]
    return [f".. py:data:: {face}.{name}", "", f"   `{value!r}`"]


if __name__ == "__main__":
    print(f"kit {kit.__version__}: sources of the site in {sys.argv[1]}")
    write_sources(Path(sys.argv[1]))

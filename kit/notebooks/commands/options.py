"""The options that several commands take, and the notebooks that can run here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.errors import KitError

if TYPE_CHECKING:
    from kit.notebooks.manifest import Notebook
    from kit.settings import Settings

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NOTEBOOKS]...",
        help="Names of the kit's own (01, basic_search) or paths: file, folder, glob; none means all of the kit's.",
    ),
]
Uri = Annotated[
    str | None,
    typer.Option(
        metavar="URI", help="Milvus server, http://host:19530; without it each notebook has its own Lite file."
    ),
]
Embeddings = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="minilm (default), wordllama, or provider:model such as openai:text-embedding-3-small."
    ),
]
Jobs = Annotated[int, typer.Option(min=1, max=16, help="Notebooks that run at the same time.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Sanitize = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="regex: and replace: lines as nbval reads them; sanitize.cfg beside the notebooks."
    ),
]


def that_can_run(chosen: Sequence[Notebook], settings: Settings) -> list[Notebook]:
    """The notebooks whose needs are met; says why the others are not run, and raises KitError when none is left."""
    from kit.notebooks.manifest import unmet_needs

    unmet = {notebook.path: reasons for notebook in chosen if (reasons := unmet_needs(notebook, settings))}
    for path, reasons in unmet.items():
        print(f"- {path.stem}: not run: {'; '.join(reasons)}.")
    if len(unmet) == len(chosen):
        raise KitError("None of these notebooks can run here.")
    return [notebook for notebook in chosen if notebook.path not in unmet]

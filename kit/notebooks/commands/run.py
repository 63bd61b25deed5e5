"""`kit notebooks run`."""

from __future__ import annotations

import typer

from kit.notebooks.commands.options import Embeddings, Jobs, Names, Uri, that_can_run


def run(names: Names = None, uri: Uri = None, embeddings: Embeddings = None, jobs: Jobs = 2) -> None:
    """Run notebooks without comparing or storing their outputs; exit 1 if one fails.

    Examples: `kit notebooks run` · `kit notebooks run 03` · `kit notebooks run my/notebooks "docs/**/*.ipynb"`
    """
    from kit.notebooks.backend import choose, environment
    from kit.notebooks.paths import select
    from kit.notebooks.report.tables import Running
    from kit.notebooks.run import run_notebooks

    chosen, settings = select(names or []), choose(uri, embeddings)
    notebooks = that_can_run(chosen.notebooks, settings)
    failed = False
    with Running(notebooks) as show:
        for result in run_notebooks(notebooks, jobs=jobs, environment=environment(settings), progress=show.progress):
            words = result.error.summary if result.error else f"{len(result.ran)} cells"
            show.finished(result.notebook, f"{words}, {result.seconds.total:.1f} s", ok=result.error is None)
            failed |= result.error is not None
    raise typer.Exit(1 if failed else 0)

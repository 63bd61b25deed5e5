"""`kit notebooks update`."""

from __future__ import annotations

import typer

from kit.notebooks.commands.options import Jobs, Names, that_can_run


def update(names: Names = None, jobs: Jobs = 2) -> None:
    """Run notebooks and store their outputs, normalised; exit 1 if one fails (it is then left as it was).

    Runs on the recorded backend: Milvus Lite and minilm. What a person wrote is kept, metadata included. Review the
    diff before you commit it.

    Examples: `kit notebooks update` · `kit notebooks update 04` · `kit notebooks update my/notebook.ipynb`
    """
    from kit.notebooks.backend import choose_recorded, environment
    from kit.notebooks.outputs.update import update as store
    from kit.notebooks.paths import select
    from kit.notebooks.report.tables import Running
    from kit.notebooks.run import run_notebooks

    chosen, settings = select(names or []), choose_recorded()
    notebooks = that_can_run(chosen.notebooks, settings)
    failed = False
    with Running(notebooks) as show:
        for result in run_notebooks(notebooks, jobs=jobs, environment=environment(settings), progress=show.progress):
            failed |= result.error is not None
            if result.error:
                show.finished(result.notebook, f"left as it was: {result.error.summary}", ok=False)
            else:
                show.finished(result.notebook, "changed" if store(result) else "unchanged", ok=True)
    raise typer.Exit(1 if failed else 0)

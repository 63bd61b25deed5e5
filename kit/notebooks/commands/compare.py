"""`kit notebooks compare`."""

from __future__ import annotations

import json

import typer

from kit.notebooks.commands.options import Embeddings, Jobs, Json, Names, Sanitize, Uri, that_can_run


def compare(
    names: Names = None,
    uri: Uri = None,
    embeddings: Embeddings = None,
    jobs: Jobs = 2,
    sanitize: Sanitize = None,
    as_json: Json = False,
) -> None:
    """Run notebooks and compare their outputs with the stored ones, cell by cell as nbval does; exit 1 if one differs.

    Tags and comments mean what they mean to nbval and papermill. Cells after one that failed run, too.

    Examples: `kit notebooks compare my/notebooks` · `kit notebooks compare a.ipynb --sanitize sanitize.cfg`
    """
    from kit.notebooks.backend import choose, environment, is_recorded
    from kit.notebooks.manifest import counted
    from kit.notebooks.outputs.compare import compare as compare_outputs
    from kit.notebooks.outputs.nbval_rules import load_patterns
    from kit.notebooks.paths import select
    from kit.notebooks.report.tables import Running, difference
    from kit.notebooks.run import run_notebooks

    chosen, settings = select(names or []), choose(uri, embeddings)
    notebooks = that_can_run(chosen.notebooks, settings)
    own = bool(chosen.manifest.page)
    rows = []
    with Running(notebooks, quiet=as_json) as show:
        for result in run_notebooks(
            notebooks, jobs=jobs, environment=environment(settings), progress=show.progress, go_on=True
        ):
            beside = result.notebook.path.parent / "sanitize.cfg"
            patterns = load_patterns(sanitize or beside)
            found = compare_outputs(result, patterns, only_tagged=own and not is_recorded(settings))
            ok = not result.errors and not found.mismatches
            words = [error.summary for error in result.errors]
            words += [f"cell {cell} differs" for cell in dict.fromkeys(m.cell for m in found.mismatches)]
            outputs = f"{counted(len(found.cells), 'cell')} compared, {counted(found.outputs, 'stored output')}"
            show.finished(result.notebook, "; ".join(words) or outputs, ok=ok)
            rows.append((result, found))
            for mismatch in found.mismatches if not as_json else ():
                print(difference(result.notebook, mismatch))
    if as_json:
        told = [
            {
                "file": str(result.notebook.path),
                "cells": [index + 1 for index in sorted(result.ran)],
                "compared": [index + 1 for index in found.cells],
                "errors": [{"cell": error.cell, "summary": error.summary} for error in result.errors],
                "mismatches": [vars(mismatch) for mismatch in found.mismatches],
            }
            for result, found in rows
        ]
        print(json.dumps(told, indent=2, ensure_ascii=False))
    raise typer.Exit(1 if any(result.errors or found.mismatches for result, found in rows) else 0)

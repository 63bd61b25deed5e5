"""`kit tour`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.notebooks.commands.options import Embeddings, Jobs, Json, Names, Uri


def tour(
    names: Names = None,
    uri: Uri = None,
    embeddings: Embeddings = None,
    jobs: Jobs = 2,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The report's folder; build/tour if not given.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the cells' verdicts as JUnit XML.")] = None,
    as_json: Json = False,
) -> None:
    """Run every notebook, compare its outputs with the stored ones, score the retrieval and write a report.

    Exit status: 0 all is well, 1 a check failed, 2 wrong use or environment, 130 stopped.

    Examples: `kit tour` · `kit tour 01 03` · `kit tour my/notebooks` · `kit tour --uri http://localhost:19530`
    """
    from kit.notebooks.backend import choose
    from kit.notebooks.paths import select
    from kit.notebooks.report.tables import print_report, report_json
    from kit.notebooks.tour import conduct

    chosen = select(names or [])
    report = conduct(
        chosen.manifest, chosen.notebooks, choose(uri, embeddings), jobs=jobs, out=out, junit=junit, quiet=as_json
    )
    if as_json:
        print(report_json(report))
    else:
        print_report(report)
    raise typer.Exit(0 if report.tour.ok else 1)

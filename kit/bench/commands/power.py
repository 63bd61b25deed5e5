"""`kit bench power`: what a run's questions can show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def power(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The --out folder of a run with two rows or more.")],
    measure: Annotated[str | None, typer.Option(metavar="NAME", help="The run's first one if not given.")] = None,
) -> None:
    """Say the smallest difference that a run's questions can show, and how many a third of it takes.

    Exit status 1 when there are no two rows whose scores differ.

    Example: `kit bench power build/bench/nfcorpus`
    """
    from kit.bench.out_folder import OutFolder
    from kit.bench.report.leaderboard import rank_conditions
    from kit.bench.report.summary import power_sentences

    folder = OutFolder(out)
    results = folder.read()
    sentences = list(power_sentences(results, rank_conditions(folder, results, measure)))
    for sentence in sentences or ["There are no two measured rows whose scores differ: nothing to simulate from."]:
        typer.echo(sentence)
    if not sentences:
        raise typer.Exit(1)

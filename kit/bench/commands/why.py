"""`kit bench why`: which change lost the queries."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def why(
    a: Annotated[str, typer.Argument(metavar="A", help="FOLDER::CONDITION, or a folder of one row: as it was.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The same, as it is now.")],
    measure: Annotated[str | None, typer.Option(metavar="NAME", help="The first one of both if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Say which factor lost the queries on which B scores less than A, by putting one at a time back.

    The chunker, embedder, index, depth, analyzer, reranker and the like of A are put into B, each alone, and measured;
    a cause is named only if that returns at least 80 % of the loss and no other factor does, else it is not separable.

    Example: `kit bench why build/old::hybrid build/new::hybrid`
    """
    from kit.bench.commands.progress import Show
    from kit.bench.report.compare import open_side
    from kit.bench.run.why import find_cause

    with Show() as show:
        cause = find_cause(open_side(a), open_side(b), measure, show)
    if as_json:
        typer.echo(json.dumps(cause._asdict() | {"tried": [one._asdict() for one in cause.tried]}, indent=1))
        return
    typer.echo(f"{cause.measure}: {cause.mean_a:.4f} in A, {cause.mean_b:.4f} in B.")
    typer.echo(cause.words)
    for one in cause.tried:
        share = f"cannot be put back alone: {one.why_not}" if one.returned is None else f"returns {one.returned:.0%}"
        typer.echo(f"  {one.factor}: {one.of_a} in A, {one.of_b} in B; {share}")

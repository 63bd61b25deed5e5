"""`kit bench add`: another system's run in the same table, tests and report."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer


def add(
    run: Annotated[Path, typer.Option(metavar="FILE", help="A TREC run: query_id Q0 doc_id rank score tag; .gz too.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What its row is called, such as elastic.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="The --out folder of a run, or a new one with --dataset.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="The collection that it searched: for a new OUT, and for the texts of its hits."),
    ] = None,
    questions: Annotated[Path | None, typer.Option(help="Questions on a folder of texts.")] = None,
    split: Annotated[str | None, typer.Option(help="Which judgments of a BEIR folder [default: test].")] = None,
    chunker: Annotated[
        str, typer.Option(metavar="NAME", help="Whose ids the run holds, where OUT judges several chunkers.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False,
) -> None:
    """Put another system's run into a benchmark: scored, tested and reported like the kit's own rows.

    Example: `kit bench add --run elastic.trec --name elastic --out build/bench/nfcorpus`
    """
    from kit.bench.collections.open import open_collection
    from kit.bench.out_folder import OutFolder
    from kit.bench.run.imported import add_run

    collection = open_collection(dataset, split, questions) if dataset else None
    named = {"--dataset": dataset, "--questions": questions, "--split": split, "--chunker": chunker}
    words = [word for flag, value in named.items() if value for word in (flag, str(value))]
    command = shlex.join(["kit", "bench", "add", "--run", str(run), "--name", name, *words, "--out", str(out)])
    row = add_run(run, name, OutFolder(out), collection, chunker, command)
    if as_json:
        means = {measure: mean.value for measure, mean in row.scores.items()}
        typer.echo(json.dumps({"condition": row.id, "scores": means, "counts": row.counts, "notes": row.notes}))
        return
    shown = ", ".join(f"{name} {mean.value:.4f}" for name, mean in row.scores.items() if mean.value is not None)
    typer.echo(f"{row.id}: {shown}")
    if row.counts["no_hit"]:
        typer.echo(
            f"{row.counts['no_hit']:,} of {row.counts['judged']:,} judged queries got no hit: {row.no_hit_cause}."
        )
    for note in row.notes:
        typer.echo(f"Note: {note}.")

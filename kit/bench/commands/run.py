"""`kit bench`: run a grid of retrieval conditions; report, compare and gate what it wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from kit.bench.commands.add import add
from kit.bench.commands.power import power
from kit.bench.commands.questions import questions
from kit.bench.commands.results import bless, compare, export, gate, report
from kit.bench.commands.why import why

bench = typer.Typer(
    help="Benchmark retrieval: dense, BM25, hybrid, filtered, reranked and MMR, on any collection.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@bench.command()
def run(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML or YAML file that names the grid; flags go before what it says.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="A BEIR folder, a folder of texts with questions, `golden[:2015-2026]`, or an id of ir_datasets."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results [default: build/bench/<dataset>].")] = None,
    questions: Annotated[Path | None, typer.Option(help="Questions on a folder of texts: JSONL or CSV.")] = None,
    split: Annotated[str | None, typer.Option(help="Which judgments of a BEIR folder [default: test].")] = None,
    retrievers: Annotated[
        str | None,
        typer.Option(
            help="dense, bm25, hybrid-rrf, hybrid-weighted, hybrid-tuned, mmr; each also +filter, +multi-query, "
            "+merge, +rerank."
        ),
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(help="minilm, wordllama, provider:model; minilm+wordllama: two fields of one store, joined."),
    ] = None,
    chunkers: Annotated[
        str | None,
        typer.Option(
            help="whole; recursive-, recursive-token-, character-, sentence-, token-SIZE[-OVERLAP], each also +header."
        ),
    ] = None,
    engines: Annotated[str | None, typer.Option(help="lite, server (at MILVUS_URI).")] = None,
    indexes: Annotated[
        str | None, typer.Option(help="flat, hnsw, ivf_flat, autoindex, or hnsw:M=32:ef=64/256; each is checked.")
    ] = None,
    reranker: Annotated[
        str | None, typer.Option(help="One or several: embeddings:minilm, cohere:rerank-v3.5, …, package.module:Class.")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", "-k", help="Hits a query [default: 100].")] = None,
    measures: Annotated[str | None, typer.Option(help="As ir_measures names them: nDCG@10,R@100,AP.")] = None,
    extras: Annotated[str | None, typer.Option(help="spans, ragas, judge [default: all], or none.")] = None,
    tolerate: Annotated[
        str | None, typer.Option(help="empty-texts, missing-documents, missing-queries: go on, and say so.")
    ] = None,
    churn: Annotated[
        str | None,
        typer.Option(
            help="Cycles of a tenth of the rows deleted and inserted again, a tenth upserted, before the scores: 0,10."
        ),
    ] = None,
    clients: Annotated[
        str | None, typer.Option(help="On a server also queries/s and p95 of so many clients at once: 1,2,4,8.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For the report's resampling [default: 7].")] = None,
) -> None:
    """Measure every condition of a grid, once; run it again to resume, or to add conditions.

    Exit status: 0 measured, 1 a condition failed or none was measured, 2 wrong use, a broken collection, or --out in
    use.

    Examples:
    `kit bench run --dataset golden` ·
    `kit bench run --dataset nfcorpus --retrievers dense,bm25,hybrid --embeddings minilm --split test --out DIR` ·
    `kit bench run grid.toml --out DIR`
    """
    # gRPC tells on stderr of idle connections that it opens again; read when it is first imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from kit.bench.commands.progress import Show
    from kit.bench.grid.grid import load_grid
    from kit.bench.out_folder import OutFolder
    from kit.bench.run.run import run_grid

    flags = {
        "dataset": dataset, "questions": questions, "split": split, "retrievers": retrievers, "embeddings": embeddings,
        "chunkers": chunkers, "engines": engines, "indexes": indexes, "reranker": reranker, "k": k,
        "measures": measures, "extras": extras, "tolerate": tolerate, "churn": churn,
        "clients": clients, "seed": seed,
    }  # fmt: skip
    grid = load_grid(config, flags)
    folder = OutFolder(out or Path("build", "bench", Path(grid.dataset).name.replace(":", "-")))
    with Show() as show:
        results = run_grid(grid, folder, show)
    show.leaderboard(results, folder.path)
    statuses = {row.status for row in results.rows}
    raise typer.Exit(1 if "failed" in statuses or "measured" not in statuses else 0)


for command in (questions, add, report, export, compare, why, gate, bless, power):
    bench.command()(command)

"""`kit tour` and `kit notebooks …`: arguments in, one call into the room, a table and an exit status out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.errors import KitError

if TYPE_CHECKING:
    from kit.notebooks.manifest import Notebook
    from kit.settings import Settings

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAMES]...", help="File, stem, number or topic (01, basic_search); none means all."),
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

    Examples: `kit tour` · `kit tour 01 03` · `kit tour --embeddings wordllama` · `kit tour --uri http://localhost:19530`
    """
    from kit.notebooks.backend import choose
    from kit.notebooks.manifest import load_manifest
    from kit.notebooks.report.tables import print_report, report_json
    from kit.notebooks.tour import conduct

    manifest = load_manifest()
    chosen = manifest.select(names or [])
    report = conduct(manifest, chosen, choose(uri, embeddings), jobs=jobs, out=out, junit=junit, quiet=as_json)
    if as_json:
        print(report_json(report))
    else:
        print_report(report)
    raise typer.Exit(0 if report.tour.ok else 1)


notebooks = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="List, run, lint and update the notebooks."
)


@notebooks.command("list")
def list_(as_json: Json = False) -> None:
    """List the notebooks, and which block of the docs page is mirrored where; exit 1 if a block is not.

    Example: `kit notebooks list`
    """
    from kit.notebooks.coverage import coverage
    from kit.notebooks.manifest import load_manifest, unmet_needs
    from kit.notebooks.report.tables import console, coverage_table, notebooks_table
    from kit.settings import load_settings

    manifest, settings = load_manifest(), load_settings()
    blocks = coverage(manifest)
    mirrored = sum(1 for _, cells in blocks if cells)
    if as_json:
        rows = [
            {"file": n.file, "title": n.title, "goal": n.goal, "minutes": n.minutes, "unmet": unmet_needs(n, settings)}
            for n in manifest.notebooks
        ]
        places = {block.id: [f"{cell.notebook}:{cell.cell}" for cell in cells] for block, cells in blocks}
        print(json.dumps({"page": manifest.page, "notebooks": rows, "blocks": places}, indent=2))
    else:
        console().print(notebooks_table(manifest, settings))
        console().print(coverage_table(manifest.page, blocks))
        print(f"{mirrored} of {len(blocks)} blocks of the page are mirrored.")
    raise typer.Exit(0 if mirrored == len(blocks) else 1)


@notebooks.command()
def run(names: Names = None, uri: Uri = None, embeddings: Embeddings = None, jobs: Jobs = 2) -> None:
    """Run notebooks without comparing or storing their outputs; exit 1 if one fails.

    Examples: `kit notebooks run` · `kit notebooks run 03` · `kit notebooks run --embeddings wordllama`
    """
    from kit.notebooks.backend import choose, environment
    from kit.notebooks.manifest import load_manifest
    from kit.notebooks.report.tables import Running
    from kit.notebooks.run import run_notebooks

    chosen, settings = load_manifest().select(names or []), choose(uri, embeddings)
    wanted = _that_can_run(chosen, settings)
    failed = False
    with Running(wanted) as show:
        for result in run_notebooks(wanted, jobs=jobs, environment=environment(settings), progress=show.progress):
            words = result.error.summary if result.error else f"{len(result.ran)} cells"
            show.finished(result.notebook, f"{words}, {result.seconds.total:.1f} s", ok=result.error is None)
            failed |= result.error is not None
    raise typer.Exit(1 if failed else 0)


@notebooks.command()
def lint(names: Names = None, as_json: Json = False) -> None:
    """Check how the notebooks are made, without running them; exit 1 if there is a finding.

    Examples: `kit notebooks lint` · `kit notebooks lint 02_collections`
    """
    from kit.notebooks.lint.lint import lint as findings_of
    from kit.notebooks.manifest import counted, load_manifest
    from kit.settings import load_settings

    manifest = load_manifest()
    chosen = manifest.select(names or [])
    findings = findings_of(manifest, chosen, load_settings())
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(finding)
        print(f"{counted(len(chosen), 'notebook')}, {counted(len(findings), 'finding')}.")
    raise typer.Exit(1 if findings else 0)


@notebooks.command()
def update(names: Names = None, jobs: Jobs = 2) -> None:
    """Run notebooks and store their outputs, normalised; exit 1 if one fails (it is then left as it was).

    Runs on the recorded backend: Milvus Lite and minilm. Review the diff before you commit it.

    Examples: `kit notebooks update` · `kit notebooks update 04`
    """
    from kit.notebooks.backend import choose_recorded, environment
    from kit.notebooks.manifest import load_manifest
    from kit.notebooks.report.tables import Running
    from kit.notebooks.run import run_notebooks
    from kit.notebooks.update import update as store

    chosen, settings = load_manifest().select(names or []), choose_recorded()
    wanted = _that_can_run(chosen, settings)
    failed = False
    with Running(wanted) as show:
        for result in run_notebooks(wanted, jobs=jobs, environment=environment(settings), progress=show.progress):
            failed |= result.error is not None
            if result.error:
                show.finished(result.notebook, f"left as it was: {result.error.summary}", ok=False)
            else:
                show.finished(result.notebook, "changed" if store(result) else "unchanged", ok=True)
    raise typer.Exit(1 if failed else 0)


def _that_can_run(chosen: list[Notebook], settings: Settings) -> list[Notebook]:
    """The notebooks whose needs are met; says why the others are not run, and raises KitError when none is left."""
    from kit.notebooks.manifest import unmet_needs

    unmet = {notebook.stem: reasons for notebook in chosen if (reasons := unmet_needs(notebook, settings))}
    for stem, reasons in unmet.items():
        print(f"- {stem}: not run: {'; '.join(reasons)}.")
    if len(unmet) == len(chosen):
        raise KitError("None of these notebooks can run here.")
    return [notebook for notebook in chosen if notebook.stem not in unmet]

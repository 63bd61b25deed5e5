"""`kit notebooks list`."""

from __future__ import annotations

import json

import typer

from kit.notebooks.commands.options import Json


def list_(as_json: Json = False) -> None:
    """List the notebooks, and which block of the docs page is mirrored where; exit 1 if a block is not.

    Example: `kit notebooks list`
    """
    from kit.notebooks.coverage import coverage
    from kit.notebooks.manifest import load_manifest, unmet_needs
    from kit.notebooks.report.tables import coverage_table, notebooks_table
    from kit.reports.terminal import console
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

"""`kit notebooks lint`."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from kit.notebooks.commands.options import Json, Names

Profile = Annotated[
    Literal["auto", "kit", "plain"],
    typer.Option(
        help="plain: what holds for everybody's notebooks; kit: our house rules, too; auto: kit for the kit's own."
    ),
]


def lint(names: Names = None, profile: Profile = "auto", as_json: Json = False) -> None:
    """Check how notebooks are made, without running them; exit 1 if there is a finding.

    Examples: `kit notebooks lint` · `kit notebooks lint 02` · `kit notebooks lint my/notebooks --profile plain`
    """
    from kit.notebooks.lint.lint import lint_selection
    from kit.notebooks.manifest import counted
    from kit.notebooks.paths import select
    from kit.settings import load_settings

    chosen = select(names or [])
    if profile == "auto":
        profile = "kit" if chosen.manifest.page else "plain"
    findings = lint_selection(chosen, load_settings(), profile)
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(finding)
        print(f"{counted(len(chosen.notebooks), 'notebook')}, {counted(len(findings), 'finding')}.")
    raise typer.Exit(1 if findings else 0)

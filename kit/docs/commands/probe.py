"""`kit docs probe`: what a Milvus can really do."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from kit.docs.commands.options import Json


def probe(
    names: Annotated[list[str] | None, typer.Argument(help="Probes by id; all when none is named.")] = None,
    uri: Annotated[str | None, typer.Option(help="A Milvus server to try instead of Milvus Lite.")] = None,
    as_json: Json = False,
) -> None:
    """Try what a Milvus can really do, each capability on a scratch database, and show the evidence.

    Nothing that is there is touched: on a server the probes make a database of their own and drop it again.

    Examples: `kit docs probe` · `kit docs probe index-types --json`
    """

    from kit.docs.claims.probing import run_probes
    from kit.docs.records import plain
    from kit.docs.report.terminal import print_table
    from kit.settings import load_settings

    if uri:
        os.environ["MILVUS_URI"] = uri
        load_settings()  # says in a sentence when it is no address
    engine, probed = run_probes(names or [])
    if as_json:
        return print(json.dumps({"engine": engine, "probes": [plain(one) for one in probed]}, indent=1))
    rows = [(one.capability, one.answer, one.evidence, one.id) for one in probed]
    return print_table(f"{engine}, as tried", ("Capability", "Answer", "Evidence", "Probe"), rows)

"""`kit probe`, `kit docs claims`, `kit docs ledger`: what is true, and what the ledger knows of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands import versions_cli
from kit.docs.commands.cli_show import Json, LedgerFile, PageArgument, fail, print_table, show_report
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.docs.records import Replay
    from kit.pages.page import Page


def register(docs: typer.Typer) -> None:
    """Add the commands to `kit docs`."""
    for command in (claims, ledger, *versions_cli.COMMANDS):
        docs.command()(command)


def probe(
    names: Annotated[list[str] | None, typer.Argument(help="Probes by id; all when none is named.")] = None,
    uri: Annotated[str | None, typer.Option(help="A Milvus server to try instead of Milvus Lite.")] = None,
    as_json: Json = False,
) -> None:
    """Try what a Milvus can really do, each capability on a scratch database, and show the evidence.

    Nothing that is there is touched: on a server the probes make a database of their own and drop it again.
    """
    import os

    from kit.docs.claims.probing import run_probes
    from kit.docs.records import plain
    from kit.settings import load_settings

    if uri:
        os.environ["MILVUS_URI"] = uri
        load_settings()  # says in a sentence when it is no address
    engine, probed = run_probes(names or [])
    if as_json:
        return print(json.dumps({"engine": engine, "probes": [plain(one) for one in probed]}, indent=1))
    rows = [(one.capability, one.answer, one.evidence, one.id) for one in probed]
    return print_table(f"{engine}, as tried", ("Capability", "Answer", "Evidence", "Probe"), rows)


def claims(page: PageArgument, as_json: Json = False) -> None:
    """Try what the page's sentences say: which are contradicted, which confirmed, which no probe can tell.

    Exit status 1 when a sentence is contradicted that the page's ledger does not know.
    """
    from kit.docs.check import probe_claims, probes_tried
    from kit.docs.claims.sentences import contradictions
    from kit.docs.ledger.ledger import hold, ledger_path, load_ledger
    from kit.docs.records import plain
    from kit.pages.sources import read_page

    read = read_page(page)
    judged, engine = probe_claims(read)
    held = hold(load_ledger(ledger_path(page)), contradictions(judged), read.blocks, probes_tried(judged))
    if as_json:
        rows = [plain(one) for one in judged]
        print(json.dumps({"engine": engine, "claims": rows, "fails": held.sentences}, ensure_ascii=False, indent=1))
    elif not judged:
        print(f"{page} says nothing that a probe tries.")
    else:
        known = {(failure.block_id, failure.kind) for failure, _ in held.known}
        rows = [
            (
                f"{one.claim.block}\n{one.claim.text}",
                one.status + " (known)" * ((one.claim.block, f"contradicted by probe {one.claim.probe}") in known),
                f"{one.evidence}\nprobe {one.claim.probe}, expected {one.claim.expects}",
            )
            for one in judged
        ]
        print_table(f"{read.name} on {engine}", ("The page says", "Status", "Evidence"), rows)
    fail(held.sentences, quiet=as_json)


def ledger(
    page: PageArgument,
    record: Annotated[
        bool, typer.Option("--record", help="Write what the run shows; advice that is there stays.")
    ] = False,
    ledger_file: LedgerFile = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    as_json: Json = False,
) -> None:
    """Run the page twice, try its claims, and hold all of it against its ledger of known defects.

    Exit status 1 for a defect that the ledger does not know, a known one that no longer shows, a block that changed.
    """
    from dataclasses import replace

    from kit.docs.check import find_failures, report_page, seen_with
    from kit.docs.ledger.ledger import hold, ledger_path, load_ledger, to_toml
    from kit.docs.ledger.ledger import record as recorded
    from kit.files.write import write_whole

    path = ledger_file or ledger_path(page)
    known = load_ledger(path)
    read, replay = _replay(page, twice=True)
    report = report_page(read, replay, known, claims=True)
    if record and not replay.problem:
        if blind := next((one for one in report.judged if not one.tried), None):
            raise KitError(f"Not recorded: the probe {blind.claim.probe} could not tell: {blind.evidence}.")
        found = find_failures(replay, report.judged)
        known = recorded(known, found, read.sha256, read.blocks, seen_with(replay))
        write_whole(path, to_toml(known))
        report = replace(report, held=hold(known, found, read.blocks, set()))
    show_report(report, html, junit, as_json=as_json)
    if record:
        without = sum(not (defect.instead or defect.excuse) for defect in known.defects)
        print(f'{path} has {len(known.defects)} defects, {without} of them without advice (instead = "…").')


def _replay(page: str, *, twice: bool) -> tuple[Page, Replay]:
    from kit.docs.run.replay import replay_page
    from kit.pages.sources import read_page

    read = read_page(page)
    return read, replay_page(read, twice=twice)

"""`kit docs ledger`: a page held against what is known to be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from kit.docs.commands.options import Html, Json, Junit, LedgerFile, PageArgument, fail
from kit.errors import KitError


def ledger(
    page: PageArgument,
    record: Annotated[
        bool, typer.Option("--record", help="Write what the run shows; advice that is there stays.")
    ] = False,
    ledger_file: LedgerFile = None,
    html: Html = None,
    junit: Junit = None,
    as_json: Json = False,
) -> None:
    """Run the page twice, try its claims, and hold all of it against its ledger of known defects.

    Exit status 1 for a defect that the ledger does not know, a known one that no longer shows, a block that changed.

    Examples: `kit docs ledger page.md --record` · `kit docs ledger page.md --junit junit.xml`
    """

    from kit.docs.check import find_failures, report_page, seen_with
    from kit.docs.ledger.ledger import hold, ledger_path, load_ledger, to_toml
    from kit.docs.ledger.ledger import record as recorded
    from kit.docs.report.terminal import show_report
    from kit.docs.run.replay import replay_page
    from kit.files.write import write_whole
    from kit.pages.sources import read_page

    path = ledger_file or ledger_path(page)
    known = load_ledger(path)
    read = read_page(page)
    replay = replay_page(read, twice=True)
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
    fail([], failed=not report.ok)

"""`kit docs ledger`: a page held against what is known to be wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.options import Html, Json, Junit, PageArgument, fail, takes_a_page
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.docs.ledger.ledger import Ledger, Varies
    from kit.docs.records import Replay
    from kit.docs.site.config import Job
    from kit.pages.page import Page


@takes_a_page
def ledger(
    page: PageArgument,
    job: Job,
    record: Annotated[
        bool, typer.Option("--record", help="Write what the run shows; advice that is there stays.")
    ] = False,
    html: Html = None,
    junit: Junit = None,
    as_json: Json = False,
) -> None:
    """Run the page twice, try its claims, and hold all of it against its ledger of known defects.

    Exit status 1 for a defect that the ledger does not know, a known one that no longer shows, a block that changed.

    Examples: `kit docs ledger page.md --record` · `kit docs ledger page.md --junit junit.xml`
    """

    from kit.docs.check import find_failures, report_page, seen_with
    from kit.docs.ledger.ledger import hold, to_toml
    from kit.docs.ledger.ledger import record as recorded
    from kit.docs.report.terminal import show_report
    from kit.docs.run.replay import replay_page
    from kit.docs.site.check import job_ledger
    from kit.files.write import write_whole
    from kit.pages.sources import read_page

    known = job_ledger(job)
    path = known.path
    read = read_page(page)
    replay = replay_page(read, twice=True, requirements=job.requirements, options=job.options)
    proposals: list[Varies] = []
    if record and not replay.problem:
        known, proposals = _with_proposals(known, read, replay, job)
    report = report_page(read, replay, known, claims=True)
    if record and not replay.problem:
        if blind := next((one for one in report.judged if not one.tried), None):
            raise KitError(f"Not recorded: the probe {blind.claim.probe} could not tell: {blind.evidence}.")
        found = find_failures(report.replay, report.judged)
        known = recorded(known, found, read.sha256, read.blocks, seen_with(replay))
        given = {(block, text) for block, texts in job.marks.items() for text in texts}
        own = tuple(mark for mark in known.varies if mark.why or (mark.block, mark.what) not in given)
        write_whole(path, to_toml(replace(known, varies=own)))
        report = replace(report, held=hold(known, found, read.blocks, set()))
    show_report(report, html, junit, as_json=as_json)
    if record:
        without = sum(not (defect.instead or defect.excuse) for defect in known.defects)
        print(f'{path} has {len(known.defects)} defects, {without} of them without advice (instead = "…").')
        for mark in proposals:
            print(f"proposed, look at it: {mark.block} varies {mark.what}")
    fail([], failed=not report.ok)


def _with_proposals(known: Ledger, page: Page, replay: Replay, job: Job) -> tuple[Ledger, list[Varies]]:
    """The ledger with marks for what differs between this run and one more on a fresh folder, and these marks."""
    from kit.docs.ledger.proposals import DIFFERS, proposed
    from kit.docs.run.replay import replay_page
    from kit.docs.verdicts.judge import judged_again

    run = judged_again(page, replay, known.marks).passes[0]
    if not any(verdict.row == "defect" and verdict.verdict in DIFFERS for verdict in run.verdicts):
        return known, []
    again = replay_page(page, requirements=job.requirements, options=job.options)
    new = proposed(page, run, again.passes[0])
    return replace(known, varies=(*known.varies, *new)), new

"""A page's replay, its stale outputs and its claims, held against its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.docs.claims.probing import all_probes, run_probes
from kit.docs.claims.sentences import JudgedClaim, contradictions, find_claims, judge_claims
from kit.docs.ledger.ledger import Ledger, hold
from kit.docs.records import Failure, Replay
from kit.docs.report.rows import PageReport
from kit.docs.run.packages import never_installed
from kit.docs.verdicts.compare import meanings
from kit.docs.verdicts.judge import judged_again
from kit.files.project import pages_folder as pages_folder
from kit.pages.page import Page
from kit.pages.sources import parse_source as parse_source
from kit.pages.sources import read_page as read_page
from kit.pages.sources import read_source as read_source

# A tolerance that excuses a difference which the page should nevertheless show.
MORE_THAN_SHOWN = ("extra pk", "extra id")


def report_page(page: Page, replay: Replay, ledger: Ledger, *, claims: bool = False) -> PageReport:
    """The report of a replay; with `claims` the probes that the page's sentences need run too."""
    replay = judged_again(page, replay, ledger.marks) if ledger.marks else replay
    judged, engine = probe_claims(page) if claims else ([], "")
    looked = looked_at(replay) | (probes_tried(judged) if claims else set())
    held = hold(ledger, find_failures(replay, judged), page.blocks, looked)
    return PageReport(replay, held, tuple(judged), engine)


def find_failures(replay: Replay, judged: Sequence[JudgedClaim] = ()) -> list[Failure]:
    """Everything that is wrong with a page: its replay, its stored outputs, its install lines, its claims."""
    return [
        *replay.failures,
        *_stale(replay),
        *never_installed(replay.blocks, replay.installs),
        *contradictions(judged),
    ]


def _stale(replay: Replay) -> Iterator[Failure]:
    """Stored outputs that are equivalent only because a reader now sees more than the page shows."""
    for verdict in replay.verdicts:
        if rules := [rule for rule in verdict.rules if rule in MORE_THAN_SHOWN]:
            source = "replay" if verdict.run == 1 else "second replay"
            yield Failure(verdict.block_id, verdict.run, "stale output", meanings(rules), source)


def looked_at(replay: Replay) -> set[str]:
    """Which sources of defects a replay could see; what other releases do not show is not missed."""
    looked = {"install lines"}
    if replay.passes and not replay.requirements:
        looked |= {"replay", "second replay"} if len(replay.passes) > 1 else {"replay"}
    return looked


def probes_tried(judged: Sequence[JudgedClaim]) -> set[str]:
    """Every probe but those that could not tell anything here: a page may have lost the sentence that one tried."""
    blind = {one.claim.probe for one in judged if not one.tried}
    return {f"probe {probe_id}" for probe_id in all_probes() if probe_id not in blind}


def probe_claims(page: Page) -> tuple[list[JudgedClaim], str]:
    """The page's claims, judged by the probes that they need, and the engine that these ran on."""
    claims = find_claims(page.blocks)
    if not claims:
        return [], ""
    engine, probed = run_probes(sorted({claim.probe for claim in claims}))
    return judge_claims(claims, probed, engine), engine


def seen_with(replay: Replay) -> str:
    """The releases of a replay, as the ledger keeps them."""
    names = ("langchain-milvus", "pymilvus", "milvus-lite")
    return ", ".join(f"{name} {replay.versions[name]}" for name in names if name in replay.versions)

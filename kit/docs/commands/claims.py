"""`kit docs claims`: what a page's sentences and calls take for granted, tried."""

from __future__ import annotations

import json

from kit.docs.commands.options import Json, PageArgument, fail


def claims(page: PageArgument, as_json: Json = False) -> None:
    """Try what the page's sentences say: which are contradicted, which confirmed, which no probe can tell.

    Exit status 1 when a sentence is contradicted that the page's ledger does not know.

    Examples: `kit docs claims page.md` · `kit docs claims page.md --json`
    """
    from kit.docs.check import probe_claims, probes_tried
    from kit.docs.claims.sentences import contradictions
    from kit.docs.ledger.ledger import hold, ledger_path, load_ledger
    from kit.docs.records import plain
    from kit.docs.report.terminal import print_table
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

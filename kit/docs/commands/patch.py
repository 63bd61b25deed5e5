"""`kit docs patch`: the page mended, as a diff to send upstream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.options import PageArgument, fail, takes_a_page
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.docs.ledger.ledger import Ledger
    from kit.docs.records import Replay
    from kit.docs.site.config import Job
    from kit.pages.page import Page


@takes_a_page
def patch(
    page: PageArgument,
    job: Job,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page; as a diff when it ends in .diff or .patch.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The page's path in the diff, as in the repository it goes to.")
    ] = None,
    check: Annotated[bool, typer.Option(help="Run the patched page, and refresh its stored outputs.")] = True,
) -> None:
    """Put the ledger's replacements into the page, and show the diff to send upstream.

    The patched page is run twice and its claims are tried; exit status 1 when anything is still wrong with it.

    Examples: `kit docs patch page.md`
    """
    from kit.docs.ledger.ledger import hold
    from kit.docs.ledger.patch import patched, replacements, unified_diff
    from kit.docs.site.check import job_ledger
    from kit.files.write import write_whole
    from kit.pages.sources import parse_source, read_source

    known = job_ledger(job)
    if not known.defects:
        raise KitError(
            f"{page} has no ledger with defects at {known.path}. Record one: kit docs ledger {page} --record."
        )
    source = read_source(page)
    read = parse_source(source, page)
    if moved := hold(known, [], read.blocks, set()).moved:
        raise KitError(f"The page is not the one that the ledger knows: {moved[0]}.")
    text = patched(source, read, replacements(known.defects))
    wrong: list[str] = []
    if check:
        text, wrong = _checked(text, page, known, job)
    change = unified_diff(source, text, name or Path(page).name)
    if output:
        write_whole(output, change if output.suffix in (".diff", ".patch") else text)
    else:
        print(change, end="")
    fail(wrong)


def _checked(text: str, page: str, known: Ledger, job: Job) -> tuple[str, list[str]]:
    """The patched page with its outputs as they print today, and what is still wrong with it.

    An output that another run prints in other words is left as the page has it: it varies, and wants a mark.
    """
    from kit.docs.check import find_failures, probe_claims
    from kit.docs.ledger.ledger import merge
    from kit.docs.ledger.patch import differing, with_fresh_outputs
    from kit.docs.run.replay import replay_page
    from kit.docs.verdicts.judge import judged_again
    from kit.pages.sources import parse_source

    def run(text: str) -> tuple[Page, Replay]:
        read = parse_source(text, page)
        replay = replay_page(read, twice=True, requirements=job.requirements, options=job.options)
        return read, judged_again(read, replay, known.marks)

    excused = {(defect.block, defect.kind) for defect in known.defects if defect.excuse}
    left = {block for block, _ in excused}
    read, replay = run(text)
    fresh = with_fresh_outputs(text, read, replay, left)
    if fresh != text:
        first, (read, again) = replay, run(fresh)
        if varying := differing(first.passes[0], again.passes[0]):
            fresh = with_fresh_outputs(text, parse_source(text, page), first, left | varying)
            read, again = run(fresh)
        text, replay = fresh, again
    found = merge(find_failures(replay, probe_claims(read)[0]))
    wrong = [one for one in found if (one.block_id, one.kind) not in excused]
    return text, [f"still wrong: {one.block_id}: {one.kind}: {one.words}" for one in wrong]

"""`kit docs matrix`: a page over several sets of releases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands.options import Json, PageArgument, fail, takes_a_page

if TYPE_CHECKING:
    from kit.docs.records import Replay
    from kit.docs.site.config import Job


@takes_a_page
def matrix(
    page: PageArgument,
    job: Job,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", help="Requirements, or latest, or pre; once a set.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do not run each a second time on the files it left.")] = False,
    at_once: Annotated[int, typer.Option(help="How many sets at a time; 0 lets the free memory decide.")] = 0,
    as_json: Json = False,
) -> None:
    """Run the page with several sets of requirements, and say from which set on a block is different.

    Exit status 1 when a block turned, or a set could not be had.

    Examples: `kit docs matrix page.md --with langchain-milvus==0.3.3 --with latest`
    """

    from kit.docs.run.matrix import matrix as run_matrix
    from kit.docs.run.matrix import matrix_table
    from kit.reports.terminal import console

    found = run_matrix(page, requirements or [], partial(_replay_with, job=job, twice=not once), at_once=at_once)
    if as_json:
        print(found.to_json())
    else:
        console().print(matrix_table(found))
    problems = [f"{column.requirements}: {column.problem}" for column in found.columns if column.problem]
    turned = [f"{line.block.id} turned in {line.turns[0].requirements}" for line in found.lines if line.turns]
    fail([*problems, *turned], quiet=as_json)


def _replay_with(page: str, requirements: str, *, job: Job, twice: bool) -> Replay:
    """A replay on a set of requirements; named so that another process can be asked for it."""
    from kit.docs.run.replay import replay_page
    from kit.pages.sources import read_page

    return replay_page(read_page(page), twice=twice, requirements=requirements, options=job.options)

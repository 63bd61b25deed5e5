"""`kit docs replay`: one page, run as written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from kit.docs.commands.options import (
    AllowInstall,
    AllowLocal,
    AllTabs,
    Answers,
    CellSeconds,
    Html,
    Json,
    Junit,
    LedgerFile,
    MemoryGb,
    MilvusEngine,
    OutputMb,
    PageArgument,
    Places,
    Protect,
    Twice,
    fail,
    one_of,
)
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.docs.run.replay import Progress
    from kit.pages.page import Block


def replay(
    page: PageArgument,
    twice: Twice = False,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", help="Other releases, such as langchain-milvus==0.3.3.")
    ] = None,
    place: Places = None,
    answer: Answers = None,
    allow_install: AllowInstall = False,
    all_tabs: AllTabs = False,
    allow_local: AllowLocal = False,
    milvus: MilvusEngine = "lite",
    protection: Protect = "auto",
    cell_seconds: CellSeconds = 120,
    memory_gb: MemoryGb = 4,
    output_mb: OutputMb = 2,
    ledger_file: LedgerFile = None,
    html: Html = None,
    junit: Junit = None,
    as_json: Json = False,
) -> None:
    """Run a page's Python code unchanged, in order, in a fresh kernel, and say for each block whether it still holds.

    This runs the page's code as you. It runs in a scratch folder, without your environment's keys, within limits of
    time, memory, disk and output, and what it leaves running is stopped; where the system allows, its processes and
    its network are its own. But it is no prison: it may read what you may read. The report says what kept it apart.

    A Milvus server that the page names is served to it alone; one of yours at that address is not touched.

    Exit status 1 for anything that the page's ledger of known defects does not excuse.

    Examples: `kit docs replay page.md` · `kit docs replay page.mdx --twice --html report.html`
    """
    from kit.docs.check import report_page
    from kit.docs.ledger.ledger import ledger_path, load_ledger
    from kit.docs.report.terminal import show_report
    from kit.docs.run.replay import Options, replay_page
    from kit.docs.run.served import Engine, Protection
    from kit.kernels.sandbox import Limits, read_places
    from kit.pages.sources import read_page

    read = read_page(page)
    known = load_ledger(ledger_file or ledger_path(page))
    limits = Limits(cell_seconds, int(output_mb * 1e6), int(memory_gb * 1e9))
    options = Options(
        read_places(place or []), read_answers(answer or []), limits, allow_install, all_tabs, allow_local,
        one_of("--milvus", milvus, get_args(Engine)), one_of("--protection", protection, get_args(Protection)),
    )  # fmt: skip
    typer.echo(f"Running the code of {page}, as you, in a scratch folder …", err=True)
    outcome = replay_page(
        read, twice=twice, requirements=" ".join(requirements or []), options=options, progress=_progress()
    )
    report = report_page(read, outcome, known)
    show_report(report, html, junit, as_json=as_json)
    fail([], failed=not report.ok)


def read_answers(options: list[str]) -> dict[str, str]:
    """Words of a prompt -> what to type there, from the options."""
    answers = {}
    for option in options:
        words, sign, text = option.partition("=")
        if not sign or not words:
            raise KitError(f"--answer {option!r} has no words or no text", wanted="--answer WORDS=TEXT")
        answers[words] = text
    return answers


def _progress() -> Progress | None:
    """A line on a terminal that says where the run is; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def tell(run: int, block: Block, position: int, count: int) -> None:
        line = f"run {run}: {position} of {count}, {block.id}"[:78]
        print(f"\r{line:<78}", end="\r" if position == count else "", file=sys.stderr, flush=True)

    return tell

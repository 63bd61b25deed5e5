"""`kit docs blocks`, `kit docs replay` and `kit serve-openai`; the room's other commands are in more_cli.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.docs.commands import more_cli
from kit.docs.commands.more_cli import Json, LedgerFile, PageArgument
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.pages.page import Block, Page

docs = typer.Typer(
    help="What is still true of a docs page: run its code as written, compare, hold it against known defects.",
    no_args_is_help=True,
)
more_cli.register(docs)


@docs.command()
def blocks(page: PageArgument, as_json: Json = False) -> None:
    """Read a page into blocks: prose, code and stored outputs, with their ids; lines that were not read are told."""
    from kit.pages.sources import read_page

    read = read_page(page)
    print(_blocks_json(read)) if as_json else _print_blocks(read)


@docs.command()
def replay(
    page: PageArgument,
    twice: Annotated[bool, typer.Option("--twice", help="Run it again on the files it left, as readers do.")] = False,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", help="Other releases, such as langchain-milvus==0.3.3.")
    ] = None,
    place: Annotated[list[str] | None, typer.Option(help="relative/path=FILE: a file that the page reads.")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="WORDS=TEXT: what to type at a prompt with WORDS.")] = None,
    allow_install: Annotated[
        bool, typer.Option("--allow-install", help="Run %pip and shell lines too, in an environment of the page's own.")
    ] = False,
    all_tabs: Annotated[bool, typer.Option("--all-tabs", help="Run every tab, not only the first of each.")] = False,
    allow_local: Annotated[
        bool, typer.Option("--allow-local", help="Run even when a service listens on a local port that it names.")
    ] = False,
    cell_seconds: Annotated[float, typer.Option(min=0.1, help="What a cell may take.")] = 120,
    memory_gb: Annotated[float, typer.Option(min=0.1, help="What the kernel and its children may use.")] = 4,
    output_mb: Annotated[float, typer.Option(min=0.001, help="What a cell may write.")] = 2,
    ledger_file: LedgerFile = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    as_json: Json = False,
) -> None:
    """Run a page's Python code unchanged, in order, in a fresh kernel, and say for each block whether it still holds.

    This runs the page's code as you. It runs in a scratch folder, without your environment's keys, within limits of
    time, memory and output, and what it leaves running is stopped; but it is no prison: it may read what you may read.

    Exit status 1 for anything that the page's ledger of known defects does not excuse.
    """
    from kit.pages.sources import read_page

    read = read_page(page)
    from kit.docs.check import report_page
    from kit.docs.ledger.ledger import ledger_path, load_ledger
    from kit.docs.run.replay import Options, replay_page
    from kit.kernels.sandbox import Limits, read_places

    known = load_ledger(ledger_file or ledger_path(page))
    limits = Limits(cell_seconds, int(output_mb * 1e6), int(memory_gb * 1e9))
    options = Options(read_places(place or []), _answers(answer or []), limits, allow_install, all_tabs, allow_local)
    typer.echo(f"Running the code of {page}, as you, in a scratch folder …", err=True)
    found = replay_page(
        read, twice=twice, requirements=" ".join(requirements or []), options=options, progress=_progress()
    )
    more_cli.show_report(report_page(read, found, known), html, junit, as_json=as_json)


def serve_openai(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    embeddings: Annotated[str | None, typer.Option(help="minilm or wordllama; KIT_EMBEDDINGS when not given.")] = None,
) -> None:
    """Serve an OpenAI-compatible address on loopback, answered by the kit's local model, until Ctrl-C.

    /v1/embeddings gives real vectors of the local model, padded with zeros to the size of the model that was asked
    for; /v1/chat/completions is answered by kit-extractive-echo, which quotes a sentence of the question's messages.
    """
    import threading

    from kit.models.openai_server import OpenAIServer, local_embed
    from kit.settings import load_settings

    embed = local_embed(embeddings or load_settings().embeddings)
    embed(["ready"])  # a wrong name or a missing file is said now, not to a client
    with OpenAIServer(embed, port=port) as server:
        print(f"export OPENAI_BASE_URL={server.base_url}")
        print(f"export OPENAI_API_KEY={server.token}", flush=True)
        typer.echo("Serving until Ctrl-C. The key is new at each start; only who has it is answered.", err=True)
        threading.Event().wait()


def _answers(options: list[str]) -> dict[str, str]:
    answers = {}
    for option in options:
        words, sign, text = option.partition("=")
        if not sign or not words:
            raise KitError(f"Wanted --answer WORDS=TEXT; found {words!r}.")
        answers[words] = text
    return answers


def _progress():
    """A line on a terminal that says where the run is; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def tell(run: int, block: Block, position: int, count: int) -> None:
        line = f"run {run}: {position} of {count}, {block.id}"[:78]
        print(f"\r{line:<78}", end="\r" if position == count else "", file=sys.stderr, flush=True)

    return tell


def _blocks_json(page: Page) -> str:
    import json

    from kit.docs.records import plain

    return json.dumps(
        {
            "page": page.name,
            "sha256": page.sha256,
            "form": page.form,
            "blocks": [plain(block) for block in page.blocks],
            "unparsed": [plain(lines) for lines in page.unparsed],
        },
        ensure_ascii=False,
        indent=1,
    )


def _print_blocks(page: Page) -> None:
    """A line a block below the headings it stands under, for any width of terminal."""
    from collections import Counter

    from rich.console import Console
    from rich.text import Text

    console, path = Console(highlight=False), None
    console.print(Text(f"{page.name} ({page.form})", style="bold"))
    for block in page.blocks:
        if block.path != path:
            path = block.path
            console.print(Text("\n" + (" › ".join(path) or "above the first heading"), style="bold"))
        tab = f" in tab {block.tab.partition('/')[2]}" if block.tab else ""
        kind = f"{block.kind} {block.language if block.kind == 'code' else ''}".strip() + tab
        console.print(Text(f"  {block.where:<20} {kind:<12} {block.id}"), soft_wrap=True)
    counts = Counter(block.kind for block in page.blocks)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("prose", "code", "output") if counts[kind]) or "none"
    console.print(f"\n{len(page.blocks)} blocks: {told}.")
    for left in page.unparsed:
        where = f"cell {left.cell}, " if left.cell else ""
        first, last = left.lines
        lines = f"line {first}" if first == last else f"lines {first}-{last}"
        console.print(Text(f"not read: {where}{lines}: {left.why}"), soft_wrap=True)

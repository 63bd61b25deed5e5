"""`kit prove`: relations that must hold on anybody's collection, tried and told."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.errors import KitError
from kit.milvus.prove.records import Reload

if TYPE_CHECKING:
    from pymilvus import MilvusClient
    from rich.status import Status

    from kit.milvus.prove.records import Outcome, Proof
    from kit.milvus.prove.script import Script


def prove(
    uri: Annotated[str, typer.Argument(metavar="URI", help="A Milvus Lite .db or a server's address.")],
    collection: Annotated[
        str | None, typer.Argument(metavar="[COLLECTION]", help="One collection; all of them without it.")
    ] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a script that shows the first thing that is broken.")
    ] = None,
    reload: Annotated[
        Reload | None,
        typer.Option(
            help="Compare searches before and after a reload: of the collection here, or of a copy in a scratch "
            "database (the default on Milvus Lite)."
        ),
    ] = None,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="The share of tries in which an approximate index has to be right.")
    ] = 0.95,
    rows: Annotated[int, typer.Option(min=1, help="The most rows that are read.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Which rows and values are drawn.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Try on a collection what must hold whatever it is about, and say what does not; exit 1 if something is broken.

    No questions and no labels are needed, and nothing is written into the collection: a stricter filter's hits lie
    within a looser one's, the top k begin the top 2k, a batch gives what single searches give, weights (1, 0) rank as
    the first leg, a filter holds in every mode, the hits are the nearest rows, searches give the same after a reload,
    every way of counting agrees, each row finds itself.

    Examples: `kit prove my.db` · `kit prove http://localhost:19530 notes --script broken.py`
    """
    from kit.milvus.connection import connect, is_lite, open_client
    from kit.milvus.prove.run import prove_collection
    from kit.milvus.prove.script import write_script
    from kit.reports.terminal import console

    lite = is_lite(uri)
    if lite and not Path(uri).exists():
        raise KitError(f"{uri} does not exist.", mend="Mend the path, or ingest documents into it.")
    client = open_client(connect(uri))
    reloading = reload or ("copy" if lite else "no")
    proofs: list[Proof] = []
    written = None
    try:
        for name in [collection] if collection else _collections(client, uri):
            with console(stderr=True).status(f"{name}: …") as status:
                proof = prove_collection(
                    client, name, uri, lite=lite, least=least, most_rows=rows, seed=seed, reload=reloading,
                    tell=partial(_update, status, name),
                )  # fmt: skip
                proofs.append(proof)
                first = next((outcome for outcome in proof.broken if outcome.failure), None)
                if script and first and not written:
                    status.update(f"{name}: a script")
                    written = write_script(client, proof, first, script)
    finally:
        client.close()
    _print_json(proofs) if as_json else _print_tables(proofs, written)
    if any(proof.broken for proof in proofs):
        raise typer.Exit(1)


def _update(status: Status, name: str, what: str) -> None:
    status.update(f"{name}: {what}")


def _collections(client: MilvusClient, uri: str) -> list[str]:
    from kit.settings import without_password

    names = list(client.list_collections())
    if not names:
        raise KitError(f"{without_password(uri)} has no collection to prove anything of.", mend="Ingest documents.")
    return names


def _print_json(proofs: list[Proof]) -> None:
    """One object a collection; of a failing case its words, its limit and its calls."""
    from kit.settings import without_password

    def plain(value: Any) -> Any:
        return value.__name__ if callable(value) else str(value)

    shown = [{**asdict(proof), "uri": without_password(proof.uri)} for proof in proofs]
    print(json.dumps(shown, indent=2, default=plain))


def _print_tables(proofs: list[Proof], written: Script | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from kit.reports.terminal import console

    colour = {"holds": "green", "broken": "red", "not tried": "yellow"}
    for proof in proofs:
        table = Table("relation", "field", "tries", "share", "", box=None, pad_edge=False)
        table.add_column("what", overflow="fold")
        for outcome in proof.outcomes:
            table.add_row(
                outcome.relation, outcome.field, str(outcome.tries or ""), _share(outcome),
                Text(outcome.status, style=colour[outcome.status]), Text(_what(outcome)),
            )  # fmt: skip
        console().print(f"{proof.collection}: {proof.rows:,} rows on {proof.engine}, {proof.seconds:.1f} s")
        console().print(table)
    if written and written.rows:
        console().print(f"{written.path} shows it by itself, with {written.rows:,} of your rows in it.")
    elif written:
        console().print(f"{written.path} shows it on the collection itself: it does not show on a copy.")


def _share(outcome: Outcome) -> str:
    """Cut, not rounded: .9996 is not all of it."""
    return f"{int(outcome.share * 1000) / 1000:.3f}" if outcome.tries else ""


def _what(outcome: Outcome) -> str:
    """Why it was not tried, or the smallest case that failed."""
    if outcome.reason:
        return outcome.reason
    if outcome.failure is None:
        return ""
    wanted = f"; wanted {outcome.least:g}" if outcome.status == "broken" else f"; {outcome.least:g} is enough"
    return f"limit={outcome.failure.limit}, {outcome.failure.case.about}: {outcome.failure.words}{wanted}"

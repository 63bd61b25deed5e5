"""`kit server …` and `kit doctor`: a Milvus on this machine, and whether what the kit needs is there."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.errors import KitError

if TYPE_CHECKING:
    from kit.server.servers import Server

server = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Start, stop and list Milvus servers on this machine.",
)
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to answer on; a free one without it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@server.command()
def start(
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder that keeps the data; without it the data goes when the server stops."),
    ] = None,
    lite: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Serve this Milvus Lite .db to several processes instead, on loopback only."),
    ] = None,
    port: Port = None,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for its first answer.")] = 90,
) -> None:
    """Start a real Milvus server and print the address for MILVUS_URI; the first time its package is installed.

    Example: `export MILVUS_URI=$(kit server start)`
    """
    from kit.server import package as server_files
    from kit.server import servers

    if lite and data:
        raise KitError("Wanted --lite PATH or --data DIR; found both", mend="A .db keeps its own data.")
    if lite is None and server_files.installed() is None:
        typer.echo(f"Installing Milvus {server_files.locked_version()} into {server_files.folder()} …", err=True)
    started = (
        servers.start_lite(lite, port=port, wait=wait) if lite else servers.start_server(data, port=port, wait=wait)
    )
    typer.echo(started.uri)  # alone on stdout, for $(…)
    typer.echo(_about(started), err=True)


@server.command()
def stop(
    uri: Annotated[str | None, typer.Argument(metavar="[URI]", help="Only the server at this address.")] = None,
) -> None:
    """Stop the servers that `kit server start` started.

    Example: `kit server stop http://127.0.0.1:19530`
    """
    from kit.server import servers

    running = [one for one in servers.servers() if not one.owned]  # others stop with what started them
    chosen = [one for one in running if uri in (None, one.uri)]
    if uri and not chosen:
        known = ", ".join(one.uri for one in running) or "none"
        raise KitError(f"No server that `kit server start` started answers at {uri}; running: {known}.")
    for one in chosen:
        servers.stop_server(one)
        typer.echo(f"Stopped {one.engine} at {one.uri}.")
    if not chosen:
        typer.echo("No server is running.")


@server.command()
def status(as_json: Json = False) -> None:
    """List the servers that run now; exit 1 if there is none.

    Example: `kit server status`
    """
    from kit.server import servers

    running = servers.servers()
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in running], indent=2))
    elif running:
        from rich.table import Table

        from kit.reports.terminal import console

        table = Table("address", "engine", "data", "process")
        for one in running:
            table.add_row(one.uri, one.engine, "temporary" if one.temporary else one.data, str(one.process))
        console().print(table)
    else:
        typer.echo("No server is running. Start one: kit server start")
    if not running:
        raise typer.Exit(1)


@server.command()
def install() -> None:
    """Install the server's package, hash by hash, without starting it; exit 2 where it has no wheel.

    Example: `kit server install`
    """
    from kit.server import package as server_files

    milvus = server_files.install()
    typer.echo(f"Milvus {milvus.version} is installed in {server_files.folder()}.")


def _about(one: Server) -> str:
    if one.engine == "milvus-lite":
        return f"{one.data} is served on loopback, without a password. Stop it: kit server stop {one.uri}"
    kept = "The data goes when it stops." if one.temporary else f"The data stays in {one.data}."
    return (
        f"{one.engine}, process {one.process}. {kept} It has no password and listens on every address of this "
        f"machine: for trying things out, behind a firewall. Stop it: kit server stop {one.uri}"
    )


def doctor(
    databases: Annotated[
        list[Path] | None, typer.Argument(metavar="[DB]...", help="Milvus Lite databases to look at, row by row.")
    ] = None,
    uri: Annotated[str | None, typer.Option(metavar="URI", help="A server to look at, instead of MILVUS_URI.")] = None,
    as_json: Json = False,
) -> None:
    """Look at what the kit needs and say what to do; exit 1 if something is broken. No key is shown.

    Example: `kit doctor my.db`
    """
    from kit.doctor import BROKEN, examine, report

    findings = examine(databases or [], uri)
    report(findings, as_json)
    if any(finding.state == BROKEN for finding in findings):
        raise typer.Exit(1)


@server.command()
def openai(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    embeddings: Annotated[str | None, typer.Option(help="minilm or wordllama; KIT_EMBEDDINGS when not given.")] = None,
) -> None:
    """Serve an OpenAI-compatible address on loopback, answered by the kit's local model, until Ctrl-C.

    /v1/embeddings gives real vectors of the local model, padded with zeros to the size of the model that was asked
    for; /v1/chat/completions is answered by kit-extractive-echo, which quotes a sentence of the question's messages.

    Examples: `kit server openai` · `kit server openai --port 8080`
    """
    from kit.models.openai_server import OpenAIServer, local_embed
    from kit.settings import load_settings

    embed = local_embed(embeddings or load_settings().embeddings)
    embed(["ready"])  # a wrong name or a missing file is said now, not to a client
    with OpenAIServer(embed, port=port) as server:
        print(f"export OPENAI_BASE_URL={server.base_url}")
        print(f"export OPENAI_API_KEY={server.token}", flush=True)
        typer.echo("Serving until Ctrl-C. The key is new at each start; only who has it is answered.", err=True)
        threading.Event().wait()

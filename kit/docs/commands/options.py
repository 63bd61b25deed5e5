"""The arguments that several commands of `kit docs` take, and how a failed command ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from kit.errors import KitError

PageArgument = Annotated[str, typer.Argument(help="A docs page: a .md, .mdx or .ipynb file, or its address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
LedgerFile = Annotated[
    Path | None,
    typer.Option("--ledger", help="The page's ledger; beside the page, or the kit's own of that name, when not given."),
]
Html = Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML.")]
Notebooks = Annotated[Path | None, typer.Option(help="The folder of the notebooks; the kit's own when not given.")]
Twice = Annotated[bool | None, typer.Option("--twice", help="Run it again on the files it left, as readers do.")]


def page_options(
    config: Annotated[Path | None, typer.Option(help="A kit-docs.toml with the page's options.")] = None,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", help="Other releases, such as langchain-milvus==0.3.3.")
    ] = None,
    place: Annotated[
        list[str] | None, typer.Option("--place", help="relative/path=FILE: a file that the page reads.")
    ] = None,
    answer: Annotated[
        list[str] | None, typer.Option("--answer", help="WORDS=TEXT: what to type at a prompt with WORDS.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="NAME: a variable of yours that the page is handed.")
    ] = None,
    mark: Annotated[
        list[str] | None, typer.Option("--mark", help="BLOCK=WORDS: what of its output may differ, as within 5%.")
    ] = None,
    allow_install: Annotated[
        bool | None,
        typer.Option("--allow-install", help="Run %pip and shell lines too, in an environment of the page's own."),
    ] = None,
    all_tabs: Annotated[
        bool | None, typer.Option("--all-tabs", help="Run every tab, not only the first of each.")
    ] = None,
    allow_local: Annotated[
        bool | None,
        typer.Option("--allow-local", help="Run even when a service listens on a local port that it names."),
    ] = None,
    milvus: Annotated[
        str | None,
        typer.Option(help="What is served at the address of a Milvus server that it names: lite (usual), server."),
    ] = None,
    protection: Annotated[
        str | None,
        typer.Option(help="auto (usual): namespaces of its own where the system allows; limits: never."),
    ] = None,
    cell_seconds: Annotated[float | None, typer.Option(min=0.1, help="What a cell may take; 120.")] = None,
    memory_gb: Annotated[
        float | None, typer.Option(min=0.1, help="What the kernel and its children may use; 4.")
    ] = None,
    output_mb: Annotated[float | None, typer.Option(min=0.001, help="What a cell may write; 2.")] = None,
    ledger_file: LedgerFile = None,
) -> tuple[dict[str, Any], Path | None]:
    """How a page is run, for every command alike: the keys of a page's table in kit-docs.toml, and a config."""
    from kit.kernels.sandbox import read_places

    marks: dict[str, list[str]] = {}
    for block, words in _pairs("--mark", "BLOCK=WORDS", mark):
        marks.setdefault(block, []).append(words)
    table = {
        "with": requirements or None,
        "places": {path: file.absolute() for path, file in read_places(place or []).items()},
        "answers": dict(_pairs("--answer", "WORDS=TEXT", answer)),
        "keys": key or (),
        "marks": marks,
        "install": allow_install,
        "all-tabs": all_tabs,
        "allow-local": allow_local,
        "milvus": milvus,
        "protection": protection,
        "cell-seconds": cell_seconds,
        "memory-gb": memory_gb,
        "output-mb": output_mb,
        "ledger": ledger_file,
    }
    return table, config


def takes_a_page(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `page_options` too; it is called with the page's `job` in their place.

    An option that the command has itself, under the same parameter, stays its own.
    """
    own = signature(command, eval_str=True, globals={**command.__globals__, "Job": Any}).parameters
    shared = {name: p for name, p in signature(page_options, eval_str=True).parameters.items() if name not in own}
    mine = [parameter for name, parameter in own.items() if name not in ("job", "as_json")]
    last = [own[name] for name in ("as_json",) if name in own]

    def run(**values: Any) -> None:
        from kit.docs.site.config import page_job

        table, config = page_options(**{name: values.pop(name) for name in shared})
        command(**values, job=page_job(values["page"], table, config))

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = Signature([*mine, *shared.values(), *last])  # type: ignore[attr-defined]
    return run


def _pairs(option: str, form: str, values: list[str] | None) -> Iterator[tuple[str, str]]:
    for value in values or []:
        left, sign, right = value.partition("=")
        if not sign or not left:
            raise KitError(f"{option} {value!r} is no pair", wanted=f"{option} {form}")
        yield left, right


def fail(sentences: list[str], *, failed: bool = False, quiet: bool = False) -> None:
    """Say what is wrong, and end with status 1 when anything is."""
    if not quiet:
        for sentence in sentences:
            typer.echo(f"✗ {sentence}")
    if sentences or failed:
        raise typer.Exit(1)

"""The README's generated parts, between `<!-- name:start -->` and `<!-- name:end -->`, and the welcome notebook's map.

python -m tests.readme            write the tables of notebooks and commands, and the map
python -m tests.readme --check    change nothing; exit 1 if one is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import nbformat
import typer

from kit.__main__ import app
from kit.errors import KitError
from kit.files.write import write_whole
from kit.notebooks.coverage import map_markdown, table_markdown
from kit.notebooks.manifest import WELCOME, Manifest, load_manifest

README = Path(__file__).parent.parent / "README.md"


def generated_parts() -> dict[str, str]:
    """The tables as index.toml and --help give them now."""
    return {
        "notebooks": table_markdown(load_manifest()),
        "commands": commands_markdown(typer.main.get_command(app)),
    }


def check_parts(readme: Path, parts: dict[str, str], *, write: bool) -> list[str]:
    """The names of the parts that are stale; with `write` they are replaced in the file."""
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError as error:
        raise KitError(f"{readme} cannot be read: {error.strerror or error}.") from None
    stale = []
    for name, wanted in parts.items():
        start, end = f"<!-- {name}:start -->\n", f"<!-- {name}:end -->"
        before, found_start, rest = text.partition(start)
        stored, found_end, after = rest.partition(end)
        if not found_start or not found_end:
            raise KitError(
                f"{readme} has no place for the {name}: put {start.strip()} and {end} on lines of their own."
            )
        if stored != f"{wanted}\n":
            stale.append(name)
            text = f"{before}{start}{wanted}\n{end}{after}"
    if stale and write:
        write_whole(readme, text)
    return stale


def check_map(welcome: Path, manifest: Manifest, *, write: bool) -> list[str]:
    """The welcome notebook's name if its map is not what the manifest lists; with `write` the map is replaced."""
    notebook = nbformat.read(welcome, as_version=4)
    [cell] = [cell for cell in notebook.cells if cell.id == "map"]
    wanted = f"## The notebooks\n\nIn reading order; each also runs alone.\n\n{map_markdown(manifest)}"
    if cell.source == wanted:
        return []
    if write:
        cell.source = wanted
        write_whole(welcome, f"{nbformat.writes(notebook)}\n")
    return [welcome.name]


def commands_markdown(command: click.Command) -> str:
    """A table of all commands below a command: how it is called, and the first sentence of its help."""
    rows = [f"| `{name}` | {_first_sentence(leaf.help or '')} |" for name, leaf in _leaves(command, ["kit"])]
    return "\n".join(["| Command | What it does |", "|---|---|", *rows])


def _leaves(command: click.Command, path: list[str]) -> Iterator[tuple[str, click.Command]]:
    if hasattr(command, "commands"):
        for name in command.list_commands(click.Context(command)):
            yield from _leaves(command.commands[name], [*path, name])
    elif not command.hidden:
        arguments = [p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument"]
        yield " ".join([*path, *arguments]), command


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    sentence = paragraph.split(". ")[0].rstrip(".")
    return sentence.replace("|", "\\|") + "."


if __name__ == "__main__":
    check = "--check" in sys.argv[1:]
    stale = check_parts(README, generated_parts(), write=not check)
    stale += check_map(load_manifest().folder / WELCOME, load_manifest(), write=not check)
    print(f"{', '.join(stale)}: {'stale; run: make readme' if check else 'written'}" if stale else "up to date")
    sys.exit(1 if check and stale else 0)

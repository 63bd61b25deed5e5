"""The README's generated parts, between `<!-- name:start -->` and `<!-- name:end -->`: checked, or written anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kit.errors import KitError

if TYPE_CHECKING:
    import click


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
        readme.write_text(text, encoding="utf-8")
    return stale


def commands_markdown(command: click.Command) -> str:
    """A table of all commands below a command: how it is called, and the first sentence of its help."""
    rows = [f"| `{name}` | {_first_sentence(leaf.help or '')} |" for name, leaf in _leaves(command, ["kit"])]
    return "\n".join(["| Command | What it does |", "|---|---|", *rows])


def _leaves(command: click.Command, path: list[str]) -> Iterator[tuple[str, click.Command]]:
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from _leaves(child, [*path, name])
    elif not command.hidden:
        arguments = [p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument"]
        yield " ".join([*path, *arguments]), command


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    sentence = paragraph.split(". ")[0].rstrip(".")
    return sentence.replace("|", "\\|") + "."

"""Blocks of a page that are scripts: run as `python FILE.py ARGUMENTS` would run them, not as a notebook's cells."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from kit.pages.code import calls, dotted, parse
from kit.pages.page import Block, Page

ENTRIES = ("asyncio.run", "asyncio.Runner", "anyio.run", "trio.run", "uvloop.run", "run_until_complete", "parse_args")
_COMMAND = re.compile(r"^\s*\$?\s*(?:\w+=\S+\s+)*(?:uv run\s+)?(?:python3?\s+)?(?P<file>[\w./-]+\.py)\b(?P<words>.*)$")


class Script(NamedTuple):
    """How a block is started: the file's name and the words behind it on the command line."""

    file: str = "script.py"
    arguments: tuple[str, ...] = ()


def scripts(page: Page) -> dict[str, Script]:
    """Block id -> how to start it, for the blocks that run as scripts.

    A Markdown page with a block that only a script can run is a page of scripts: blocks without a top-level `await`
    run as such, one after the other, in one namespace. A notebook's cells stay cells: what Jupyter refuses is wrong.
    """
    code = [block for block in page.code if block.language == "python" and block.markup not in ("cell", "session")]
    if page.form == "notebook" or not any(is_script(block.text) for block in code):
        return {}
    started = {command.file.rpartition("/")[2]: command for command in _commands(page)}
    only = next(iter(started.values())) if len(started) == 1 else Script()
    return {block.id: started.get(block.title, only) for block in code if not _awaits(block.text)}


def is_script(code: str) -> bool:
    """Whether only a script can run the code: it starts an event loop, reads its own file or its command line."""
    tree = parse(code)
    if tree is None:
        return False
    for call in calls(code):
        name = dotted(call.func) or getattr(call.func, "attr", "")
        if name.endswith(ENTRIES):
            return True
    return any(_reads_file(node) or _is_main(node) for node in ast.walk(tree))


def _reads_file(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__file__"


def _is_main(node: ast.AST) -> bool:
    """`__name__ == "__main__"`."""
    if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Name):
        return False
    return node.left.id == "__name__" and any(getattr(c, "value", "") == "__main__" for c in node.comparators)


def _awaits(code: str) -> bool:
    """Whether a cell waits at its top level, which a script cannot."""
    return any(map(_waits, getattr(parse(code), "body", ())))


def _waits(node: ast.AST) -> bool:
    if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return False
    return any(map(_waits, ast.iter_child_nodes(node)))


def _commands(page: Page) -> Iterator[Script]:
    """The command lines of the page's shell blocks that start a Python file."""
    for block in page.code:
        if not _is_shell(block):
            continue
        for line in block.text.splitlines():
            if match := _COMMAND.match(line):
                yield Script(match["file"], tuple(_words(match["words"])))


def _is_shell(block: Block) -> bool:
    return block.language in ("bash", "sh", "shell", "console", "zsh", "shell-session", "")


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return []
    end = next((n for n, word in enumerate(words) if word in ("|", ">", ">>", "&&", ";", "&")), len(words))
    return words[:end]

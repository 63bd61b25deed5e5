"""The terminal: one console for tables and one for progress, with the same rules for pipes everywhere."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PIPE_WIDTH = 200  # of a table that goes into a file or another program: nothing is cut short for a screen


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or PIPE_WIDTH wide where there is none; NO_COLOR is respected by rich."""
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=PIPE_WIDTH, soft_wrap=True)


def progress() -> Progress:
    """A bar on stderr with the work done, the time it took and the time it will take."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), transient=True)

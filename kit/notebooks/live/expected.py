"""An error that a cell is meant to raise: one red line with type and message, and a fold with all the rest."""

from __future__ import annotations

import contextlib
import html
import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ERROR_MIME = "application/vnd.milvus-notebook-kit.error+json"
# The fold is of this machine and of these versions; sanitize.cfg leaves it out of every comparison.
FOLD = '<details class="kit-error"><summary>where it was raised</summary><pre>{}</pre></details>'
# Its own background, so that it can be read in light and in dark.
LINE = (
    '<div style="background: #fdecea; color: #8a1c1c; border-left: 4px solid #c62828; padding: 4px 8px">'
    "<strong>{}</strong>: {}</div>"
)
HERE = Path(__file__).name


class ExpectedError:
    """An error that came as expected, as it is shown: `ValueError: Metadata key pk is reserved.`"""

    def __init__(self, error: BaseException, logged: list[str]) -> None:
        self.type, self.message = type(error).__name__, str(error)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name != HERE]
        self.frames = [
            f"{_place(frame.filename)}:{frame.lineno}, in {frame.name}\n    {frame.line}" for frame in frames
        ]
        self.logged = logged

    def __repr__(self) -> str:
        return f"{self.type}: {self.message}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        rest = [*self.frames, *(f"logged: {line}" for line in self.logged)]
        first, *more = self.message.splitlines() or [""]
        if more:
            rest.insert(0, self.message + "\n")
        line = LINE.format(html.escape(self.type), html.escape(first))
        return {
            "text/plain": repr(self),
            "text/html": line + FOLD.format(html.escape(re.sub(r"[^\s'\"]*/site-packages/", "", "\n".join(rest)))),
            ERROR_MIME: {"type": self.type, "message": self.message},
        }


class _Collected(logging.Handler):
    """What was logged about the error; it goes into the fold, not to stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().split("\n", 1)[0])


@contextlib.contextmanager
def expect_error(*types: type[BaseException]) -> Iterator[None]:
    """Run what is meant to fail and show how: a red line with type and message, the rest in a fold.

    Works alike in JupyterLab, VS Code, nbconvert and papermill, since for the kernel the cell succeeds. `types` are the
    classes that are expected, any Exception when none is given; another error goes through.

    Raises:
        AssertionError: nothing was raised.
    """
    wanted = types or (Exception,)
    collected, root = _Collected(), logging.getLogger()
    root.addHandler(collected)
    try:
        yield
    except wanted as error:
        show(ExpectedError(error, collected.lines))
        return
    finally:
        root.removeHandler(collected)
    raise AssertionError(f"Wanted {' or '.join(kind.__name__ for kind in wanted)}; nothing was raised.")


def show(error: ExpectedError) -> None:
    """Display it in a notebook, print it elsewhere."""
    from IPython.core.getipython import get_ipython

    if get_ipython() is None:
        print(error)
    else:
        from IPython.display import display

        display(error)


def _place(file: str) -> str:
    """A file by its package: `langchain_milvus/vectorstores/milvus.py`; a cell as `this cell`."""
    if re.search(r"ipykernel_\d+", file) or file.startswith("<ipython-input"):
        return "this cell"
    inside = re.fullmatch(r".*/(?:site-packages|lib/python3\.\d+)/(.*)", file.replace("\\", "/"))
    return inside[1] if inside else Path(file).name

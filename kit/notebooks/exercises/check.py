"""`kit.check("03-1", vector_store)`: right, not right yet with a hint, or not solved yet."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple

from kit.errors import KitError, nearest

Judge = Callable[..., None]
State = Literal["right", "not right yet", "not solved yet"]
THEMES = ("basics", "measuring", "retrieving", "searching", "operating")  # the modules that hold the judges
COLOURS: dict[State, str] = {
    "right": "background: #e8f5e9; color: #1b5e20; border-left: 4px solid #2e7d32",
    "not right yet": "background: #fff4e0; color: #6d3b00; border-left: 4px solid #b26a00",
    "not solved yet": "background: #eceff1; color: #263238; border-left: 4px solid #546e7a",
}
_JUDGES: dict[str, Judge] = {}


class Hint(Exception):
    """What a judge raises where an answer is not right: the hint for the mistake that it recognises."""


@dataclass(frozen=True)
class Checked:
    """What became of an exercise, in one line."""

    name: str
    state: State
    hint: str = ""

    def __repr__(self) -> str:
        return f"Exercise {self.name}: {self.state}{f'. {self.hint}' if self.hint else '.'}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        line = f'<div style="{COLOURS[self.state]}; padding: 4px 8px">{html.escape(repr(self))}</div>'
        return {"text/plain": repr(self), "text/html": line}


def exercise(name: str) -> Callable[[Judge], Judge]:
    """Register the judge of an exercise: it returns where the answer is right and raises `Hint` where it is not."""

    def register(judge: Judge) -> Judge:
        _JUDGES[name] = judge
        return judge

    return register


def names() -> list[str]:
    """The names of all exercises, in order."""
    for theme in THEMES:
        import_module(f"kit.notebooks.exercises.{theme}")
    return sorted(_JUDGES)


def check(name: str, *answer: Any) -> Checked:
    """Whether an exercise of a notebook is solved; if not, the hint for the mistake that it recognises.

    An answer is judged by what it does: the collection is read and searched, a function is called. `...` and None are
    an exercise that is not solved yet. Nothing is raised for a wrong answer.

    Raises:
        KitError: there is no exercise of that name.
    """
    if name not in names():
        raise KitError(f'There is no exercise "{name}".{nearest(name, _JUDGES)}', wanted=f"one of {', '.join(_JUDGES)}")
    if not answer or any(value is ... or value is None for value in answer):
        return Checked(name, "not solved yet")
    try:
        _JUDGES[name](*answer)
    except Hint as hint:
        return Checked(name, "not right yet", str(hint))
    except Exception as error:  # noqa: BLE001 - a reader's answer may fail in any way when it is tried
        first = str(error).strip().split("\n", 1)[0]
        return Checked(name, "not right yet", f"Trying it raised {type(error).__name__}: {first[:200]}")
    return Checked(name, "right")


def want(condition: object, hint: str) -> None:
    """Raise the hint unless the condition is true."""
    if not condition:
        raise Hint(hint)


def want_store(value: Any) -> None:
    """Raise a hint unless the value is a vector store with a collection that holds rows."""
    from langchain_milvus import Milvus

    want(isinstance(value, Milvus), f"Hand in the vector store; this is a {type(value).__name__}.")
    there = value.client.has_collection(value.collection_name)
    want(there, f'The collection "{value.collection_name}" is not there: nothing was stored in it.')
    want(rows_of(value), f'The collection "{value.collection_name}" has no rows.')


class Row(NamedTuple):
    """A row of a collection: its primary key as text, its text, and the other fields asked for."""

    key: str
    text: str
    fields: dict[str, Any]


def rows_of(store: Any, *fields: str) -> list[Row]:
    """All rows of a store's collection."""
    from kit.milvus.langchain import store_fields

    key, text = store_fields(store).primary, store_fields(store).text
    rows = store.client.query(
        store.collection_name, filter="", output_fields=[key, text, *fields], limit=16_384, consistency_level="Strong"
    )
    return [Row(str(row[key]), row[text], {name: row.get(name) for name in fields}) for row in rows]

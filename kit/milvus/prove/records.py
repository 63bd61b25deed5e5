"""What is tried on a collection and what came out, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Status = Literal["holds", "broken", "not tried"]
Reload = Literal["no", "here", "copy"]
Judge = Callable[..., tuple[float, str]]


class Call(NamedTuple):
    """One call to Milvus: a method of `judge.answer` and its options."""

    method: str
    options: dict[str, Any]


class Case(NamedTuple):
    """Calls whose answers must fit together, each under its name in the judge; `given` is what else the judge reads."""

    judge: Judge
    calls: dict[str, Call]
    given: dict[str, Any]
    about: str  # the query and filters, in words


class Try(NamedTuple):
    """A case that can be made with another number of hits."""

    case: Callable[[int], Case]
    limit: int = 10


@dataclass(frozen=True)
class Failure:
    """The smallest case that was met in which a relation does not hold: its limit, and in words what is wrong."""

    case: Case
    limit: int
    words: str


@dataclass(frozen=True)
class Outcome:
    """A relation on one vector field, or on the collection: how often it was tried, and the share that held.

    `least` is the share that the field's index has to reach. `reason` says why a relation was not tried.
    """

    relation: str
    field: str
    status: Status
    tries: int = 0
    share: float = 1.0
    least: float = 1.0
    reason: str = ""
    failure: Failure | None = None


@dataclass(frozen=True)
class Proof:
    """All outcomes on a collection, with what it is."""

    uri: str
    engine: str
    collection: str
    primary: str
    rows: int
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The outcomes that do not hold."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "broken")

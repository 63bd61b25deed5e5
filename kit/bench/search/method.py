"""What a way to search is: a method with its parameters, what it needs from the store, and its search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from kit.bench.search.words import MOST_HITS, Needs

if TYPE_CHECKING:
    from kit.bench.search.parameters import Parameters
    from kit.bench.search.request import Hit, Request


@dataclass(frozen=True)
class SearchMethod(ABC):
    """One way to search. A method is a file of this folder, or a class of an outside package (`kit.retrievers`).

    `parse` takes the parameters of its name, `name` gives them back; `search` answers a request.
    """

    summary: ClassVar[str]  # half a sentence for --help and errors
    queries_a_request: ClassVar[int] = 100  # Lite spends most of a request on what all its queries share

    one_field: ClassVar[bool] = False  # whether it needs the vectors of the hits, and so cannot join several fields

    @classmethod
    def parse(cls, parameters: Parameters) -> Self:  # noqa: ARG003 - for methods that have some
        """From what stands behind the method in a retriever's name."""
        return cls()

    @property
    @abstractmethod
    def name(self) -> str:
        """With every parameter that is not the usual one, as `parse` takes it."""

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What it searches."""

    def for_hits(self, k: int) -> SearchMethod:  # noqa: ARG002 - for methods with a depth of their own
        """The same method with a depth that can give k hits; the depth is part of its name."""
        return self

    @property
    def most(self) -> int:
        """How many hits it can give a query."""
        return MOST_HITS

    def settings(self, depth: int) -> dict[str, str]:  # noqa: ARG002 - for methods with a depth of their own
        """What it does beyond its name when it is asked for so many hits."""
        return {}

    def unsupported(self, engine_version: str) -> str:
        """Why an engine (`milvus-lite-3.2.2`) cannot do it, or ''."""
        words = self.needs.words
        return words.unsupported(engine_version) if words else ""

    @abstractmethod
    def search(self, request: Request) -> list[list[Hit]]:
        """The hits of each query of the request, best first, `request.depth` of them at most."""

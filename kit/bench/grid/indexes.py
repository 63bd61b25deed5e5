"""Index types with their build and search parameters, as a dimension of the grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kit.errors import KitError, nearest

# Search parameters from quick to thorough; the first is what the condition's own scores are measured with.
LADDERS: dict[str, tuple[dict[str, Any], ...]] = {
    "FLAT": ({},),
    "AUTOINDEX": ({},),
    "HNSW": ({"ef": 64}, {"ef": 16}, {"ef": 256}),
    "IVF_FLAT": ({"nprobe": 8}, {"nprobe": 1}, {"nprobe": 32}),
}
# Lite's own ones; it is told others, but pymilvus 3.0 sends them in a form that Lite 3.2 does not read.
BUILD = {"HNSW": {"M": 16, "efConstruction": 200}, "IVF_FLAT": {"nlist": 128}}
METRIC = "COSINE"  # what the kit's embeddings, of unit length, are compared by


@dataclass(frozen=True)
class IndexChoice:
    """An index type with build parameters, and the search parameters to try, the first for the scores."""

    index_type: str
    build: dict[str, Any] = field(default_factory=dict)
    search: tuple[dict[str, Any], ...] = ({},)

    @property
    def name(self) -> str:
        """As in a condition's id: `hnsw-efconstruction200-m16`, with parameters that differ from the usual ones."""
        usual_build, usual_search = BUILD.get(self.index_type, {}), LADDERS[self.index_type][0]
        named = {k: v for k, v in self.build.items() if usual_build.get(k) != v}
        named |= {k: v for k, v in self.search[0].items() if usual_search.get(k) != v}
        parts = [self.index_type.lower().replace("_", "-"), *(f"{k.lower()}{v}" for k, v in sorted(named.items()))]
        return "-".join(parts)

    @property
    def spec(self) -> str:
        """As `parse_index` takes it, with every parameter: `hnsw:M=16:efConstruction=200:ef=64/16/256`."""
        tried = {name: "/".join(str(params[name]) for params in self.search) for name in self.search[0]}
        return ":".join([self.index_type.lower(), *(f"{name}={value}" for name, value in (self.build | tried).items())])

    @property
    def params(self) -> dict[str, Any]:
        """`index_params` for langchain-milvus."""
        return {"index_type": self.index_type, "metric_type": METRIC, "params": dict(self.build)}

    def search_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """`search_params` for the client: the given ones, or those that the scores are measured with."""
        return {"metric_type": METRIC, "params": dict(self.search[0] if params is None else params)}


def default_index(engine_version: str) -> IndexChoice:
    """What `kit.index_params` gives: FLAT on Lite, whose AUTOINDEX loses rows under a filter; else AUTOINDEX."""
    return IndexChoice("FLAT" if engine_version.startswith("milvus-lite") else "AUTOINDEX")


def parse_index(wanted: str | dict[str, Any]) -> IndexChoice:
    """`hnsw`, `hnsw:M=32:ef=64/256`, or {"type": "HNSW", "build": {"M": 32}, "search": [{"ef": 64}, {"ef": 256}]}."""
    row = _from_text(wanted) if isinstance(wanted, str) else dict(wanted)
    index_type = str(row.pop("type", "")).upper().replace("-", "_")
    if index_type not in LADDERS:
        raise KitError(
            f'No index type is called "{index_type}".{nearest(index_type, list(LADDERS))} '
            f"Wanted one of {', '.join(LADDERS)}."
        )
    build, search = row.pop("build", {}), row.pop("search", None) or LADDERS[index_type]
    well_formed = isinstance(build, dict) and all(isinstance(params, dict) for params in search)
    tried = set().union(*search) if well_formed else set()
    if row or not well_formed or set(build) - set(BUILD.get(index_type, ())) or tried - set(LADDERS[index_type][0]):
        known = [*BUILD.get(index_type, ()), *LADDERS[index_type][0]]
        raise KitError(f"Found the index {wanted!r}; wanted {index_type} with {', '.join(known) or 'no parameter'}.")
    return IndexChoice(index_type, BUILD.get(index_type, {}) | build, tuple(search))


def _from_text(text: str) -> dict[str, Any]:
    """{type, build, search} of the text form; a parameter of which several are tried is one of searching."""
    index_type, *pairs = text.split(":")
    row: dict[str, Any] = {"type": index_type, "build": {}}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        numbers = value.split("/")
        if not equals or not all(number.isdigit() for number in numbers):
            raise KitError(f'Found "{pair}" in the index {text!r}; wanted NAME=NUMBER, such as M=32 or ef=64/256.')
        if name in ("ef", "nprobe"):
            row["search"] = [{name: int(number)} for number in numbers]
        else:
            row["build"][name] = int(value) if len(numbers) == 1 else value
    return row

"""The grid of a benchmark, from a TOML or YAML file and from flags, laid out into conditions."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kit.bench.grid.chunkers import Chunker, parse_chunker
from kit.bench.grid.indexes import IndexChoice, default_index, parse_index
from kit.bench.grid.multi_query import NO_CHAT
from kit.bench.grid.rerankers import NOT_CONFIGURED
from kit.bench.records import DEFAULT_MEASURES, Condition, models_of
from kit.bench.search.retriever import Retriever, parse_retriever
from kit.bench.search.words import MOST_HITS
from kit.errors import KitError, nearest
from kit.models.chat import EXTRACTIVE
from kit.settings import load_settings

ENGINES = {"lite": "milvus-lite", "server": "milvus-server"}
EXTRAS = ("spans", "ragas", "judge")


def _list(value: Any) -> Any:
    """Names of a comma-separated text; none of them for `none`."""
    if not isinstance(value, str):
        return value
    return [] if value.strip() == "none" else [part.strip() for part in value.split(",") if part.strip()]


Names = Annotated[list[str], BeforeValidator(_list)]


class Grid(BaseModel):
    """What to run. An empty list means the default; names of retrievers, chunkers and so on are checked on use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    questions: Path | None = None
    split: str | None = None
    tolerate: Names = []
    k: int = Field(100, ge=1, le=MOST_HITS)
    retrievers: Names = ["dense", "bm25", "hybrid-rrf"]
    embeddings: Names = []
    chunkers: Names = []
    engines: Names = []
    indexes: Annotated[list[str | dict[str, Any]], BeforeValidator(_list)] = []
    reranker: Names = []
    churn: Annotated[list[Annotated[int, Field(ge=0, le=1000)]], BeforeValidator(_list)] = [0]  # cycles before a search
    measures: Names = list(DEFAULT_MEASURES)
    extras: Names = list(EXTRAS)
    clients: Annotated[list[Annotated[int, Field(ge=1, le=256)]], BeforeValidator(_list)] = []  # that ask at once
    seed: int = 7
    prices: dict[str, float] = {}  # embeddings -> USD for a million tokens


@dataclass(frozen=True)
class Planned:
    """A condition with what its names mean; `unsupported` says why it cannot run, where that is known already."""

    condition: Condition
    retriever: Retriever
    chunker: Chunker
    index: IndexChoice
    checked: bool  # the index is held against exact search
    unsupported: str = ""


def load_grid(config: Path | None, flags: dict[str, Any]) -> Grid:
    """The grid of a config file, with flags (None: not given) in place of what it says.

    A relative path in a config file starts at that file's folder.
    """
    content: dict[str, Any] = {}
    if config is not None:
        content = _read(config)
        for name in ("dataset", "questions"):
            if name in content and (config.parent / str(content[name])).exists():
                content[name] = str(config.parent / str(content[name]))
    content |= {name: value for name, value in flags.items() if value is not None}
    if "dataset" not in content:
        raise KitError("No collection was named: give --dataset, or dataset in the config file.")
    try:
        return Grid(**content)
    except ValidationError as error:
        raise KitError("\n".join(_in_words(e, config) for e in error.errors())) from None


def plan(
    grid: Grid, default_chunker: str, default_embeddings: str, default_engine: str, version_of: Callable[[str], str]
) -> list[Planned]:
    """The conditions, in the order of a run: those that share a store stand together.

    `version_of` an engine (milvus-lite, milvus-server) decides on its default index.
    """
    if unknown := [name for name in grid.engines if name not in ENGINES]:
        raise KitError(f"Found the engine {unknown[0]!r}; wanted {' or '.join(ENGINES)}.")
    if unknown := [name for name in grid.extras if name not in EXTRAS]:
        raise KitError(f"Found the extra {unknown[0]!r}; wanted {', '.join(EXTRAS)}, or none.")
    planned = list(_conditions(grid, default_chunker, default_embeddings, default_engine, version_of))
    if not planned:
        raise KitError("The grid is empty: wanted at least one retriever.")
    by_id = {}
    for one in planned:
        if one.condition.id in by_id:
            raise KitError(f"The grid has {one.condition.id} twice, or two names that are alike in it.")
        by_id[one.condition.id] = one
    return planned


def _conditions(
    grid: Grid, default_chunker: str, default_embeddings: str, default_engine: str, version_of: Callable[[str], str]
) -> Iterator[Planned]:
    named = [_with_chat(parse_retriever(name)).for_hits(grid.k) for name in grid.retrievers]
    retrievers = {r.name: r for retriever in named for r in _with_rerankers(retriever, grid)}
    chunkers = {(c := parse_chunker(name)).name: c for name in grid.chunkers or [default_chunker]}
    indexes = [parse_index(index) for index in grid.indexes]
    of_words = [r for r in retrievers.values() if not r.needs.dense]
    of_vectors = [r for r in retrievers.values() if r.needs.dense]
    of_vectors.sort(key=lambda r: r.needs.both)  # those that share a store together
    engines = dict.fromkeys(ENGINES[name] for name in grid.engines or [default_engine])
    for engine, chunker, churn in product(engines, chunkers.values(), dict.fromkeys(grid.churn or [0])):
        usual = default_index(version_of(engine))
        for retriever in of_words:
            condition = Condition(engine, retriever.name, "none", chunker.name, churn=churn)
            yield Planned(condition, retriever, chunker, usual, False, _why_not(retriever))
        for embeddings in dict.fromkeys(grid.embeddings or [default_embeddings]):
            for index in indexes or [usual]:
                for retriever in of_vectors:
                    name = "" if index.name == usual.name else index.name
                    condition = Condition(engine, retriever.name, embeddings, chunker.name, name, churn)
                    checked = bool(indexes) and retriever.name == "dense" and len(models_of(embeddings)) == 1
                    yield Planned(condition, retriever, chunker, index, checked, _why_not(retriever, embeddings))


def _with_rerankers(retriever: Retriever, grid: Grid) -> list[Retriever]:
    """The retriever with each reranker of the grid, where it asks for one and names none."""
    if not retriever.reranked or retriever.reranker or not grid.reranker:
        return [retriever]
    return [replace(retriever, reranker=name) for name in grid.reranker]


def _with_chat(retriever: Retriever) -> Retriever:
    """The retriever with KIT_CHAT's model, where it asks for one and names none."""
    if not retriever.worded or retriever.chat:
        return retriever
    return replace(retriever, chat=(load_settings().chat or "").strip())


def _why_not(retriever: Retriever, embeddings: str = "none") -> str:
    if retriever.method.one_field and len(models_of(embeddings)) > 1:
        return (
            f"{retriever.method.name} compares the vectors of one field; {embeddings} has {len(models_of(embeddings))}"
        )
    if retriever.worded and retriever.chat in ("", EXTRACTIVE):
        return NO_CHAT
    return NOT_CONFIGURED if retriever.reranked and not retriever.reranker else ""


def _read(config: Path) -> dict[str, Any]:
    if not config.is_file():
        raise KitError(f"There is no config file {config}.")
    try:
        text = config.read_text(encoding="utf-8")
        content = tomllib.loads(text) if config.suffix == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        kind = "TOML" if config.suffix == ".toml" else "YAML"
        raise KitError(f"{config} is not {kind}: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise KitError(f"{config} holds {type(content).__name__}; wanted names and values, such as k = 100.")
    return content


def _in_words(error: Mapping[str, Any], config: Path | None) -> str:
    name = ".".join(map(str, error["loc"]))
    place = f"{config}: " if config else ""
    if error["type"] == "extra_forbidden":
        return f'{place}there is no "{name}".{nearest(name, list(Grid.model_fields))}'
    return f"{place}{name} is {error['input']!r}; wanted: {error['msg'][:1].lower()}{error['msg'][1:]}."

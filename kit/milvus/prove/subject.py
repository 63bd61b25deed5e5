"""The collection that is proved: its vector fields, its rows as they are stored, and the calls on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kit.errors import KitError
from kit.milvus.connection import engine
from kit.milvus.prove import judge
from kit.milvus.prove.conditions import Pair, pairs
from kit.milvus.prove.records import Call
from kit.milvus.retry import CALL_SECONDS
from kit.milvus.schema import read_schema

if TYPE_CHECKING:
    from pymilvus import MilvusClient

EXACT = ("FLAT", "BIN_FLAT", "SPARSE_INVERTED_INDEX", "SPARSE_WAND")  # indexes that compare with every row
LOWER = ("L2", "HAMMING", "JACCARD")  # metrics of which the lowest is the nearest
AT_ONCE = 8  # calls to a server, which waits a moment in each to see every write
TOGETHER = 32  # queries that are asked in one call
PAGE = 500  # rows in a page of a scan, at most: also of a small collection there are three


class Leg(NamedTuple):
    """A vector field that can be searched; `text` is the field whose text its BM25 function reads."""

    field: str
    kind: str
    metric: str
    index_type: str
    text: str | None
    lower: bool  # whether the lowest score is the best

    @property
    def exact(self) -> bool:
        """Whether its index compares with every row."""
        return self.index_type in EXACT


class Subject:
    """A collection that is there, loaded and searchable; nothing here writes."""

    def __init__(self, client: MilvusClient, collection: str, uri: str, most_rows: int, seed: int):
        self.client, self.collection, self.uri, self.most_rows = client, collection, uri, most_rows
        self.random = Random(seed)
        self.schema = read_schema(client, collection)
        self.primary = self.schema.primary_key
        self.engine = engine(client)
        self.described = client.describe_collection(collection)
        self.rows = self.answer(Call("count", {"filter": ""}))

    @property
    def lite(self) -> bool:
        """Whether the engine is Milvus Lite."""
        return self.engine.startswith("milvus-lite")

    @property
    def whole(self) -> bool:
        """Whether all rows are read; of a larger collection only what needs no reading is proved."""
        return bool(self.rows <= self.most_rows)

    @cached_property
    def legs(self) -> list[Leg]:
        """The vector fields that have an index."""
        texts = {
            output: function["input_field_names"][0]
            for function in self.described.get("functions", [])
            for output in function["output_field_names"]
        }
        return [
            self._leg(name, self.schema.fields[name]["type"].name, index, texts.get(name))
            for name, index in self.schema.indexes.items()
            if "VECTOR" in self.schema.fields[name]["type"].name
        ]

    def _leg(self, name: str, kind: str, index: dict[str, Any], text: str | None) -> Leg:
        metric = str(index["metric_type"])
        lower = metric in LOWER or (metric == "BM25" and self.lite)
        return Leg(name, kind, metric, str(index["index_type"]), text, lower)

    @cached_property
    def scan(self) -> Call:
        """The call that reads every row whole."""
        return Call("scan", {"size": self.page, "output_fields": self._output_fields})

    @property
    def page(self) -> int:
        """Rows in a page of a scan or a query."""
        return max(1, min(PAGE, int(self.rows) // 3))

    @property
    def _output_fields(self) -> list[str]:
        """All that a client may read: not what a function makes, such as BM25's vectors."""
        made = {leg.field for leg in self.legs if leg.text}
        names = [name for name in self.schema.fields if name not in made]
        return [*names, "$meta"] if self.schema.dynamic_field else names

    @cached_property
    def columns(self) -> dict[str, Any]:
        """The rows as columns, dense vectors as one array of float64."""
        if self.rows == 0:
            return {self.primary: []}
        read: dict[str, Any] = self.answer(self.scan)
        for leg in self.legs:
            if leg.kind == "FLOAT_VECTOR" and leg.field in read:
                read[leg.field] = np.asarray(read[leg.field], dtype=np.float64)
        return read

    @cached_property
    def pairs(self) -> list[Pair]:
        """Pairs of filters from the values that the rows hold."""
        types = {name: field["type"].name for name, field in self.schema.fields.items()}
        scalars = {name: values for name, values in self.columns.items() if isinstance(values, list)}
        return pairs(scalars, self.primary, types, self.random) if self.columns[self.primary] else []

    def queries(self, leg: Leg, count: int) -> list[tuple[int, Any]]:
        """Up to `count` rows by their place, each with what a search for it asks: its vector or its text."""
        stored = self.columns.get(leg.text or leg.field)
        if stored is None:
            return []
        places = self.random.sample(range(len(stored)), min(count * 2, len(stored)))
        asked = [(place, _query(leg, stored[place])) for place in places]
        return [(place, query) for place, query in asked if query is not None][:count]

    def answer(self, call: Call) -> Any:
        """What Milvus answers to one call."""
        options = {"timeout": CALL_SECONDS, **call.options} if call.method != "stats" else {}
        return judge.answer(self.client, self.collection, self.primary, call.method, options)

    def answers(self, calls: Iterable[Call], together: bool = True) -> dict[str, Any]:
        """The answer to each call by its name; `together`, searches that differ in their one query are one call."""
        groups: dict[str, list[Call]] = {}
        alone: dict[str, Call] = {}
        for name, call in {name_of(call): call for call in calls}.items():
            if together and call.method == "search" and len(call.options["data"]) == 1:
                groups.setdefault(name_of(Call("search", {**call.options, "data": None})), []).append(call)
            else:
                alone[name] = call
        batches = [group[at : at + TOGETHER] for group in groups.values() for at in range(0, len(group), TOGETHER)]
        asked: dict[str, Any] = {}
        with ThreadPoolExecutor(1 if self.lite else AT_ONCE) as pool:
            for some, answered in zip(batches, pool.map(self._batched, batches), strict=True):
                asked |= {name_of(call): [hits] for call, hits in zip(some, answered, strict=True)}
            asked |= zip(alone, pool.map(self.scanned, alone.values()), strict=True)
        return asked

    def _batched(self, calls: list[Call]) -> Any:
        data = [call.options["data"][0] for call in calls]
        return self.answer(Call("search", {**calls[0].options, "data": data}))

    def elsewhere(self, client: MilvusClient, collection: str) -> Subject:
        """The same subject, asked of another collection."""
        other = copy(self)
        other.client, other.collection = client, collection
        return other

    def scanned(self, call: Call) -> Any:
        """As `answer`; of a scan the rows that were read already."""
        return self.columns if call == self.scan else self.answer(call)


def check_ready(client: MilvusClient, collection: str, lite: bool) -> None:
    """Refuse a collection that cannot be searched as it is: proving changes nothing, so it loads nothing either."""
    if not client.has_collection(collection):
        there = ", ".join(client.list_collections()) or "none"
        raise KitError(f'There is no collection "{collection}"', wanted=f"one of: {there}")
    if lite:
        client.load_collection(collection)  # in this process alone
    elif (state := client.get_load_state(collection)["state"].name) != "Loaded":
        raise KitError(
            f'The collection "{collection}" is not loaded ({state}), and kit prove changes nothing.',
            mend=f'Load it first: client.load_collection("{collection}")',
        )


def _query(leg: Leg, stored: Any) -> Any:
    """What a search for a stored value asks; None for what no search can find, such as a vector of zeros."""
    if stored is None:
        return None
    if leg.text:
        return stored if re.search(r"\w", stored) else None
    if isinstance(stored, np.ndarray):
        good = np.isfinite(stored).all() and np.linalg.norm(stored) > 0
        return [float(number) for number in stored] if good else None
    if isinstance(stored, dict):
        return {int(place): float(weight) for place, weight in stored.items()} or None
    if leg.kind == "BINARY_VECTOR":
        return judge.as_bytes(stored)
    return stored


def name_of(call: Call) -> str:
    """A text that is the same for the same call."""
    return call.method + json.dumps(call.options, sort_keys=True, default=repr)


def few(items: Iterable[Any], count: int) -> list[Any]:
    """The first ones of a sequence, spread over it."""
    whole = list(items)
    return [whole[number * len(whole) // count] for number in range(count)] if len(whole) > count else whole

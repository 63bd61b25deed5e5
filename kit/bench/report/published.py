"""Scores that others published for a collection, to stand beside a run's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from kit.bench.records import ConditionResult, Results


class Published(NamedTuple):
    """A row's mean beside the published one: where that is from, and why the two may differ."""

    row: ConditionResult
    measure: str
    mean: float
    published: float
    source: str
    why: str


def beside_published(results: Results) -> Iterator[Published]:
    """The rows that have a published counterpart: the same retriever and embeddings, on whole documents.

    A collection is recognised by its name and its number of documents; only the test split is published.
    """
    known = _published()
    of_collection = known["collections"].get(results.dataset.name.lower(), {})
    if of_collection.get("documents") != results.dataset.documents or results.dataset.split != "test":
        return
    for row in results.rows:
        condition = row.condition
        theirs = of_collection.get(condition.retriever, {}).get(condition.embeddings)
        if row.status != "measured" or theirs is None or condition.chunker != "whole" or condition.index:
            continue
        for measure, mean in row.scores.items():
            if measure in theirs and mean.value is not None:
                source, why = known["sources"][theirs["source"]], known["why"][theirs["source"]]
                yield Published(row, measure, mean.value, theirs[measure], source, why)


@cache
def _published() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("published.toml").read_text(encoding="utf-8"))

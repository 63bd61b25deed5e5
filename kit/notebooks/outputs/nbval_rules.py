"""The rules of nbval 0.11, which has had no release since March 2024: the only file that imports it.

A successor would have to give five things: the markers of a cell's tags and comments, streams joined by name, streams
as a mapping from name to text, the pairs of a sanitize file, and the keys of an output that are never compared.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nbformat import NotebookNode
from nbval.plugin import (
    coalesce_streams,
    find_comment_markers,
    find_metadata_tags,
    get_sanitize_patterns,
    transform_streams_for_comparison,
)

from kit.errors import KitError

# What nbval never compares (IPyNbFile.skip_compare), and stderr, which notebooks/conftest.py adds to it.
SKIPPED_KEYS = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
    "image/png",
    "image/jpeg",
    "stderr",
)
Patterns = Sequence[tuple[str, str]]


class Markers(NamedTuple):
    """What a cell's tags and comments ask for; `check` is None where nothing is said of its output."""

    skip: bool = False
    may_raise: bool = False
    check: bool | None = None


def markers(cell: NotebookNode) -> Markers:
    """A cell's markers as nbval reads them; a comment takes the place of a tag."""
    with warnings.catch_warnings(action="ignore"):  # two that contradict each other: the last one holds
        options: dict[str, bool] = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
    return Markers(options.get("skip", False), options.get("check_exception", False), options.get("check"))


def flattened(outputs: Sequence[NotebookNode]) -> list[Mapping[str, Any]]:
    """Outputs with streams joined by name, progress bars settled, and each stream as {name: text}."""
    return transform_streams_for_comparison(coalesce_streams(outputs))


def load_patterns(path: Path) -> Patterns:
    """The (regex, replacement) pairs of a sanitize file as nbval reads them; a file that is not there has none."""
    if not path.is_file():
        return []
    pairs = list(dict(get_sanitize_patterns(path.read_text(encoding="utf-8"))).items())
    for pattern, _ in pairs:
        try:
            re.compile(pattern)
        except re.error as error:
            raise KitError(f"{path}: regex {pattern!r} is wrong: {error}.") from None
    return pairs

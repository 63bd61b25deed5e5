"""What stands inside `param=`: the engine ignores a name that it does not know, so a misspelt one changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from kit.errors import KitError

# Names of Milvus' search parameters beside those that langchain-milvus lists for each index type (milvus.io, "Index").
OF_ANY_SEARCH = frozenset(
    {"radius", "range_filter", "level", "drop_ratio_search", "search_list", "reorder_k", "refine_k"}
)
TOP = frozenset({"metric_type", "params"})


def check_tuning(store: Any, options: dict[str, Any]) -> None:
    """Raise KitError for a search parameter that is a known one misspelt; a name like no known one is the engine's."""
    given = options.get("param")
    per_index = store.default_search_params.values()
    known = OF_ANY_SEARCH.union(*(entry["params"] for entry in per_index))
    for param in given if isinstance(given, list) else [given]:
        if isinstance(param, Mapping):
            _check(param, TOP | known)
            if isinstance(param.get("params"), Mapping):
                _check(param["params"], known)


def _check(params: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in params:
        if name not in known and (right := meant(str(name), known)):
            raise KitError(f"The engine drops the search parameter {name!r}", mend=f'Did you mean "{right}"?')


def meant(name: str, known: frozenset[str]) -> str | None:
    """The known name that this one misspells (`nprob`) or holds as a word (`ef_search`, `efSearch`), if any."""
    words = [word.lower() for word in re.findall(r"[a-z]+|[A-Z][a-z]*", name)]
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return next((word for word in words if word in known - {"level"}), close[0] if close else None)

"""Every row of a collection, page after page in the order of the keys: pymilvus only, so that scripts carry it.

pymilvus' `query_iterator` puts a text key into its next filter as it is: a quotation mark in a key ends it with a
syntax error, or leads it back to the beginning, for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# These five are all that Milvus' string literals need; JSON and repr escape others, which Milvus then misreads.
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def literal(value: Any) -> str:
    """A text or an integer as a filter's literal."""
    return f'"{value.translate(ESCAPES)}"' if isinstance(value, str) else str(value)


def pages_by_key(
    client: Any, collection: str, primary: str, size: int, filter: str = "", **options: Any
) -> Iterator[list[dict[str, Any]]]:
    """Lists of up to `size` rows, in the order of their keys; a list that is shorter need not be the last."""
    last = None
    while True:
        after = filter if last is None else f"{primary} > {literal(last)}" + (f" and ({filter})" if filter else "")
        page = client.query(collection, filter=after, limit=size, iterator="True", reduce_stop_for_best=True, **options)
        if not page:
            return
        last = page[-1][primary]
        yield page

"""One writer at a time among the threads of this process: Milvus Lite's log breaks where two write at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from kit.milvus.connection import is_lite
from kit.milvus.langchain import connection_of

if TYPE_CHECKING:
    from langchain_milvus import Milvus

_LOCKS: dict[tuple[str, ...], threading.RLock] = {}


@contextlib.contextmanager
def turn(vector_store: Milvus, job: Literal["ingest", "write"]) -> Iterator[None]:
    """Wait until no other thread does this job on the collection: a whole ingest, or, on Lite, a single write."""
    connection = connection_of(vector_store)
    uri = str(connection["uri"])
    if job == "write" and not is_lite(uri):
        yield
        return
    place = (job, uri, str(connection.get("db_name") or ""), vector_store.collection_name)
    with _LOCKS.setdefault(place, threading.RLock()):
        yield

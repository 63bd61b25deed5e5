"""Killed at random points beside another writer, an ingest loses nothing of its own and nothing of the other's."""

import os
import random
import threading
from functools import partial
from pathlib import Path

import pytest
from langchain_core.documents import Document
from milvus_lite.server_manager import server_manager_instance

from kit.errors import KitError
from kit.milvus.connection import connect, is_lite
from kit.milvus.ingest import ingest
from kit.milvus.strict import strict
from tests.milvus.test_ingest import (  # noqa: F401 - `processes` is a fixture
    documents,
    kill_or_finish,
    once,
    processes,
    stored_ids,
    vector_store,
)

KILLS = 100


def ingest_beside_another(uri: str, count: int, batch_size: int, begins, written: Path) -> None:
    """Ingest while a thread of the application writes rows of its own, and notes each one that was acknowledged.

    It writes through `kit.strict`, which takes turns on Lite: two threads that write at once break Lite 3.2.2's log.
    """
    store, app = vector_store(uri), strict(vector_store(uri))
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            key = f"app-{os.getpid()}-{number}"
            app.upsert([key], [Document(key, metadata={"year": number})])
            with written.open("a") as noted:
                noted.write(f"{key}\n")
            number += 1

    if store.client.has_collection("notes"):  # it makes the collection of its first document
        threading.Thread(target=write, daemon=True).start()
    begins.send(True)
    ingest(store, documents(count), batch_size=batch_size)
    done.set()


def sound(uri: str) -> bool:
    """Whether a Lite database opens; a damaged one is refused in the kit's words, and by nothing else."""
    try:
        connect(uri)
    except KitError as error:
        assert "is damaged: in its collection" in str(error), error
        return False
    finally:
        server_manager_instance.release_server(uri)
    return True


def killed(processes, uri: str, written: Path, kills: int, draw: random.Random) -> tuple[int, bool]:  # noqa: F811
    """Kills, then a run to the end: how many fell into an ingest, and whether the database was refused as damaged.

    Where it is not refused, every document and every row that was acknowledged to the other writer is there once.
    """
    lite = is_lite(uri)
    count, longest = 400, 0.4 if lite else 0.6
    target = partial(ingest_beside_another, written=written)
    ingest(vector_store(uri), documents(1))
    if lite:
        server_manager_instance.release_server(uri)
    hits = 0
    for _ in range(kills):
        try:
            hits += kill_or_finish(processes, uri, count, 20, draw.uniform(0, longest), target)
        except EOFError:  # it could not begin
            assert lite and not sound(uri)
            return hits, True
    if lite and not sound(uri):
        return hits, True
    assert not kill_or_finish(processes, uri, count, 20, after=120, target=target)
    stored = stored_ids(vector_store(uri))
    acknowledged = set(written.read_text().split()) if written.is_file() else set()
    assert acknowledged <= set(stored)
    assert set(stored.values()) == {1}
    assert {key: times for key, times in stored.items() if not key.startswith("app-")} == once(count)
    return hits, False


def test_killed_beside_another_writer_nothing_of_either_is_lost_in_silence(processes, uri, tmp_path):  # noqa: F811
    killed(processes, uri, tmp_path / "written", 2, random.Random(1))


@pytest.mark.long
@pytest.mark.parametrize("engine", ["lite", "server"])
def test_a_hundred_kills_beside_another_writer(processes, new_database, tmp_path, engine):  # noqa: F811
    draw, hits, refused, number = random.Random(7), 0, 0, 0
    while hits < KILLS:
        number += 1
        hit, damaged = killed(processes, new_database(engine), tmp_path / f"written{number}", 10, draw)
        hits, refused = hits + hit, refused + damaged
    print(f"{hits} kills in {number} databases, {refused} refused as damaged")
    assert engine == "lite" or refused == 0

"""What goes wrong around a collection: servers that answer slowly, half or wrongly, clocks that jump, changed bytes."""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from langchain_core.documents import Document
from milvus_lite.server_manager import server_manager_instance
from pymilvus.grpc_gen import milvus_pb2

from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.ingest import ingest, target
from kit.milvus.lite_files import collection_folder
from kit.milvus.tenants import tenant_retriever
from tests.milvus.faults.proxy import proxy, served_lite
from tests.milvus.test_ingest import documents, once, stored_ids, vector_store

SERVER = pytest.param("server", marks=pytest.mark.long)  # each of its tests takes 5 to 20 s


@pytest.fixture(params=["lite", SERVER])
def engine(request, tmp_path, new_database):
    """The address of an engine that a proxy can stand before: a served Lite, or a server's database."""
    if request.param == "server":
        yield request.getfixturevalue("milvus_server")
        return
    with served_lite(str(tmp_path / "served.db")) as uri:
        yield uri


class Times:
    """Does something to the first calls of some methods, and passes the others on."""

    def __init__(self, times: int, methods: str, do):
        self.left, self.methods, self.do = times, methods.split(), do

    def __call__(self, method, request, forward):
        if method in self.methods and self.left > 0:
            self.left -= 1
            return self.do(request, forward)
        return forward(request)


def slowly(request, forward):
    """The answer comes after the caller has given up; what was asked is done."""
    answer = forward(request)
    time.sleep(2.5)
    return answer


def half(request, forward):
    """Half of the answer's bytes."""
    answer = forward(request)
    return answer[: len(answer) // 2]


def _name() -> str:
    return f"notes_{random.randrange(10**9)}"


@pytest.mark.parametrize("do", [slowly, half])
def test_writes_that_are_answered_too_late_or_half_are_there_once(engine, monkeypatch, do):
    monkeypatch.setattr(target, "CALL_SECONDS", 1)
    with proxy(engine, Times(3, "Upsert Insert", do)) as uri:
        store = vector_store(uri, name := _name())
        assert ingest(store, documents(60), batch_size=20).rows == 60
    assert stored_ids(vector_store(engine, name)) == once(60)


def test_half_an_answer_to_every_question_is_said_in_a_sentence(engine, monkeypatch):
    monkeypatch.setattr(target, "CALL_SECONDS", 1)
    store = vector_store(engine, name := _name())
    ingest(store, documents(5))
    with proxy(engine, Times(10**6, "Query", half)) as uri, pytest.raises(KitError) as caught:
        ingest(vector_store(uri, name), documents(9), give_up_after=2)
    assert str(caught.value).endswith(
        "stayed away for 2 s. What was stored before is kept; run the same again and it goes on from there."
    )


def other_collection(name: str):
    """Searches and queries are answered from another collection."""

    def hook(method, request, forward):
        kind = {"Search": milvus_pb2.SearchRequest, "Query": milvus_pb2.QueryRequest}.get(method)
        if kind is None:
            return forward(request)
        message = kind.FromString(request)
        message.collection_name = name
        setattr(message, *(("dsl", "") if method == "Search" else ("expr", 'pk != ""')))
        return forward(message.SerializeToString())

    return hook


def test_another_tenants_rows_are_never_given_out(engine):
    mine, others = _name(), _name()
    for name, who in ((mine, "me"), (others, "you")):
        rows = [Document(f"{who} {number}", metadata={"namespace": who}) for number in range(9)]
        ingest(vector_store(engine, name), rows)
    with proxy(engine, other_collection(others)) as uri:
        retriever = tenant_retriever(vector_store(uri, mine), "namespace", "me")
        with pytest.raises(KitError, match="met a row of another one; nothing is given out"):
            retriever.invoke("me 1")


def test_documents_that_are_answered_for_from_elsewhere_are_not_said_to_be_there(engine, monkeypatch):
    mine, others = _name(), _name()
    ingest(vector_store(engine, others), [Document("another", metadata={"year": 1})])
    ingest(vector_store(engine, mine), documents(3))
    with proxy(engine, other_collection(others)) as uri, pytest.raises(KitError, match="3 of 3 documents are missing"):
        ingest(vector_store(uri, mine), documents(3))


JUMPING = """
import pathlib, random, sys, time
from tests.milvus.test_ingest import Tiny, documents, ingest, once, stored_ids, vector_store
uri, clock, seen = sys.argv[1], pathlib.Path(sys.argv[2]), []
class Jumping(Tiny):
    def embed_documents(self, texts):
        clock.write_text(str(random.choice([-86400, -3600, 3600, 86400])))
        seen.append(time.time())
        return super().embed_documents(texts)
store = vector_store(uri)
store.embedding_func = Jumping()
assert ingest(store, documents(300), batch_size=15).rows == 300
assert ingest(store, documents(330), batch_size=15).written == 30
clock.write_text("0")
assert stored_ids(store) == once(330)
print(max(abs(b - a) for a, b in zip(seen, seen[1:])) > 3000)
"""
# The day's clock of a process, seconds ahead of the machine's by what stands in a file; its other clocks run on.
CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) {
    char text[32] = {0};
    int file = open(getenv("CLOCK_FILE"), O_RDONLY);
    if (file < 0 || read(file, text, 31) < 0) return 0;
    close(file);
    return atol(text);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    now->tv_sec = real.tv_sec, now->tv_usec = real.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *now) {
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    if (now) *now = real.tv_sec;
    return real.tv_sec;
}
"""


@pytest.mark.long
@pytest.mark.skipif(not (shutil.which("cc") and sys.platform == "linux"), reason="no C compiler, or no Linux")
def test_a_clock_that_jumps_between_batches_loses_nothing(database, tmp_path):
    (tmp_path / "clock.c").write_text(CLOCK)
    (tmp_path / "ahead").write_text("0")
    library, ahead = str(tmp_path / "clock.so"), str(tmp_path / "ahead")
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, str(tmp_path / "clock.c")], check=True)
    environment = os.environ | {"LD_PRELOAD": library, "CLOCK_FILE": ahead}
    command = [sys.executable, "-c", JUMPING, database, ahead]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.stdout == "True\n", done.stderr


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> Path:
    """A database of 2,000 documents that nothing holds."""
    path = tmp_path_factory.mktemp("pages") / "whole.db"
    ingest(vector_store(str(path)), documents(2000))
    server_manager_instance.release_server(str(path))
    return path


def flip(path: Path, at: float) -> None:
    """Change eight bytes of the data file, at a share of what stands before its footer."""
    (file,) = collection_folder(str(path), "notes").glob("partitions/*/data/*")
    data = bytearray(file.read_bytes())
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    start = 4 + int((end - 20) * at)
    data[start : start + 8] = bytes(byte ^ 0xFF for byte in data[start : start + 8])
    file.write_bytes(bytes(data))


@pytest.mark.parametrize("at", [0.2, 0.99])
def test_changed_bytes_in_a_data_file_are_named(ingested, tmp_path, at):
    path = shutil.copytree(ingested, tmp_path / "changed.db")
    flip(path, at)
    with pytest.raises(KitError, match=r"data file data_\w+\.parquet is not as it was written .*mv .*changed\.db"):
        connect(str(path))


def test_a_page_that_cannot_be_read_is_named_where_nothing_was_noted(ingested, tmp_path):
    path = shutil.copytree(ingested, tmp_path / "changed.db")
    flip(path, 0.5)
    (collection_folder(str(path), "notes") / "kit-inventory.json").unlink()
    with pytest.raises(KitError, match=r"data file data_\w+\.parquet has a page that cannot be read"):
        connect(str(path))


def test_an_index_that_a_kill_left_half_written_is_made_anew(ingested, tmp_path):
    path = shutil.copytree(ingested, tmp_path / "torn.db")
    (index,) = collection_folder(str(path), "notes").glob("partitions/*/indexes/*.flat.idx")
    index.write_bytes(index.read_bytes()[:128])
    assert vector_store(str(path)).similarity_search("note 7", k=1)[0].page_content == "note 7"
    server_manager_instance.release_server(str(path))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB of its own; needs a system that lets one be mounted."""
    (folder := tmp_path / "disk").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "kit", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


LONG = pytest.mark.long


@pytest.mark.parametrize("free", [40_000, pytest.param(250_000, marks=LONG), pytest.param(600_000, marks=LONG)])
def test_a_disk_that_is_full_in_the_middle_of_a_flush_loses_nothing(small_disk, free):
    uri = str(small_disk / "test.db")
    ingest(vector_store(uri), documents(100))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - free))
    with pytest.raises(KitError, match="The disk that holds .* is full"):
        for count in range(400, 40_000, 400):
            ingest(vector_store(uri), documents(count), batch_size=200)
    ballast.unlink()
    server_manager_instance.release_server(uri)
    store = vector_store(uri)
    assert set(once(100)) <= set(stored_ids(store))
    assert ingest(store, documents(1000)).rows >= 1000
    assert set(once(1000)) <= set(stored_ids(store)) and set(stored_ids(store).values()) == {1}


def test_a_refusal_names_no_password(monkeypatch):
    with pytest.raises(KitError) as caught:
        connect("http://me:secret-word@127.0.0.1:1")
    assert not re.search("secret-word", str(caught.value))

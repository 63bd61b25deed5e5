"""A scratch database on a server goes with the process that made it, however that ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
from pymilvus import MilvusClient

from kit.errors import KitError
from kit.milvus.schema import scratch_uri
from kit.milvus.scratch import drop_scratch_database, scratch_database
from tests.notebooks.samples import Cell, write

MAKE = """
import sys
from pymilvus import MilvusClient
from kit.milvus.scratch import scratch_database
uri = scratch_database(sys.argv[1])
MilvusClient(uri).create_collection("notes", dimension=2)
print(uri, flush=True)
sys.stdin.readline()
"""


def name_of(uri: str) -> str:
    return uri.rsplit("/", 1)[1]


def gone(server: str, name: str, within: float = 20) -> bool:
    """Whether the server has no database of that name, soon."""
    client, deadline = MilvusClient(server), time.monotonic() + within
    while name in client.list_databases():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("ending", ["orderly", signal.SIGKILL, signal.SIGTERM])
def test_it_goes_when_its_process_ends(milvus_server, ending):
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, milvus_server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name = name_of(process.stdout.readline().strip())
    assert name in MilvusClient(milvus_server).list_databases()
    if ending != "orderly":
        os.kill(process.pid, ending)
    process.communicate("\n", timeout=30)
    assert gone(milvus_server, name, within=0 if ending == "orderly" else 20)


def test_a_kernel_that_nbval_kills_leaves_none(milvus_server, tmp_path):
    cells = [Cell("import kit"), Cell("assert '/kit_' in kit.scratch_uri()")]
    notebook = write(tmp_path / "one.ipynb", cells)
    before = set(MilvusClient(milvus_server).list_databases())
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q", str(notebook)]
    environment = {**os.environ, "MILVUS_URI": milvus_server}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "2 passed" in ran.stdout, ran.stdout
    assert all(gone(milvus_server, name) for name in set(MilvusClient(milvus_server).list_databases()) - before)


def test_it_goes_at_once_when_it_is_dropped_and_another_stays(milvus_server):
    first, second = scratch_database(milvus_server), scratch_database(milvus_server)
    MilvusClient(first).create_collection("notes", dimension=2)
    drop_scratch_database(first)
    drop_scratch_database(f"{milvus_server}/default")
    left = MilvusClient(milvus_server).list_databases()
    assert (name_of(first) in left, name_of(second) in left, "default" in left) == (False, True, True)
    drop_scratch_database(second)


def test_a_database_that_the_reader_names_is_used_as_it_is_and_stays(milvus_server, monkeypatch):
    monkeypatch.setenv("MILVUS_URI", f"{milvus_server}/default")
    assert scratch_uri() == f"{milvus_server}/default"


def test_a_server_that_is_away_is_said_before_anything_waits_for_an_end():
    with pytest.raises(KitError, match=r"No Milvus server answers at http://127\.0\.0\.1:1 "):
        scratch_database("http://127.0.0.1:1")

"""A run that is killed anywhere goes on where it stopped; two runs never write into one folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from filelock import FileLock

from kit.bench.out_folder import OutFolder
from kit.models.embeddings import CACHE_BATCH
from tests.bench.beir import beir_folder

DOCUMENTS = 1500


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return beir_folder(tmp_path_factory.mktemp("beir"), DOCUMENTS)


def started(collection, out, cache) -> subprocess.Popen:
    command = [sys.executable, "-m", "kit", "bench", "run", "--dataset", str(collection), "--embeddings", "wordllama",
               "--retrievers", "dense,bm25", "--k", "20", "--extras", "none", "--out", str(out)]  # fmt: skip
    environment = os.environ | {"KIT_CACHE_DIR": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def embedded(out: OutFolder) -> int:
    lines = out.embedding_log.read_text().splitlines() if out.embedding_log.is_file() else []
    return sum(json.loads(line)["texts"] for line in lines if json.loads(line)["chunker"] == "whole")


def scored(out: OutFolder) -> dict[str, tuple]:
    """What must be equal: the run files, the per-query scores and the means of each condition."""
    return {
        row.id: (out.run(row.id).read_bytes(), out.scores(row.id).read_bytes(), row.scores) for row in out.read().rows
    }


def test_a_run_that_is_killed_twice_ends_like_one_that_was_not(collection, tmp_path):
    whole, broken = OutFolder(tmp_path / "whole"), OutFolder(tmp_path / "broken")
    process = started(collection, whole.path, tmp_path / "cache-1")
    assert process.wait(timeout=120) == 0, process.stderr.read()

    process = started(collection, broken.path, tmp_path / "cache-2")
    wait_until(lambda: embedded(broken) >= 5 * CACHE_BATCH, process)
    kill(process)
    half = embedded(broken)
    process = started(collection, broken.path, tmp_path / "cache-2")
    wait_until(lambda: embedded(broken) > half + 3 * CACHE_BATCH, process)
    kill(process)
    first = broken.read().row("milvus-lite.bm25.none.whole")
    process = started(collection, broken.path, tmp_path / "cache-2")
    assert process.wait(timeout=120) == 0

    assert half < DOCUMENTS
    assert DOCUMENTS <= embedded(broken) <= DOCUMENTS + 2 * CACHE_BATCH  # at most one batch again for each kill
    last = broken.read().row("milvus-lite.bm25.none.whole")
    assert replace(last, cost=first.cost) == first  # scored before: not repeated, but timed among the others
    assert last.cost.wait_p50_ms > 0
    assert scored(broken) == scored(whole)


def test_a_second_run_into_the_folder_says_so_and_stops(collection, tmp_path):
    out = OutFolder(tmp_path / "out")
    out.lock.parent.mkdir(parents=True)
    with FileLock(out.lock):
        process = started(collection, out.path, tmp_path / "cache")
        assert process.wait(timeout=60) == 2
    assert f"Another run writes into {out.path}. Wait until it ends, or give another --out." in process.stderr.read()


def wait_until(reached, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()

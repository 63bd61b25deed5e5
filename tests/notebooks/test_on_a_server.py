"""Every notebook, on a real Milvus server: what must agree everywhere does, and what is left out is said."""

import json
import os
import subprocess
import sys

import pytest
from pymilvus import MilvusClient

from kit.notebooks.manifest import load_manifest

NOTEBOOKS = load_manifest().notebooks
# What Milvus 2.3 cannot do, and which notebooks go on without it; anything else is a failure.
NO_FULL_TEXT = {"06_benchmark.ipynb", "10_full_text_and_hybrid.ipynb", "14_grow_up.ipynb"}
NO_HYBRID = {"15_guard_your_store.ipynb"}


@pytest.fixture(scope="module")
def tour(milvus_server, tmp_path_factory):
    """`kit tour --uri` as JSON, and the databases that were there before and after it."""
    out = tmp_path_factory.mktemp("tour") / "report"
    command = [sys.executable, "-m", "kit", "tour", "--json", "--uri", milvus_server, "--out", str(out)]
    client = MilvusClient(milvus_server)
    before = client.list_databases()
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout) | {"databases": (before, client.list_databases())}


@pytest.mark.parametrize("stem", [notebook.stem for notebook in NOTEBOOKS])
def test_a_notebook_comes_out_on_a_server_as_it_is_stored(tour, stem):
    (found,) = [one for one in tour["notebooks"] if one["file"] == f"{stem}.ipynb"]
    if found["unmet"]:
        pytest.skip("; ".join(found["unmet"]))
    assert (found["verdict"], found["mismatches"]) == ("ok", []), found["words"]


def test_retrieval_is_as_good_on_a_server(tour):
    wrong = [score for score in tour["scores"] if score["verdict"] not in ("same", "better")]
    assert tour["scores"] and not wrong


def test_what_the_server_cannot_do_is_skipped_with_that_reason_and_nothing_else_is(tour, own_server):
    skipped = {one["file"]: [part["words"] for part in one["skipped"]] for one in tour["notebooks"] if one["skipped"]}
    assert set(skipped) == NO_FULL_TEXT | NO_HYBRID
    for words in [line for lines in skipped.values() for line in lines]:
        assert words.startswith("SKIPPED ") and "milvus-2.3.5" in words
        assert "full text search" in words.replace("-", " ") or "hybrid search" in words


def test_no_database_of_a_notebook_is_left(tour):
    before, after = tour["databases"]
    assert set(after) == set(before)

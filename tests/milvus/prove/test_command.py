"""`kit prove`: what is printed, what a script shows to others, what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest
from milvus_lite.server_manager import server_manager_instance
from pymilvus import DataType, Function, FunctionType, MilvusClient
from typer.testing import CliRunner

from kit.__main__ import app
from kit.errors import KitError
from kit.milvus.connection import connect, open_client
from kit.milvus.prove.run import prove_collection
from tests.milvus.faults.proxy import proxy, served_lite
from tests.milvus.prove.faults import PLANTED
from tests.milvus.prove.rows import WORDS, notes


def run(*arguments: str):
    return CliRunner().invoke(app, ["prove", *arguments])


def make(uri: str, index: str = "FLAT", rows: int = 300) -> None:
    """A database that nothing holds open."""
    client = open_client(connect(uri))
    notes(client, index=index, rows=rows)
    client.close()
    server_manager_instance.release_server(uri)


def alone(script: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The script, run by somebody who has pymilvus and no kit."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-I", script.name, *arguments],
        cwd=script.parent, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def test_what_holds_is_listed_and_exit_is_0(uri):
    make(uri)
    result = run(uri)
    assert result.exit_code == 0, result.output
    assert "notes: 300 rows on milvus-lite-" in result.output
    assert "broken" not in result.output


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> str:
    """A database with a graph index, in which searches under a filter miss rows."""
    uri = str(tmp_path_factory.mktemp("graph") / "test.db")
    make(uri, index="HNSW", rows=2000)
    return uri


def test_a_graph_index_that_misses_rows_under_a_filter_is_shown_to_others_by_a_script(graph, tmp_path):
    result = run(graph, "notes", "--reload", "no", "--script", str(tmp_path / "broken.py"))
    assert result.exit_code == 1
    assert "the hits are the nearest rows" in result.output and "wanted 0.95" in result.output
    assert "broken.py shows it by itself, with" in result.output
    script = (tmp_path / "broken.py").read_text()
    assert "import kit" not in script and "from kit" not in script
    shown = alone(tmp_path / "broken.py")
    assert (shown.returncode, "are no hits" in shown.stdout) == (1, True), shown.stderr


def test_what_does_not_show_on_a_copy_is_asked_of_the_collection_itself(uri, tmp_path):
    make(uri)
    hook, _ = PLANTED["count(*) counts a row too many (milvus 28434, 37789)"]
    with served_lite(uri) as engine, proxy(engine, hook()) as faulty:
        MilvusClient(engine).load_collection("notes")
        result = run(faulty, "notes", "--script", str(tmp_path / "broken.py"))
        assert result.exit_code == 1 and "on the collection itself" in result.output
        assert alone(tmp_path / "broken.py").stdout.startswith("count 301, scan 300")
        healthy = alone(tmp_path / "broken.py", engine)
        assert (healthy.returncode, healthy.stdout) == (0, "It holds here.\n")


def test_json_has_each_outcome_and_the_calls_of_a_failing_case(graph):
    (proof,) = json.loads(run(graph, "--json", "--reload", "no").output)
    broken = {one["relation"]: one for one in proof["outcomes"] if one["status"] == "broken"}
    missing = broken["the hits are the nearest rows"]
    assert missing["share"] < missing["least"] == 0.95
    assert missing["failure"]["case"][1]["hits"][0] == "search"


def test_nothing_is_written(uri):
    make(uri)
    before = {path: path.read_bytes() for path in Path(uri).rglob("*") if path.is_file() and path.name != "LOCK"}
    assert run(uri).exit_code == 0
    server_manager_instance.release_server(uri)
    after = {path: path.read_bytes() for path in Path(uri).rglob("*") if path.is_file() and path.name != "LOCK"}
    assert {path.name for path in before if before[path] != after.get(path)} == set()


def test_a_database_that_is_not_there_is_not_made(uri):
    with pytest.raises(KitError, match="does not exist"):
        raise run(uri).exception
    assert not Path(uri).exists()


def test_a_collection_that_is_not_there_is_said(uri):
    make(uri)
    with pytest.raises(KitError, match='There is no collection "nots"; wanted: one of: notes'):
        raise run(uri, "nots").exception


@pytest.mark.long
def test_a_collection_that_is_not_loaded_is_left_so(new_database):
    uri = new_database("server")
    client = open_client(connect(uri))
    notes(client, rows=10, flush=False)
    client.release_collection("notes")
    with pytest.raises(KitError, match="is not loaded .* Load it first"):
        prove_collection(client, "notes", uri)
    assert client.get_load_state("notes")["state"].name == "NotLoad"


@pytest.mark.long
def test_rows_that_are_there_twice_are_counted_once_by_some_and_twice_by_others(new_database):
    uri = new_database("server")
    client = open_client(connect(uri))
    notes(client, rows=20, flush=False)
    client.insert("notes", [{"id": 3, "vector": [0.0] * 16, "year": 1, "tenant": "t1"}])
    broken = {outcome.relation for outcome in prove_collection(client, "notes", uri).broken}
    assert "every way of counting agrees" in broken


def test_what_lite_does_with_full_text_under_filters_and_with_counts_of_partitions_is_noticed(uri):
    client = open_client(connect(uri))
    schema = client.create_schema(auto_id=True, enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=200, enable_analyzer=True)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    bm25 = {"function_type": FunctionType.BM25, "input_field_names": ["text"], "output_field_names": ["sparse"]}
    schema.add_function(Function(name="bm25", **bm25))
    params = client.prepare_index_params()
    params.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    client.create_collection("texts", schema=schema, index_params=params)
    client.create_partition("texts", "old")
    rows = [{"text": " ".join(WORDS[number % 7 : number % 7 + 4]), "n": number} for number in range(60)]
    client.insert("texts", rows[:40])
    client.insert("texts", rows[40:], partition_name="old")
    proof = prove_collection(client, "texts", uri, lite=True)
    assert {outcome.relation: outcome.failure.words for outcome in proof.broken} == {
        "the partitions hold the rows": "the partitions hold 120 rows, the collection 60",
        "a stricter filter's hits lie within a looser one's": ANY,  # BM25's scores depend on the filter
    }

"""A database to work in: opened or explained, with an index that loses nothing, and told as it really is."""

import os
import subprocess
import sys
import zlib
from concurrent import futures

import grpc
import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_milvus import Milvus
from milvus_lite.server_manager import server_manager_instance
from pymilvus import MilvusClient

from kit.errors import KitError
from kit.milvus.connection import ConnectionArgs, connect, is_lite
from kit.milvus.schema import describe, index_params, scratch_uri


class Directions(Embeddings):
    """A text that is a number becomes the unit vector in that direction, in degrees."""

    def embed_documents(self, texts):
        return [[float(np.cos(np.deg2rad(float(t)))), float(np.sin(np.deg2rad(float(t))))] for t in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def documents(*texts, **metadata):
    return [Document(text, metadata=metadata) for text in texts]


def stored(uri, docs, **options):
    options = {"connection_args": connect(uri), "index_params": index_params(uri)} | options
    return Milvus.from_documents(docs, Directions(), **options)


def test_a_scratch_database_opens_and_is_new_each_time():
    first, second = scratch_uri(), scratch_uri()
    assert first != second
    assert is_lite(connect(first)["uri"])


def test_connect_without_an_address_says_where_to_give_one():
    with pytest.raises(KitError, match="Give a path that ends in .db, or set MILVUS_URI"):
        connect()


def test_a_token_goes_to_a_server_only_and_is_never_shown(uri, monkeypatch):
    monkeypatch.setenv("MILVUS_TOKEN", "root:hunter2")
    assert "token" not in connect(uri)

    shown = repr(ConnectionArgs(uri="https://me:hunter2@host/db", token="root:hunter2"))
    assert shown == "{'uri': 'https://host/db', 'token': '…'}"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(KitError, match=r"its folder .*nowhere does not exist\. Make it, or mend the path"):
        connect(str(tmp_path / "nowhere" / "my.db"))


def test_a_database_of_lite_2_is_recognised_and_kept(tmp_path):
    old = tmp_path / "old.db"
    old.write_bytes(b"SQLite format 3\x00" + bytes(100))
    with pytest.raises(KitError, match="was written by Milvus Lite 2.x, which this version cannot read"):
        connect(str(old))
    assert old.read_bytes().startswith(b"SQLite format 3")


def test_a_file_of_another_kind_is_not_taken_for_a_database(tmp_path):
    (tmp_path / "note.db").write_text("hello")
    with pytest.raises(KitError, match="is a file of another kind; a Milvus Lite database is a folder"):
        connect(str(tmp_path / "note.db"))


def test_a_locked_database_names_the_process_that_holds_it(uri):
    code = "import sys, kit; kit.connect(sys.argv[1]); print('open', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(KitError, match=rf"is held by process {holder.pid} \(.*python.*\)\. Stop it"):
        connect(uri)
    holder.communicate("\n", timeout=30)
    assert connect(uri)["uri"] == uri


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(KitError, match="cannot be written: no permission"):
        connect(str(tmp_path / "my.db"))


def test_a_server_that_does_not_answer_is_said_with_the_ways_out():
    with pytest.raises(KitError, match=r"No Milvus server answers at http://127\.0\.0\.1:1 .* unset MILVUS_URI"):
        connect("http://me:hunter2@127.0.0.1:1")


@pytest.mark.parametrize("address", ["http://127.0.0.1:abc", "http://127.0.0.1:99999", "http://[::1", "localhost"])
def test_what_is_no_address_is_a_sentence(address):
    with pytest.raises(
        KitError,
        match="is no address of a Milvus; wanted: a local path that ends in .db, or an address like http://localhost",
    ):
        connect(address)


def test_a_server_on_this_machine_is_reached_without_the_proxy(milvus_server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_grpc_proxy", "")
    assert connect(milvus_server) == {"uri": milvus_server}
    with pytest.raises(KitError, match=r"\(http_proxy is set: name the host in no_proxy if it is reached directly\)"):
        connect("http://127.0.0.1:1")


@pytest.fixture
def server_that_refuses():
    """A gRPC server that refuses every call as Milvus does when the log-in is wrong."""

    class Refuse(grpc.ServerInterceptor):
        def intercept_service(self, continuation, details):
            def refuse(_request, context):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check api key is correct")

            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(futures.ThreadPoolExecutor(2), interceptors=[Refuse()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize(("token", "found"), [("root:wrong", "is wrong"), ("", "is not set")])
def test_a_refused_log_in_is_about_the_token_and_does_not_show_it(server_that_refuses, monkeypatch, token, found):
    monkeypatch.setenv("MILVUS_TOKEN", token)
    with pytest.raises(KitError, match=f"refused the log-in: MILVUS_TOKEN {found}") as error:
        connect(server_that_refuses)
    assert "root:wrong" not in str(error.value)


def test_the_default_index_is_exact_on_lite_and_the_servers_own_on_a_server():
    assert index_params("my.db") == {"index_type": "FLAT", "metric_type": "COSINE", "params": {}}
    assert index_params("http://localhost:19530", metric="L2")["index_type"] == "AUTOINDEX"


def test_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(KitError, match="The metric is 'cosine'; wanted: COSINE, IP, L2"):
        index_params("my.db", metric="cosine")


class Scattered(Embeddings):
    """A text becomes a random direction in 32 dimensions, always the same one."""

    def embed_documents(self, texts):
        return [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(32).tolist() for t in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


@pytest.mark.parametrize(("index", "loses"), [({"index_type": "AUTOINDEX"}, True), ({"index_type": "FLAT"}, False)])
def test_under_a_filter_the_index_of_langchain_loses_rows_and_the_kits_does_not(uri, index, loses):
    tenants = [Document(f"note {i}", metadata={"tenant": i % 100}) for i in range(1000)]
    index_of = {"metric_type": "COSINE", "params": {}} | index
    given = {"connection_args": connect(uri), "index_params": index_of}
    Milvus.from_documents(tenants, Scattered(), **given).client.close()
    server_manager_instance.release_server(uri)  # as the end of a process does; Lite builds the index on closing
    vector_store = Milvus(Scattered(), **given)
    found = [len(vector_store.similarity_search("a question", k=5, expr=f"tenant == {t}")) for t in range(20)]
    assert (found != [5] * 20) is loses


def test_describe_tells_the_schema_as_the_engine_has_it(database):
    vector_store = stored(database, documents("0", "90", namespace="a"))
    told = describe(vector_store)["value"]
    assert told["engine"].startswith("milvus-lite-3." if is_lite(database) else "milvus-")
    assert (told["rows"], told["auto_id"], told["dynamic field"]) == (2, True, False)
    assert told["index on vector"] == f"{'FLAT' if is_lite(database) else 'AUTOINDEX'}, COSINE"
    assert told["fields"].split(", ")[0] == "text: VARCHAR(65535)"
    assert "vector: FLOAT_VECTOR(2)" in told["fields"]


@pytest.mark.parametrize(
    ("options", "partition_key"),
    [
        ({"partition_key_field": "namespace"}, "none"),  # what the docs page writes
        ({"partition_key_field": "namespace", "enable_dynamic_field": True}, "namespace"),
    ],
)
def test_describe_shows_whether_a_partition_key_was_really_made(database, options, partition_key):
    told = describe(stored(database, documents("0", namespace="a"), **options))["value"]
    assert told["partition key"] == partition_key
    assert told["partitions"] == (1 if partition_key == "none" else 16 if is_lite(database) else 64)


def test_a_collection_that_does_not_exist_is_said_not_to(database):
    vector_store = Milvus(Directions(), connection_args=connect(database), collection_name="nothing")
    assert describe(vector_store)["value"]["collection"] == "nothing (does not exist)"


def test_describe_agrees_with_the_client_on_the_rows(database):
    vector_store = stored(database, documents(*map(str, range(50))))
    client = MilvusClient(database)
    assert describe(vector_store)["value"]["rows"] == len(client.query(vector_store.collection_name, filter="pk > 0"))


def test_what_milvus_lite_lacks_is_not_logged_where_logging_is_configured(tmp_path):
    code = (
        "import logging; logging.basicConfig(); import kit\n"
        "from langchain_core.embeddings import FakeEmbeddings; from langchain_milvus import Milvus\n"
        "options = {'connection_args': kit.connect('a.db'), 'index_params': kit.index_params('a.db')}\n"
        "Milvus.from_texts(['text'], FakeEmbeddings(size=4), **options)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, "Method not implemented" in ran.stderr) == (0, False), ran.stderr

"""Another writer's rows are no damage, and nothing of anybody's is lost when several write at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_milvus import Milvus
from pymilvus import DataType, MilvusClient

from kit.errors import KitError
from kit.milvus.connection import connect, is_lite
from kit.milvus.filters import field
from kit.milvus.ingest import ingest
from kit.milvus.schema import index_params
from kit.server import servers
from tests.milvus.test_ingest import Tiny, documents, stored_ids, vector_store


class Meanwhile(Tiny):
    """Does something else whenever it is asked for vectors."""

    def __init__(self, do):
        self.do = do

    def embed_documents(self, texts):
        self.do()
        return super().embed_documents(texts)


def test_a_row_that_the_application_adds_meanwhile_is_kept_and_counted_and_no_damage(uri):
    ingest(app := vector_store(uri), documents(1))
    writing = vector_store(uri)
    writing.embedding_func = Meanwhile(lambda: app.upsert(["app"], [Document("of the app", metadata={"year": 1})]))
    done = ingest(writing, documents(6))
    assert (done.written, done.rows, done.others) == (5, 7, 1)
    connect(uri)


def test_a_row_that_the_application_deletes_meanwhile_is_no_damage(uri):
    app = vector_store(uri)
    ingest(app, documents(3), ids=["a", "b", "c"])
    writing = vector_store(uri)
    writing.embedding_func = Meanwhile(lambda: app.delete(ids=["a"]))
    assert ingest(writing, documents(9)).others == -1
    connect(uri)


def test_threads_that_share_a_store_write_all_their_documents(database):
    store = vector_store(database)
    with ThreadPoolExecutor(4) as pool:
        given = [[Document(f"thread {j}, {i}", metadata={"year": i}) for i in range(50)] for j in range(4)]
        assert [done.written for done in pool.map(lambda docs: ingest(store, docs), given)] == [50] * 4
    assert len(stored_ids(store)) == sum(stored_ids(store).values()) == 200


def test_threads_with_stores_of_their_own_write_all_their_documents(database):
    with ThreadPoolExecutor(4) as pool:
        given = [[Document(f"thread {j}, {i}", metadata={"year": i}) for i in range(50)] for j in range(4)]
        list(pool.map(lambda docs: ingest(vector_store(database), docs, batch_size=10), given))
    assert sum(stored_ids(vector_store(database)).values()) == 200


PROCESS = """
import sys
from langchain_core.documents import Document
from kit.milvus.filters import field
from kit.milvus.ingest import ingest
from tests.milvus.test_ingest import vector_store
name = sys.argv[2]
docs = [Document(f"process {name}, {i}", metadata={"year": i}) for i in range(60)]
print(ingest(vector_store(sys.argv[1]), docs, batch_size=10).written)
"""


@pytest.mark.parametrize("engine", ["served lite", "server"])
def test_two_processes_that_both_make_the_collection_write_all_their_documents(engine, request, tmp_path, new_database):
    if engine == "server":
        write_in_two_processes(new_database("server"))
    else:
        with servers.running(lite=tmp_path / "my.db") as running:
            write_in_two_processes(running.uri)


def write_in_two_processes(uri: str) -> None:
    command = [sys.executable, "-c", PROCESS, uri]
    both = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in "ab"]
    assert [process.communicate(timeout=120)[0] for process in both] == [b"60\n"] * 2
    assert sum(stored_ids(vector_store(uri)).values()) == 120


# Checked before the first write


def test_the_501st_document_is_told_before_the_first_is_written(database):
    store = vector_store(database)
    with pytest.raises(KitError, match=r"Document 501 of 501 \(''\) is blank"):
        ingest(store, [*documents(500), Document("", metadata={"year": 1})])
    assert not store.client.has_collection("notes")


@pytest.mark.parametrize(
    ("tags", "said"),
    [(["a", "b", "c"], "a list of 3 values; wanted 2 at most"), (["a" * 9], "a list that holds a text of 9 bytes"),
     ([1], r"a list that holds 1 \(int\); wanted a text"), ("a", "wanted a list")],
)  # fmt: skip
def test_an_array_over_its_capacity_or_of_other_members_is_told(database, tags, said):
    kind = {"dtype": DataType.ARRAY, "element_type": DataType.VARCHAR, "max_capacity": 2, "max_length": 8}
    store = vector_store(database, metadata_schema={"tags": kind})
    bad = [Document("a", metadata={"tags": ["x"]}), Document("b", metadata={"tags": tags})]
    with pytest.raises(KitError, match=rf"Document 2 of 2 \('b'\) has as 'tags' .*{said}"):
        ingest(store, bad)
    if "bytes" in said:
        return  # Lite does not keep the length of members
    ingest(store, bad[:1])  # and the same once the engine knows the field
    with pytest.raises(KitError, match=f"has as 'tags' .*{said}"):
        ingest(store, bad)


@pytest.mark.parametrize(("free", "refused"), [("enable_dynamic_field", True), ("metadata_field", False)])
def test_a_key_that_breaks_searches_on_a_server_is_refused_and_kept_where_a_filter_can_name_it(database, free, refused):
    """A dynamic key `file-name` is stored by a server, and then no search of LangChain's works: it asks for it."""
    store = vector_store(database, **{free: True if refused else "meta"})
    docs = [Document("a", metadata={"file-name": "x"}), Document("b", metadata={"file-name": "y"})]
    if refused:
        with pytest.raises(
            KitError, match=r"Document 1 of 2 \('a'\) has the metadata key 'file-name', which no filter"
        ):
            ingest(store, docs)
    else:
        ingest(store, docs)
        hits = store.similarity_search("a", expr=str(field("meta")["file-name"] == "y"))
        assert [hit.page_content for hit in hits] == ["b"]


def test_an_edited_document_replaces_the_one_of_its_id(database):
    store = vector_store(database)
    ingest(store, [Document("old", id="1"), Document("without")])
    assert ingest(store, [Document("new", id="1")]).rows == 2
    assert stored_ids(store)["1"] == 1
    assert sorted(hit.page_content for hit in store.similarity_search("x")) == ["new", "without"]


@pytest.mark.parametrize("name", ["my-notes", "1st", "a b", "é", "x" * 256])
def test_a_name_that_a_server_refuses_is_refused_on_lite_too(uri, name):
    with pytest.raises(KitError, match="A Milvus server takes no collection of the name"):
        ingest(vector_store(uri, name), documents(1))


def test_a_path_is_an_address(tmp_path):
    path = tmp_path / "my.db"
    store = Milvus(Tiny(), connection_args=connect(path), index_params=index_params(path), auto_id=False)
    assert ingest(store, documents(2)).rows == 2
    assert is_lite(Path("my.db")) and index_params(path)["index_type"] == "FLAT"


def test_nothing_is_printed_on_success(tmp_path):
    """Not even the traceback of Lite's server for a call that it lacks."""
    code = PROCESS.replace("print(", "(")
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.db"), "a"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_client_of_the_database_still_works_afterwards(uri):
    ingest(vector_store(uri), documents(2))
    assert MilvusClient(uri).list_collections() == ["notes"]

"""Each document is there once, whatever happens while it is written, and what is lost is said."""

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from threading import Timer

import filelock  # noqa: F401 - imported late by kit.milvus.schema, as is psutil
import numpy as np
import psutil  # noqa: F401
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_milvus import Milvus
from pymilvus import MilvusClient, MilvusException

from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.ingest import Ingested, content_id, ingest
from kit.milvus.lite_files import collection_folder
from kit.milvus.require import require
from kit.milvus.schema import index_params, scratch_uri
from kit.milvus.tenants import tenant_retriever
from kit.server import package as server_files
from kit.server import servers as server

KILLS = 30


class Tiny(Embeddings):
    """A text becomes a direction in 4 dimensions, always the same one; how many were asked for is counted."""

    asked = 0

    def embed_documents(self, texts):
        Tiny.asked += len(texts)
        return [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(4).tolist() for t in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def documents(count: int) -> list[Document]:
    return [Document(f"note {number}", metadata={"year": 2000 + number % 20}) for number in range(count)]


def vector_store(uri: str, collection: str = "notes", **options) -> Milvus:
    options = {"auto_id": False, "consistency_level": "Strong"} | options
    return Milvus(
        Tiny(), collection_name=collection, connection_args=connect(uri), index_params=index_params(uri), **options
    )


def stored_ids(store: Milvus) -> Counter:
    """Each primary key and how often it is there, read row by row."""
    rows = store.client.query_iterator(
        store.collection_name, batch_size=1000, output_fields=["pk"], consistency_level="Strong"
    )
    found = Counter()
    while batch := rows.next():
        found.update(row["pk"] for row in batch)
    return found


def once(count: int) -> dict:
    return dict.fromkeys(map(content_id, documents(count)), 1)


# What ingest promises


def test_documents_are_stored_under_the_hash_of_their_content_and_found(database):
    store = vector_store(database)
    assert ingest(store, documents(10)) == Ingested(documents=10, written=10, there=0, rows=10)
    assert stored_ids(store) == once(10)
    assert store.similarity_search("note 3", k=1)[0].page_content == "note 3"


def test_the_same_documents_again_are_neither_embedded_nor_written(database):
    ingest(store := vector_store(database), documents(10))
    before = Tiny.asked
    assert ingest(store, documents(10) * 2) == Ingested(documents=10, written=0, there=10, rows=10)
    assert Tiny.asked == before


def test_metadata_is_content_too():
    first, second = Document("a", metadata={"year": 1}), Document("a", metadata={"year": 2})
    assert content_id(first) != content_id(second)
    assert content_id(Document("a", metadata={"x": 1, "y": 2})) == content_id(Document("a", metadata={"y": 2, "x": 1}))


def test_with_own_ids_a_document_replaces_the_row_of_its_id(database):
    store = vector_store(database)
    ingest(store, [Document("old"), Document("kept")], ids=["1", "2"])
    assert ingest(store, [Document("new")], ids=["1"]) == Ingested(documents=1, written=1, there=0, rows=2)
    assert sorted(d.page_content for d in store.similarity_search("x", k=9)) == ["kept", "new"]
    connect(database)  # and the inventory agrees


@pytest.mark.parametrize(
    ("docs", "ids", "said"),
    [
        ([Document("a", metadata={"year": 1}), Document("b")], None, "Document 2 of 2 ('b') lacks the metadata 'year'"),
        ([Document("a"), Document("b", metadata={"x": 1})], None, "'x', for which the collection has no field"),
        ([Document("a", metadata={"pk": 1})], None, "has the metadata 'pk', which Milvus uses itself"),
        ([Document("a", metadata={"year": None})], None, "has None as 'year'"),
        ([Document("a", metadata={"at": object()})], None, "has no content id"),
        ([Document("a", metadata={"l": ["x"]})], None, "has as 'l' ['x'] (list), for which LangChain makes no field"),
        (
            [Document("a", metadata={"i": 1}), Document("b", metadata={"i": 1.5})],
            None,
            "1.5 (float); wanted an integer",
        ),
        (
            [Document("a", metadata={"i": 1}), Document("b", metadata={"i": True})],
            None,
            "True (bool); wanted an integer",
        ),
        (
            [Document("a", metadata={"s": "x"}), Document("b", metadata={"s": 2})],
            None,
            "has as 's' 2 (int); wanted a text",
        ),
        ([Document("a", metadata={"i": np.int64(1)})], ["1"], "has as 'i' np.int64(1) (numpy.int64)"),
        ([Document("a", metadata={"i": 2**63})], None, "wanted an integer of 64 bits"),
        ([Document("x" * 65_536)], None, "a text of 65,536 bytes; wanted 65,535 at most"),
        ([Document("a", metadata={"s": "ä" * 32_768})], None, "has as 's' a text of 65,536 bytes"),
        ([Document("half \ud800")], ["1"], "a text with half a surrogate pair"),
        ([Document("a", metadata={"$meta": 1})], None, "has the metadata '$meta', which Milvus uses itself"),
        (["no document"], None, "Document 1 is a str; wanted: LangChain documents"),
        ([Document("a")], "1", "The ids are one text; wanted: a list of ids, one for each document"),
        ([Document("a")], ["1", "2"], "There are 2 ids; wanted: one for each of the 1 documents"),
        ([Document("a")], [7], "Document 1 of 1 has the id 7; wanted: texts of 1 to 65535 bytes as ids"),
        ([Document("a"), Document(" \n")], None, "Document 2 of 2 (' \\n') is blank"),
        ([Document("a", metadata={"file-name": 1})], None, "the metadata key 'file-name', which no filter can name"),
        ([Document("a", metadata={"d": {"n": [2**70]}})], None, "(int); wanted integers of 64 bits"),
        ([Document("a", metadata={"d": {"n": float("nan")}})], None, "which is no JSON"),
        ([Document("a"), Document("b")], ["1", "1"], "The id '1' stands for two different documents"),
    ],
)
def test_what_milvus_would_refuse_half_way_or_drop_is_refused_before(database, docs, ids, said):
    store = vector_store(database)
    with pytest.raises(KitError) as error:
        ingest(store, docs, ids)
    assert said in str(error.value)
    assert not store.client.has_collection("notes")


def test_a_collection_with_ids_made_by_milvus_is_refused(database):
    Milvus.from_documents(documents(1), Tiny(), connection_args=connect(database), collection_name="notes")
    with pytest.raises(KitError, match=r'wants own text ids; "notes" has pk: INT64, made by Milvus'):
        ingest(vector_store(database), documents(1))


def test_a_dynamic_field_takes_documents_with_different_keys(database):
    store = vector_store(database, enable_dynamic_field=True)
    assert ingest(store, [Document("a", metadata={"x": 1}), Document("b", metadata={"y": "z"})]).rows == 2


def test_nothing_to_ingest_is_no_error(database):
    assert ingest(vector_store(database), []) == Ingested(0, 0, 0, 0)


def test_progress_is_shown_on_a_terminal_only(database, capfd):
    ingest(vector_store(database), documents(3))
    assert capfd.readouterr() == ("", "")


# Killed with -9, and run again


def ingest_in_a_process(uri: str, count: int, batch_size: int, begins) -> None:
    store = vector_store(uri)
    begins.send(True)
    ingest(store, documents(count), batch_size=batch_size)


@pytest.fixture(scope="module")
def processes():
    """Processes that have imported everything already, so that a kill falls into the ingest."""
    context = multiprocessing.get_context("forkserver")
    modules = "langchain_milvus milvus_lite.adapter.grpc.server milvus_lite.server_manager pyarrow.parquet pytest"
    context.set_forkserver_preload([*modules.split(), "kit.server.servers", "kit.milvus.schema"])
    return context


def kill_or_finish(processes, uri: str, count: int, batch_size: int, after: float, target=ingest_in_a_process) -> bool:
    """Ingest in a process of its own and kill it after that many seconds; False when it was faster than that."""
    begun, begins = processes.Pipe(duplex=False)
    process = processes.Process(target=target, args=(uri, count, batch_size, begins))
    process.start()
    begins.close()
    assert begun.poll(60) and begun.recv()
    process.join(after)
    process.kill()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def kill_in_rounds(processes, databases, count: int, longest: float, seed: int) -> int:
    """Ten kills at random moments, then a run to the end, in a new database each time; how many kills there were."""
    draw, kills = random.Random(seed), 0
    for uri in databases:
        for _ in range(10):
            kills += kill_or_finish(processes, uri, count, 20, after=draw.uniform(0, longest))
        assert not kill_or_finish(processes, uri, count, 20, after=60)
        assert stored_ids(vector_store(uri)) == once(count)
    return kills


def test_killed_at_random_points_on_lite_every_document_is_there_once(processes, tmp_path):
    databases = [str(tmp_path / f"{number}.db") for number in range(4)]
    assert kill_in_rounds(processes, databases, count=2000, longest=0.4, seed=5) >= KILLS


def test_killed_at_random_points_on_a_server_every_document_is_there_once(processes, new_database):
    databases = [new_database("server") for _ in range(4)]
    assert kill_in_rounds(processes, databases, count=800, longest=0.6, seed=6) >= KILLS


def test_a_server_that_goes_away_in_the_middle_is_waited_for(tmp_path, own_server, monkeypatch):
    monkeypatch.setattr(server_files, "SESSION_SECONDS", 3)  # the killed one is forgotten sooner
    seen = []

    class Slow(Tiny):
        """Stops the server before the third batch, and starts it again a little later."""

        def embed_documents(self, texts):
            seen.append(len(texts))
            if len(seen) == 3:
                server.stop_server(running)
                Timer(2, lambda: server.start_server(tmp_path / "data", port=port, owned=True)).start()
            return super().embed_documents(texts)

    running = server.start_server(tmp_path / "data", owned=True)
    port = int(running.uri.rsplit(":", 1)[1])
    try:
        store = vector_store(running.uri)
        store.embedding_func = Slow()
        assert ingest(store, documents(200), batch_size=40).rows == 200
        assert stored_ids(store) == once(200)
    finally:
        for one in server.servers():
            if one.uri == running.uri:
                server.stop_server(one)


def test_a_server_that_stays_away_is_said_with_how_to_go_on(own_server):
    with server.running() as running:
        store = vector_store(running.uri)
        ingest(store, documents(5))
    with pytest.raises(KitError, match=r"stayed away for 3 s\. What was stored before is kept; run the same again"):
        ingest(store, documents(10), give_up_after=3)


# What is lost is said


def ingested_elsewhere(processes, uri: str, count: int = 50) -> Path:
    """A database that no process holds, and its collection's folder."""
    assert not kill_or_finish(processes, uri, count, 50, after=60)
    return collection_folder(uri, "notes")


def cut(file: Path, share: float) -> None:
    with file.open("r+b") as opened:
        opened.truncate(int(file.stat().st_size * share))


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


DAMAGES = {
    "data file missing": (lambda f: one(f, "partitions/*/data/*").unlink(), r"the data file .*\.parquet is missing"),
    "data file cut": (lambda f: cut(one(f, "partitions/*/data/*"), 0.5), r"the data file .*\.parquet cannot be read"),
    "manifest broken": (lambda f: cut(f / "manifest.json", 0.5), "manifest.json cannot be read"),
    "manifest missing": (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
    "manifest and its copy missing": (
        lambda f: [file.unlink() for file in f.glob("manifest.json*")],
        "manifest.json is missing",
    ),
    "manifest of before": (
        lambda f: shutil.copy(f / "manifest.json.prev", f / "manifest.json"),
        r"the last \d+ of \d+ writes are lost",
    ),
    "schema missing": (lambda f: (f / "schema.json").unlink(), "schema.json is missing"),
    "inventory broken": (lambda f: cut(f / "kit-inventory.json", 0.5), "kit-inventory.json cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_refused_with_what_is_lost_and_the_way_to_rebuild(processes, uri, damage):
    folder = ingested_elsewhere(processes, uri)
    do, said = DAMAGES[damage]
    do(folder)
    files = sorted(folder.rglob("*"))
    with pytest.raises(KitError, match=rf'is damaged: in its collection "notes" .*{said}.*mv .*test\.db .*\.damaged'):
        connect(uri)
    assert sorted(folder.rglob("*")) == files  # the engine deletes what it does not know; it was not let near
    shutil.move(uri, f"{uri}.damaged")
    assert ingest(vector_store(uri), documents(50)).rows == 50  # in the same process, as the sentence says


def test_other_rows_than_those_ingested_are_found_by_their_hash(processes, uri):
    folder = ingested_elsewhere(processes, uri)
    inventory = json.loads((folder / "kit-inventory.json").read_text())
    inventory["inventory"]["content"] = "0" * 64
    (folder / "kit-inventory.json").write_text(json.dumps(inventory))
    with pytest.raises(KitError, match="the 50 rows are not those that were ingested"):
        connect(uri)


def log_only(uri: str, written) -> None:
    ingest(vector_store(uri), documents(50), flush=False)
    written.send(True)
    os.kill(os.getpid(), signal.SIGKILL)  # or its end would write the log to a data file


def test_a_cut_log_is_told_by_the_writes_that_it_lacks(processes, uri):
    reader, writer = processes.Pipe(duplex=False)
    process = processes.Process(target=log_only, args=(uri, writer))
    process.start()
    assert reader.poll(60) and reader.recv()
    process.join(60)
    cut(one(collection_folder(uri, "notes"), "wal/wal_data_*"), 0.7)
    with pytest.raises(KitError, match=r"the last \d+ of \d+ writes are lost"):
        connect(uri)


def test_a_flush_that_was_killed_between_two_steps_does_not_double_the_rows(processes, uri):
    _reader, writer = processes.Pipe(duplex=False)
    process = processes.Process(target=log_only, args=(uri, writer))
    process.start()
    process.join(60)
    log = one(folder := collection_folder(uri, "notes"), "wal/wal_data_*")
    copy = shutil.copy(log, folder.parents[2] / log.name)
    ingested_elsewhere(processes, uri)  # writes the log's rows to a data file and removes the log
    assert not log.exists()
    shutil.copy(copy, log)  # as if it had been killed before the removal
    client = MilvusClient(uri)
    assert client.query("notes", filter="", output_fields=["count(*)"])[0]["count(*)"] == 100  # left to the engine
    connect(uri)
    assert client.query("notes", filter="", output_fields=["count(*)"])[0]["count(*)"] == 50
    assert stored_ids(vector_store(uri)) == once(50)


def test_rows_changed_by_other_code_are_no_damage(uri):
    store = vector_store(uri)
    ingest(store, documents(20))
    store.delete(ids=[content_id(documents(1)[0])])
    connect(uri)
    assert ingest(store, documents(20)).written == 1
    store.client.drop_collection("notes")
    connect(uri)


# Where nothing can be written


def fill_the_disk(uri: str, said) -> None:
    """A limit on the size of a file stands for a full disk: a write fails in its middle."""
    store = vector_store(uri)
    ingest(store, documents(100))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        ingest(store, documents(3000))
    except KitError as error:
        said.put(str(error))


def test_a_full_disk_loses_nothing_that_was_there(processes, uri):
    said = processes.Queue()
    process = processes.Process(target=fill_the_disk, args=(uri, said))
    process.start()
    assert "The disk that holds" in said.get(timeout=60)
    process.join(60)
    store = vector_store(uri)
    assert set(once(100)) <= set(stored_ids(store))
    assert ingest(store, documents(3000)).rows == 3000
    assert stored_ids(store) == once(3000)


def as_nobody(uri: str, said) -> None:
    connect(scratch_uri())  # what is imported late may be in root's own folder
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        connect(uri)
    except KitError as error:
        said.put(str(error))


def test_a_read_only_folder_is_said_and_loses_nothing(processes):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        uri = str(Path(folder) / "test.db")
        ingested_elsewhere(processes, uri)
        inside = (Path(uri), *Path(uri).rglob("*"))
        for path in inside:
            path.chmod(0o555 if path.is_dir() else 0o444)
        said = processes.Queue()
        process = processes.Process(target=as_nobody, args=(uri, said))
        process.start()
        assert "cannot be written: no permission" in said.get(timeout=60)
        process.join(60)
        for path in inside:
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert stored_ids(vector_store(uri)) == once(50)


# What code counts on


def test_require_is_quiet_about_what_is_so_and_tells_what_is_not(database):
    store = vector_store(database)
    ingest(store, documents(1))
    index = index_params(database)["index_type"]
    require(store, metric="COSINE", index_type=index, dimension=4, auto_id=False, fields=["year", "text"])
    with pytest.raises(KitError) as error:
        require(store, partition_key="namespace", metric="L2", fields={"year": "VARCHAR", "namespace": "VARCHAR"})
    for said in (
        "partition_key wanted 'namespace', found None",
        "metric wanted 'L2', found 'COSINE'",
        "field 'year' wanted as VARCHAR, found INT64",
        "field 'namespace' wanted, found text, pk, vector, year",
    ):
        assert said in str(error.value)


def test_require_knows_its_words(database):
    store = vector_store(database)
    with pytest.raises(KitError, match='There is no collection "notes" to require anything of'):
        require(store, metric="L2")
    ingest(store, documents(1))
    with pytest.raises(KitError, match=r"""found 'metrics'\. Did you mean "metric"\?"""):
        require(store, metrics="L2")


# Partition keys, databases and aliases


def tenants(count: int) -> list[Document]:
    return [Document(f"note {number}", metadata={"namespace": f"user {number % 20}"}) for number in range(count)]


def test_rows_under_a_partition_key_are_found_by_their_tenant(database):
    store = vector_store(database, enable_dynamic_field=True, partition_key_field="namespace")
    ids = [str(number) for number in range(100)]
    assert ingest(store, tenants(100), ids).rows == 100
    again = [Document(f"new {number}", metadata=one.metadata) for number, one in enumerate(tenants(60))]
    moved = [Document("moved", metadata={"namespace": "user 0"})]
    assert ingest(store, [*again, *moved], [*ids[:60], "99"]).rows == 100
    require(store, partition_key="namespace")
    found = [len(tenant_retriever(store, "namespace", f"user {number}", k=10).invoke("q")) for number in range(20)]
    assert found == [6, *[5] * 18, 4]


def tenants_in_a_process(uri: str, count: int, batch_size: int, begins) -> None:
    store = vector_store(uri, enable_dynamic_field=True, partition_key_field="namespace")
    begins.send(True)
    ingest(store, tenants(count), batch_size=batch_size)


def test_killed_under_a_partition_key_every_tenant_has_its_rows_once(processes, new_database):
    uri, draw, kills = new_database("server"), random.Random(7), 0
    for _ in range(10):
        kills += kill_or_finish(processes, uri, 400, 20, draw.uniform(0, 0.6), tenants_in_a_process)
    assert not kill_or_finish(processes, uri, 400, 20, 60, tenants_in_a_process)
    assert kills >= 5
    store = vector_store(uri, enable_dynamic_field=True, partition_key_field="namespace")
    found = [len(tenant_retriever(store, "namespace", f"user {number}", k=50).invoke("q")) for number in range(20)]
    assert found == [20] * 20
    assert set(stored_ids(store).values()) == {1}


def test_rows_in_the_wrong_partition_are_no_success(new_database, monkeypatch):
    store = vector_store(new_database("server"), enable_dynamic_field=True, partition_key_field="namespace")
    monkeypatch.setattr(store, "add_documents", lambda documents, ids, **o: store.upsert(ids, documents, **o))
    real = store.__class__.add_documents
    ingest_one = Document("first", metadata={"namespace": "user 0"})
    real(store, [ingest_one], ids=["first"])  # makes the collection
    for _ in range(2):  # the second time there is nothing to write
        with pytest.raises(KitError, match="in the second case into a new collection"):
            ingest(store, tenants(100))


def test_each_database_of_a_db_is_counted_for_itself(processes, uri):
    MilvusClient(uri).create_database("other")
    ingest(vector_store(uri), documents(30))
    other = Milvus(Tiny(), collection_name="notes", connection_args={**connect(uri), "db_name": "other"}, auto_id=False)
    ingest(other, documents(7))
    assert ingest(other, documents(9)).rows == 9
    connect(uri)
    inventory = collection_folder(uri, "notes", "other") / "kit-inventory.json"
    noted = json.loads(inventory.read_text())
    noted["inventory"]["rows"] += 1
    inventory.write_text(json.dumps(noted))
    with pytest.raises(KitError, match='in its collection "notes" 9 rows are left of the 10'):
        connect(uri)


def test_an_alias_stands_for_its_collection(database):
    ingest(vector_store(database), documents(5))
    MilvusClient(database).create_alias("notes", "by_another_name")
    assert ingest(vector_store(database, "by_another_name"), documents(8)).rows == 8
    connect(database)


def test_a_relative_path_stays_the_same_file_when_the_working_directory_changes(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    store = vector_store("test.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert ingest(store, documents(5)).rows == 5
    connect("../test.db")


def test_a_format_of_lite_that_is_not_known_is_written_to_and_not_noted(uri, monkeypatch):
    store = vector_store(uri)
    ingest(store, documents(5))
    monkeypatch.setattr("kit.milvus.lite_files.LITE_FORMAT", 99)
    assert ingest(store, documents(8)).rows == 8


def two_runs(uri: str, ready) -> None:
    """One ingest to its end, the second killed after its first batches; nothing is flushed."""
    ingest(vector_store(uri), documents(1000), flush=False)
    store = vector_store(uri)
    real, calls = store.upsert, []

    def upsert(*args, **options):
        calls.append(args)
        if len(calls) == 4:
            ready.send(True)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)

    store.upsert = upsert
    ingest(store, documents(1400)[1000:], batch_size=100)


@pytest.fixture
def interrupted(processes, uri) -> Path:
    """A collection's folder: 1,000 rows of a finished ingest, 300 of an interrupted one, all of them in the log."""
    reader, writer = processes.Pipe(duplex=False)
    process = processes.Process(target=two_runs, args=(uri, writer))
    process.start()
    assert reader.poll(60) and reader.recv()
    process.join(60)
    return collection_folder(uri, "notes")


def test_an_interrupted_ingest_is_told_and_goes_on(interrupted, uri):
    assert json.loads((interrupted / "kit-inventory.json").read_text())["inventory"]["rows"] == 1300
    assert ingest(vector_store(uri), documents(1400)) == Ingested(documents=1400, written=100, there=1300, rows=1400)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_is_lost_after_an_interrupted_ingest_is_damage_too(interrupted, uri, share):
    cut(one(interrupted, "wal/wal_data_*"), share)
    with pytest.raises(KitError, match=r'is damaged: in its collection "notes" the last \d+ of \d+ writes are lost'):
        connect(uri)


def test_fewer_rows_than_an_interrupted_ingest_had_are_damage_unless_other_code_deleted_some(interrupted, uri):
    store = vector_store(uri)
    store.delete(ids=[content_id(documents(1)[0])])
    connect(uri)
    noted = json.loads((interrupted / "kit-inventory.json").read_text())
    noted["inventory"] |= {"sequence": noted["inventory"]["sequence"] + 1}  # the delete was before it
    (interrupted / "kit-inventory.json").write_text(json.dumps(noted))
    with pytest.raises(KitError, match="1299 rows are left of the 1300 that were ingested"):
        connect(uri)


def test_what_a_server_refuses_is_said_soon_and_not_taken_for_an_absence(new_database, monkeypatch):
    monkeypatch.setattr("kit.milvus.ingest.target.UNSURE_SECONDS", 1)
    store = vector_store(new_database("server"))
    monkeypatch.setattr(
        store, "upsert", lambda *a, **o: (_ for _ in ()).throw(MilvusException(1, "odd number of legs"))
    )
    with pytest.raises(KitError, match="Not all documents were written into .*odd number of legs") as error:
        ingest(store, documents(3), give_up_after=60)
    assert "stayed away" not in str(error.value)

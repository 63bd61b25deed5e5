"""`kit doctor` finds what is broken, says what to do, tells likes apart, and shows no key."""

import http.server
import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import FakeEmbeddings
from langchain_milvus import Milvus
from milvus_lite.server_manager import server_manager_instance
from typer.testing import CliRunner

from kit import doctor
from kit.__main__ import app
from kit.milvus.connection import connect
from kit.milvus.ingest import ingest
from kit.milvus.lite_files import collection_folder
from kit.milvus.schema import index_params
from kit.server import servers as server

SECRET = "sk-do-not-show-me"


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """Packages and models are looked at where that is the point; the cache is an empty one."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def finding(name: str, *databases: Path, uri: str | None = None) -> doctor.Finding:
    (found,) = [one for one in doctor.examine(list(databases), uri) if one.name == name]
    return found


def database(path: Path) -> Path:
    """An ingested database that nothing holds open."""
    uri = str(path)
    store = Milvus(
        FakeEmbeddings(size=4), connection_args=connect(uri), index_params=index_params(uri), collection_name="notes"
    )
    ingest(store, [Document(f"note {number}") for number in range(5)])
    store.client.close()
    server_manager_instance.release_server(uri)
    return path


def test_what_the_kit_needs_is_here():
    assert {one.name: one.state for one in doctor.examine([])} == dict.fromkeys(
        ["Python", "packages", "models", "cache", "disk", "Milvus", "own server", "OpenAI"], "ok"
    )


def test_a_python_that_is_too_old_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "PYTHONS", ((9, 0), (9, 1)))
    assert finding("Python").state == "broken"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("pandas==0.1 \\\n    --hash=sha256:00\n", "pandas 3."),
        ("no-such-package==1.0 \\\n    --hash=sha256:00\n", "no-such-package missing, locked 1.0"),
    ],
)
def test_a_package_that_is_not_as_locked_is_named(monkeypatch, tmp_path, entry, said):
    (tmp_path / "requirements.lock").write_text(entry)
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "requirements.lock")
    found = finding("packages")
    assert (found.state, said in found.found, found.todo) == (
        "broken",
        True,
        "Install what the lock names: make tour",
    )


def test_a_package_for_another_system_is_not_missed(monkeypatch, tmp_path):
    (tmp_path / "requirements.lock").write_text(
        "pywin32==1 ; sys_platform == 'no-such-system' \\\n    --hash=sha256:0\n"
    )
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "requirements.lock")
    assert finding("packages").found == "all 0 as locked"


def test_a_model_file_with_another_hash_is_broken(monkeypatch):
    from kit.models import minilm

    monkeypatch.setattr(minilm, "MINILM_MODEL", minilm.MINILM_MODEL._replace(sha256="0" * 64))
    found = finding("models")
    assert found.state == "broken"
    assert "should have sha256 000000000000" in found.found
    assert "pip install --force-reinstall" in found.todo


def test_a_cache_that_is_no_database_is_broken(tmp_path):
    (tmp_path / "cache" / "embeddings").mkdir(parents=True)
    (tmp_path / "cache" / "embeddings" / "cache.db").write_text("not SQLite" * 100)
    found = finding("cache")
    assert (found.state, found.todo) == ("broken", f"Remove it: rm -r {tmp_path / 'cache' / 'embeddings'}")


def test_the_caches_vectors_are_counted(tmp_path):
    (tmp_path / "cache" / "embeddings").mkdir(parents=True)
    with sqlite3.connect(tmp_path / "cache" / "embeddings" / "cache.db") as made:
        made.execute("CREATE TABLE Cache (key, value)")
        made.executemany("INSERT INTO Cache VALUES (?, ?)", [(1, 1), (2, 2)])
    assert finding("cache").found.endswith("cache: 2 vectors")


@pytest.mark.parametrize(("free", "state"), [(50e9, "ok"), (1e9, "warning"), (1e6, "broken")])
def test_a_disk_is_judged_by_what_is_free(monkeypatch, free, state):
    usage = doctor.shutil.disk_usage("/")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage._replace(free=int(free)))
    assert finding("disk").state == state


def test_a_whole_database_is_ok(tmp_path):
    path = database(tmp_path / "my.db")
    assert finding("database my.db", path) == doctor.Finding("database my.db", "ok", "whole: 1 collections")


def old(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + bytes(100))


def damaged(path: Path) -> None:
    database(path)
    (collection_folder(str(path), "notes") / "manifest.json").unlink()


def test_a_dot_and_a_space_in_a_path_end_no_sentence(tmp_path):
    (tmp_path / "vol. 2").mkdir()
    path = tmp_path / "vol. 2" / "no. 1.db"
    old(path)
    found = finding("database no. 1.db", path)
    assert found.found == f"{path} was written by Milvus Lite 2.x, which this version cannot read."
    assert found.todo == "Keep it, and ingest the documents again into a new path."
    path.unlink()
    damaged(path)
    found = finding("database no. 1.db", path)
    assert found.found.startswith(f'{path} is damaged: in its collection "notes" manifest.json is missing')
    assert found.todo == f"Set it aside and ingest the documents again: mv '{path}' '{path}.damaged'"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (old, "was written by Milvus Lite 2.x"),
        (damaged, "manifest.json is missing"),
        (lambda path: path.write_text("hello"), "is a file of another kind"),
        (lambda path: None, "does not exist"),
    ],
    ids=["old format", "damaged", "another kind", "missing"],
)
def test_databases_that_cannot_be_used_are_told_apart(tmp_path, make, said):
    make(tmp_path / "my.db")
    found = finding("database my.db", tmp_path / "my.db")
    assert found.state == "broken"
    assert said in found.found
    assert found.todo


def test_a_locked_database_is_not_taken_for_a_damaged_one(tmp_path):
    code = "import sys, kit; kit.connect(sys.argv[1]); print('open', flush=True); input()"
    path = str(tmp_path / "my.db")
    holder = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "open\n"
    found = finding("database my.db", Path(path))
    holder.communicate("\n", timeout=30)
    assert found.state == "broken"
    assert f"is held by process {holder.pid}" in found.found
    assert "kit server start --lite" in found.todo


def test_a_server_is_told_with_its_version_its_speed_and_its_clock(own_server):
    found = {one.name: one for one in doctor.examine([], own_server)}
    assert found["server"].found.startswith(f"milvus-2.3.5-lite at {own_server}, answers in ")
    assert found["server's clock"].state == "ok"


def test_a_clock_that_is_off_is_a_warning(milvus_server, monkeypatch):
    monkeypatch.setattr(doctor, "_clock", lambda client: 3600.0)
    found = finding("server's clock", uri=milvus_server)
    assert (found.state, found.found) == ("warning", "+3600.0 s against this machine's")


def test_a_server_that_does_not_answer_is_broken():
    found = finding("server", uri="http://me:hunter2@127.0.0.1:1")
    assert found.state == "broken"
    assert found.found.startswith("No Milvus server answers at http://127.0.0.1:1")
    assert "unset MILVUS_URI" in found.todo


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Refuses, as an endpoint does that was sent no key, and notes what it was sent."""

    seen: list = []  # noqa: RUF012

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_error(401)

    def log_message(self, *_):
        pass


def test_an_openai_endpoint_is_asked_without_the_key_which_is_never_shown(monkeypatch):
    with http.server.HTTPServer(("127.0.0.1", 0), Endpoint) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{endpoint.server_port}/v1")
        result = CliRunner().invoke(app, ["doctor", "--json"])
        endpoint.shutdown()
    assert Endpoint.seen == [("/v1/models", None)]
    assert SECRET not in result.output
    (found,) = [one for one in json.loads(result.stdout) if one["name"] == "OpenAI"]
    assert (found["state"], found["found"].startswith("a key is set, http://127.0.0.1:")) == ("ok", True)


def test_an_openai_endpoint_that_is_away_is_broken_and_the_exit_status_says_so(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "Mend OPENAI_BASE_URL" in " ".join(result.output.split())
    assert SECRET not in result.output


def test_a_setting_that_cannot_be_read_is_a_finding(monkeypatch):
    monkeypatch.setenv("MILVUS_URI", "nonsense")
    found = finding("settings")
    assert found.state == "broken"
    assert "MILVUS_URI is 'nonsense'" in found.found


def test_when_all_is_well_the_exit_status_is_0():
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0


def test_what_does_not_end_in_db_is_no_database(tmp_path):
    found = finding(f"database {tmp_path.name}", tmp_path)
    assert (found.state, found.todo) == ("broken", "Mend the path.")


def test_a_db_served_to_several_has_no_clock_to_compare(tmp_path):
    with server.running(lite=tmp_path / "my.db") as one:
        names = [found.name for found in doctor.examine([], one.uri)]
    assert "server" in names and "server's clock" not in names


def test_an_endpoints_secrets_are_not_shown(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:hunter2@127.0.0.1:1/v1?key=hunter2")
    doctor.report(found := doctor.examine([]), as_json=True)
    assert "hunter2" not in capsys.readouterr().out
    assert [one.state for one in found if one.name == "OpenAI"] == ["broken"]


def test_the_disk_of_a_database_counts_too(monkeypatch, tmp_path):
    free = {str(tmp_path): 1e9}
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=free.get(str(place), 9e9)), raising=True
    )
    found = doctor._disk([tmp_path / "my.db"])
    assert found.state == "warning" and f"1.0 GB free in {tmp_path}" in found.found

"""A real Milvus server, or one `.db` for several processes: started on free ports, explained, and never left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from pymilvus import MilvusClient
from typer.testing import CliRunner

from kit.__main__ import app
from kit.errors import KitError
from kit.milvus.connection import connect
from kit.milvus.schema import index_params
from kit.server import package as server_files
from kit.server import servers as server

OWNER = """
import sys
from pathlib import Path
from kit.server import servers as server
with server.running(lite=Path(sys.argv[1]) if sys.argv[1:] else None) as one:
    print(one.uri, one.keeper, one.process, one.data, flush=True)
    input()
"""


@pytest.fixture
def own_records(tmp_path, monkeypatch):
    """The list of running servers is this test's own; what is installed stays where it is."""
    monkeypatch.setattr(server, "_records", lambda: tmp_path / "servers")


def owner(*arguments: str) -> tuple[subprocess.Popen, list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().split()


def gone(*processes: str, within: float = 15) -> bool:
    """Whether none of them runs any more, soon."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        alive = [p for p in map(int, processes) if psutil.pid_exists(p)]
        if all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in alive):
            return True
        time.sleep(0.05)
    return False


def command(*arguments: str):
    return CliRunner().invoke(app, ["server", *arguments])


def test_the_server_is_a_real_milvus_of_the_locked_version(own_server):
    assert MilvusClient(own_server).get_server_version() == f"v{server_files.locked_version()}-lite"


def test_connect_opens_it_and_its_index_is_the_servers_own(own_server):
    assert connect(own_server) == {"uri": own_server}
    assert index_params(own_server)["index_type"] == "AUTOINDEX"


def test_two_servers_run_beside_each_other_and_share_nothing(own_server):
    with server.running() as second:
        MilvusClient(second.uri).create_database("only_here")
        assert "only_here" not in MilvusClient(own_server).list_databases()
        folder = Path(second.data)
        assert folder.is_dir()
    assert gone(second.keeper, second.process)
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["real", "lite"])
def test_a_server_goes_with_its_owner_even_if_that_is_killed(kind, request, tmp_path):
    if kind == "real":
        request.getfixturevalue("own_server")  # installed, or the test is skipped
    process, (_uri, keeper, child, data) = owner(*([str(tmp_path / "my.db")] if kind == "lite" else []))
    assert psutil.pid_exists(int(child))
    process.send_signal(signal.SIGKILL)
    assert gone(keeper, child)
    assert Path(data).exists() is (kind == "lite")  # a .db is the user's, a temporary folder is not


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with the one that started it")
def test_a_server_goes_when_its_keeper_is_killed(tmp_path):
    process, (_uri, keeper, child, _data) = owner(str(tmp_path / "my.db"))
    os.kill(int(keeper), signal.SIGKILL)
    assert gone(child)
    process.communicate("\n", timeout=30)


def test_two_processes_use_one_db_through_a_lite_server(tmp_path):
    path = tmp_path / "my.db"
    read = "import sys; from pymilvus import MilvusClient; print(MilvusClient(sys.argv[1]).list_collections())"
    with server.running(lite=path) as one:
        MilvusClient(one.uri).create_collection("shared", dimension=2)
        other = subprocess.run([sys.executable, "-c", read, one.uri], capture_output=True, text=True, timeout=60)
        assert other.stdout == "['shared']\n"
        connect(one.uri)
        assert index_params(one.uri)["index_type"] == "FLAT"  # it is Lite behind that address, too
        with pytest.raises(KitError, match=r"is held by .*kit server start --lite"):
            connect(str(path))
    assert MilvusClient(str(path)).list_collections() == ["shared"]


def test_a_lite_server_answers_on_loopback_only(tmp_path):
    with server.running(lite=tmp_path / "my.db") as one:
        listening = [c.laddr.ip for c in psutil.Process(one.process).net_connections() if c.status == "LISTEN"]
        assert [ip.removeprefix("::ffff:") for ip in listening] == ["127.0.0.1"]


def test_start_status_and_stop_tell_of_the_same_server(tmp_path, own_records):
    assert command("status").exit_code == 1
    started = command("start", "--lite", str(tmp_path / "my.db"))
    uri = started.stdout.strip()
    assert uri.startswith("http://127.0.0.1:")
    assert f"kit server stop {uri}" in started.stderr
    (listed,) = json.loads(command("status", "--json").stdout)
    assert (listed["uri"], listed["engine"]) == (uri, "milvus-lite")
    assert command("stop").stdout == f"Stopped milvus-lite at {uri}.\n"
    assert gone(listed["keeper"], listed["process"])
    assert command("status").exit_code == 1
    assert command("stop").stdout == "No server is running.\n"


def test_stop_leaves_servers_alone_that_belong_to_a_process(tmp_path, own_records):
    with server.running(lite=tmp_path / "my.db") as one:
        assert command("stop").stdout == "No server is running.\n"
        assert server.servers() == [one]


def test_a_server_whose_machine_was_restarted_is_forgotten(own_records, tmp_path):
    data = str(tmp_path / "data")
    dead = server.Server("http://127.0.0.1:1", "milvus", data, data, "log", 2**22 - 1, 2**22 - 2, 1.0, False)
    (tmp_path / "data").mkdir()
    record = tmp_path / "servers" / "1.json"
    record.parent.mkdir()
    record.write_text(json.dumps(dead._asdict()))
    assert server.servers() == []
    assert not record.exists()
    assert not (tmp_path / "data").exists()


def test_stopping_another_address_is_refused_with_those_that_run(own_records):
    result = command("stop", "http://127.0.0.1:9")
    assert isinstance(result.exception, KitError)
    assert "answers at http://127.0.0.1:9; running: none" in str(result.exception)


def test_a_server_that_ends_at_once_is_shown_with_the_end_of_its_log(own_server, monkeypatch, tmp_path):
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "milvus").write_text("#!/bin/sh\necho 'panic: no metadata'\nexit 3\n")
    (broken / "milvus").chmod(0o755)
    real = server_files.install()
    monkeypatch.setattr(server_files, "install", lambda: real._replace(bin=broken))
    with pytest.raises(KitError, match=r"stopped while it started\. The end of its log:\npanic: no metadata"):
        server.start_server()


def test_a_server_that_does_not_answer_in_time_is_stopped_and_its_log_shown(own_server, monkeypatch, tmp_path):
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "milvus").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho still loading\nexec sleep 600\n")
    (slow / "milvus").chmod(0o755)
    real = server_files.install()
    monkeypatch.setattr(server_files, "install", lambda: real._replace(bin=slow))
    with pytest.raises(KitError, match=r"did not answer at .* within 2 s\. The end of its log:\nstill loading"):
        server.start_server(wait=2)
    assert gone((tmp_path / "pid").read_text())


def test_a_port_that_is_taken_is_named(own_server):
    port = int(own_server.rsplit(":", 1)[1])
    with pytest.raises(KitError, match=f"Port {port} is taken"):
        server.start_server(port=port)


def test_a_folder_is_served_by_one_server_only(own_server, own_records, tmp_path):
    with server.running(tmp_path / "data") as one, pytest.raises(KitError, match=f"is served already, at {one.uri}"):
        server.start_server(tmp_path / "data")
    with FileLock(tmp_path / "data" / ".starting"), pytest.raises(KitError, match="Another server is being started on"):
        server.start_server(tmp_path / "data")


def test_a_server_starts_behind_a_proxy(own_server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with server.running() as one:
        assert connect(one.uri)


def test_a_server_goes_when_the_kit_is_killed_while_it_starts(own_server, tmp_path):
    environment = {**os.environ, "KIT_CACHE_DIR": str(tmp_path)}
    (tmp_path / server_files.folder().name).symlink_to(server_files.folder())
    starting = subprocess.Popen([sys.executable, "-m", "kit", "server", "start"], env=environment)
    record = tmp_path / "servers"
    deadline = time.monotonic() + 30
    while not (written := [f for f in record.glob("*.json") if f.stat().st_size]) and time.monotonic() < deadline:
        time.sleep(0.02)
    one = json.loads(written[0].read_text())
    starting.kill()
    starting.wait()
    assert gone(one["keeper"], one["process"])


def test_a_cache_that_cannot_be_written_is_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "servers").write_text("no folder")
    monkeypatch.setattr(server, "_records", lambda: tmp_path / "servers")
    with pytest.raises(KitError, match=r"servers.* cannot be written: .*Set KIT_CACHE_DIR"):
        server.start_lite(tmp_path / "my.db")


def test_only_a_db_is_served_as_lite(tmp_path):
    with pytest.raises(KitError, match=r"a path that ends in \.db; found .*data"):
        server.start_lite(tmp_path / "data")


def test_where_there_is_no_wheel_the_ways_out_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(server_files, "PLATFORMS", {("plan9", "mips")})
    with pytest.raises(KitError, match=r"has no wheel for .*compose\.yaml, or a server's address in MILVUS_URI"):
        server_files.install()


def test_a_package_with_another_hash_is_not_installed(monkeypatch, tmp_path):
    lock = tmp_path / "server.lock"
    lock.write_text(f"milvus=={server_files.locked_version()} \\\n    --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(server_files, "LOCK", lock)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(KitError, match="could not be installed. uv says:"):
        server_files.install()
    assert not server_files.folder().exists()


@pytest.mark.parametrize("name", ["with space", "a#b: c", "ünï"])
def test_any_folder_can_hold_the_data(own_server, tmp_path, name):
    data = tmp_path / name
    milvus = server_files.install()
    port, _health = server_files.configure(milvus, data, 12345)
    import yaml

    written = yaml.safe_load((data / "configs" / "milvus.yaml").read_text(encoding="utf-8"))
    assert port == written["proxy"]["port"] == 12345
    assert written["etcd"]["data"]["dir"] == str(data / "data" / "etcd.data")
    assert written["etcd"]["config"]["path"] == str(data / "configs" / "etcd.yaml")
    shutil.rmtree(data)

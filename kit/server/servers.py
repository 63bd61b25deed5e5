"""A Milvus server on this machine, the real one or one `.db` served to several processes: started, listed, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError
from kit.files.locks import alone
from kit.server import keeper as server_process
from kit.server import package as server_files
from kit.settings import load_settings

if TYPE_CHECKING:
    import psutil

START_SECONDS = 90
STOP_SECONDS = server_process.STOP_SECONDS + 10
TRIES = 3  # a free port can be taken between its choice and its use
LOG_LINES = 12


class Server(NamedTuple):
    """A running server: where it answers, what it runs, where its data and log are, the two processes it is."""

    uri: str
    engine: str
    data: str
    scratch: str | None  # a folder that goes with it: the data's own, or the log's
    log: str
    keeper: int  # kit/server_process.py
    process: int
    started: float  # the keeper's start, in seconds since 1970: a process id alone may be another's by now
    owned: bool  # stops with the process that started it

    @property
    def temporary(self) -> bool:
        """Whether its data goes when it stops."""
        return self.scratch == self.data


def start_server(
    data: Path | None = None, *, port: int | None = None, owned: bool = False, wait: float = START_SECONDS
) -> Server:
    """A real Milvus server, once it answers; its data lives in `data`, or in a folder that goes when it stops.

    All its ports are free ones, `port` where one is given. `owned`: it also stops when this process ends, however it
    ends. It has no password and, as Milvus does, listens on all of the machine's addresses.
    Raises KitError with the end of its log when it does not answer within `wait` seconds.
    """
    milvus = server_files.install()
    _check_port(port)
    with _alone_on(data):
        return _start(milvus, data, port, owned, wait)


def _start(milvus: server_files.Installed, data: Path | None, port: int | None, owned: bool, wait: float) -> Server:
    for last in (False,) * (TRIES - 1) + (True,):
        folder = Path(tempfile.mkdtemp(prefix="milvus-server-")) if data is None else data.absolute()
        try:
            chosen, health = server_files.configure(milvus, folder, port)
        except OSError as error:
            raise KitError(f"{folder} cannot hold a server's data: {error}. Give another folder: --data.") from None
        log = folder / "logs" / "milvus.log"
        spec = {
            "command": [str(milvus.bin / "milvus"), "run", "standalone"],
            "environment": server_files.environment(milvus, folder, health),
            "cwd": str(folder),
            "log": str(log),
            "signal": signal.SIGTERM if data else signal.SIGKILL,  # nothing to keep, nothing to wait for
            "remove": str(folder) if data is None else None,
        }
        try:
            return _run(spec, chosen, f"milvus {milvus.version}", folder, owned, wait, health)
        except _PortTaken:
            if last or port:
                raise KitError(_TAKEN.format(chosen)) from None
    raise AssertionError("the last try returns or raises")


def start_lite(path: Path, *, port: int | None = None, owned: bool = False, wait: float = START_SECONDS) -> Server:
    """One Milvus Lite `.db` served on this machine's loopback address, for more than one process; no password."""
    from milvus_lite.server_manager import server_manager_instance

    from kit.milvus.connection import connect

    if path.suffix != ".db":
        raise KitError(f"Wanted a Milvus Lite database to serve, a path that ends in .db; found {path}.")
    _check_port(port)
    connect(str(path))  # says in a sentence why it cannot be opened
    server_manager_instance.release_server(str(path))
    chosen = port or server_files.free_ports(1)[0]
    log = Path(tempfile.mkdtemp(prefix="milvus-lite-")) / "milvus-lite.log"
    served = ["server", "--data-dir", str(path.absolute()), "--host", "127.0.0.1", "--port", str(chosen)]
    spec = {
        "command": [sys.executable, "-m", "milvus_lite", *served],
        "environment": dict(os.environ),
        "cwd": str(log.parent),
        "log": str(log),
        "signal": signal.SIGINT,  # which it takes for an orderly end
        "remove": str(log.parent),
    }
    try:
        return _run(spec, chosen, "milvus-lite", path.absolute(), owned, wait)
    except _PortTaken:
        raise KitError(_TAKEN.format(chosen)) from None


@contextlib.contextmanager
def running(data: Path | None = None, *, port: int | None = None, lite: Path | None = None) -> Iterator[Server]:
    """A server for the length of a `with` block; it is gone afterwards even if this process is killed."""
    server = start_lite(lite, port=port, owned=True) if lite else start_server(data, port=port, owned=True)
    try:
        yield server
    finally:
        stop_server(server)


def stop_server(server: Server) -> None:
    """Stop a server and the process that keeps it; data in a temporary folder goes."""
    import psutil

    if keeper := _process(server.keeper, server.started):
        keeper.terminate()
        with contextlib.suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
            keeper.wait(STOP_SECONDS)
    # Where the keeper was killed: on Linux the kernel has ended the server with it, elsewhere it is still there.
    child = _process(server.process, server.started - 1, before=server.started + 60)
    if child and "milvus" in " ".join(child.cmdline()):
        child.kill()
    if server.scratch:
        shutil.rmtree(server.scratch, ignore_errors=True)
    _record(server.uri).unlink(missing_ok=True)


def servers() -> list[Server]:
    """The servers that run now, as started by `start_server` and `start_lite`; what is left of dead ones is removed."""
    found = []
    for file in sorted(_records().glob("*.json")):
        try:
            server = Server(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            file.unlink(missing_ok=True)
            continue
        if _process(server.keeper, server.started):
            found.append(server)
        else:
            stop_server(server)
    return found


@contextlib.contextmanager
def _alone_on(data: Path | None) -> Iterator[None]:
    """Refuse a data folder that is served already, or is about to be."""
    if data is None:
        yield
        return
    folder = data.absolute()
    if there := next((one for one in servers() if one.data == str(folder)), None):
        raise KitError(f"{folder} is served already, at {there.uri}. Use that, or stop it: kit server stop {there.uri}")
    taken = f"Another server is being started on {folder}. Give each its own folder."
    with alone(folder / ".starting", taken, "Give another folder: --data."):
        yield


class _PortTaken(Exception):
    """Another process was faster."""


_TAKEN = "Port {} is taken. Stop what uses it, or give another port."


def _check_port(port: int | None) -> None:
    if port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just stopped counts as free
        try:
            probe.bind(("", port))
        except PermissionError:
            raise KitError(f"Port {port} is kept for the system", mend="Give one above 1023.") from None
        except OSError:
            raise KitError(_TAKEN.format(port)) from None


def _run(
    spec: dict[str, Any], port: int, engine: str, data: Path, owned: bool, wait: float, health: int | None = None
) -> Server:
    """Start the keeper with what it shall run, record it, and wait until the server answers."""
    import psutil

    uri = f"http://127.0.0.1:{port}"
    record, log = _record(uri), Path(spec["log"])
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()
        log.write_bytes(b"")
    except OSError as error:
        if spec["remove"]:
            shutil.rmtree(spec["remove"], ignore_errors=True)
        raise KitError(f"{error.filename} cannot be written: {error.strerror}. Set KIT_CACHE_DIR.") from None
    keeper = subprocess.Popen(
        [sys.executable, "-I", server_process.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin and keeper.stdout and keeper.stderr  # they are pipes
    keeper.stdin.write(json.dumps({**spec, "tied": owned, "record": str(record)}) + "\n")
    keeper.stdin.flush()
    child = keeper.stdout.readline().strip()
    if not child:
        raise KitError(f"{engine} could not be started: {keeper.stderr.read().strip()[-600:]}")
    started = psutil.Process(keeper.pid).create_time()
    server = Server(uri, engine, str(data), spec["remove"], str(log), keeper.pid, int(child), started, owned)
    record.write_text(json.dumps(server._asdict()), encoding="utf-8")
    try:
        _wait(server, keeper, wait, health)
    except BaseException:
        stop_server(server)
        raise
    keeper.stdin.write("answers\n")
    keeper.stdin.flush()
    if owned:
        _OWNED[keeper.pid] = keeper  # its stdin stays open as long as this process lives
    else:
        keeper.stdin.close()
    return server


_OWNED: dict[int, subprocess.Popen[str]] = {}


def _wait(server: Server, keeper: subprocess.Popen[str], seconds: float, health: int | None) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if keeper.poll() is not None or _process(server.process, 0) is None:
            said = _end_of(Path(server.log))  # only now: until it ends it may write
            if "address already in use" in said.lower():
                raise _PortTaken
            raise KitError(f"{server.engine} stopped while it started. The end of its log:\n{said}")
        if _healthy(health) and _listens(server) and _answers(server.uri):
            return
        time.sleep(0.1)
    raise KitError(
        f"{server.engine} did not answer at {server.uri} within {seconds:g} s. The end of its log:\n"
        f"{_end_of(Path(server.log))}"
    )


def _healthy(port: int | None) -> bool:
    """Whether all of the server's parts say that they are; Milvus Lite has one part."""
    if port is None:
        return True
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return b"OK" in answer.read()
    except OSError:
        return False


def _listens(server: Server) -> bool:
    """Whether it is this server that has the port, where the system tells."""
    import psutil

    try:
        connections = psutil.Process(server.process).net_connections(kind="tcp")
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
    port = int(server.uri.rsplit(":", 1)[1])
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)


def _answers(uri: str) -> bool:
    from pymilvus import MilvusClient, MilvusException

    from kit.milvus.connection import reach_directly

    try:
        with socket.create_connection(("127.0.0.1", int(uri.rsplit(":", 1)[1])), timeout=1):
            pass
        reach_directly(uri)
        client = MilvusClient(uri, timeout=5)
        client.list_collections(timeout=5)
        client.close()
    except (OSError, MilvusException):
        return False
    return True


def _end_of(log: Path) -> str:
    """The last lines of a log, each cut at 300 characters."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(there is none)"
    return "\n".join(line[:300] for line in lines[-LOG_LINES:]) or "(it is empty)"


def _process(pid: int, started: float, before: float | None = None) -> psutil.Process | None:
    """The live process of that id and start (within a second, or up to `before`), or None."""
    import psutil

    try:
        process = psutil.Process(pid)
        created = process.create_time()
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    since = started - 1 <= created <= (before or started + 1) if started else True
    return process if alive and since else None


def _records() -> Path:
    return load_settings().cache_dir / "servers"


def _record(uri: str) -> Path:
    return _records() / f"{uri.rsplit(':', 1)[1]}.json"

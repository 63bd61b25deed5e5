"""A kernel apart: its processes end with it, its network and its /proc are its own, its limits hold."""

import contextlib
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from kit.docs.run.session import Session
from kit.kernels.isolation import LIMITS, Apart, isolation
from kit.kernels.relays import Relays, TcpRelay, is_own
from kit.kernels.sandbox import Limits, make_sandbox

apart = pytest.mark.skipif(not isolation().apart, reason="this system gives no namespaces")
BOTH = pytest.mark.parametrize("way", [pytest.param(isolation(), marks=apart), LIMITS], ids=["apart", "limits"])
DETACHED = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", {code!r}], {{}})
    os._exit(0)
"""


@contextlib.contextmanager
def kernel(way, limits=Limits(cell_seconds=5), **reach):
    sandbox = make_sandbox([], {})
    try:
        around = Apart(way, file_bytes=limits.file_bytes, **reach)
        with Session(sys.executable, sandbox, sandbox.environment({}), limits, apart=around) as session:
            yield session
    finally:
        sandbox.remove()


def shown(outcome):
    return "".join(output.get("text", "") for output in outcome.outputs)


def running(words):
    return [p for p in psutil.process_iter(["cmdline"]) if words in " ".join(p.info["cmdline"] or [])]


@BOTH
def test_a_process_that_left_its_family_and_its_environment_ends_with_the_kernel(way):
    mark = f"import time; time.sleep(4000 + {os.getpid()})"
    with kernel(way) as session:
        session.run("a", DETACHED.format(code=mark))
        time.sleep(0.5)
        assert running(mark)
    assert running(mark) == []
    assert len(session.left) == 1


@apart
def test_the_environment_of_who_runs_the_kit_cannot_be_read():
    code = (
        "import glob\nfound = [open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/environ')]\n"
        "print(len(found), all(b'KIT_REPLAY' in text for text in found))"
    )
    with kernel(isolation()) as session:
        assert shown(session.run("a", code)) == "2 True\n"


@BOTH
def test_a_page_that_kills_its_parent_gets_a_verdict_and_the_kit_lives(way):
    with kernel(way) as session:
        outcome = session.run("a", "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(1)")
    assert outcome.status == ("ran" if way.apart else "kernel died")


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nfor name in [n for n in sys.modules if 'kit' in n]: sys.modules[name] = None",
        "import sys\nsys.stdout = sys.stderr = None",
        "get_ipython().run_cell = None\nget_ipython().kernel.do_execute = None",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import os\nos.closerange(3, 200)",
    ],
)
def test_a_page_that_stands_in_the_way_gets_a_verdict_in_time(code):
    began = time.monotonic()
    with kernel(isolation(), Limits(cell_seconds=1)) as session:
        assert session.run("a", code).status in ("ran", "timed out", "kernel died")
        assert session.run("b", "print('next')").status in ("ran", "not run")
    assert time.monotonic() - began < 25


@BOTH
def test_a_file_and_a_folder_that_grow_too_large_are_stopped(way):
    with kernel(way, Limits(file_bytes=20_000_000, disk_bytes=40_000_000, cell_seconds=60)) as session:
        one = session.run("a", "open('large', 'wb').write(b'x' * 30_000_000)")
        many = session.run(
            "b", "import time\nfor n in range(9): open(f'f{n}', 'wb').write(b'x' * 9_000_000)\ntime.sleep(55)"
        )
    assert (one.status, one.error.name) == ("raised", "OSError")
    assert many.status == "kernel died"
    assert "GB to its folder, 0.04 GB are allowed" in many.why


@BOTH
def test_the_memory_of_a_detached_child_counts(way):
    with kernel(way, Limits(memory_bytes=500_000_000, cell_seconds=20)) as session:
        grow = "x = b'x' * 700_000_000; import time; time.sleep(60)"
        outcome = session.run("a", DETACHED.format(code=grow) + "import time\ntime.sleep(15)")
    assert outcome.status == "kernel died"
    assert "0.5 GB are allowed" in outcome.why


@apart
def test_localhost_is_the_kernels_own_and_what_is_relayed_is_reached(tmp_path):
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        get = "import urllib.request as r\nprint(r.urlopen('http://127.0.0.1:{}').read())"
        sandbox = make_sandbox([], {})
        reach = Relays(sandbox.sockets, {8123: lambda: ("127.0.0.1", port)})
        with reach, kernel(isolation(), relays=reach.sockets) as session:
            assert session.run("a", get.format(port)).error.name == "URLError"
            assert shown(session.run("b", get.format(8123))) == "b'hello'\n"
        sandbox.remove()
        server.shutdown()


def proxied(port, request):
    with TcpFromUnix(port) as ask:
        return ask(request)


@contextlib.contextmanager
def TcpFromUnix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(path)

        def ask(request):
            client.sendall(request)
            parts = []
            while data := client.recv(4096):
                parts.append(data)
            return b"".join(parts)

        yield ask


def test_the_proxy_reaches_no_address_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    sandbox = make_sandbox([], {})
    with socket.socket() as mine, Relays(sandbox.sockets, {}, web=18181) as relays:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = mine.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", socket.gethostname()):
            answer = proxied(relays.sockets[18181], f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 502")
        mine.settimeout(0.2)
        with pytest.raises(TimeoutError):
            mine.accept()
    sandbox.remove()


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("169.254.169.254", True), ("localhost", True),
     ("93.184.215.14", False), ("2606:2800::1", False), ("example.org", False)],
)  # fmt: skip
def test_this_machines_addresses_are_known(address, own):
    assert is_own(address) is own


def test_a_relay_asks_for_its_target_once_and_when_it_is_needed():
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with TcpRelay(lambda: asked.append(1) or address) as relay:
            assert asked == []
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", relay.port)) as client, server.accept()[0] as other:
                    client.sendall(b"a")
                    assert other.recv(1) == b"a"
    assert asked == [1]

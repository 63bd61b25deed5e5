"""What is served to a page alone: a Milvus at the address that it names, the kit's own services, the web by a proxy."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from kit.docs.run.local_services import (
    local_ports,
    milvus_hosts,
    milvus_ports,
    names_milvus,
    refuse_local_services,
)
from kit.kernels.isolation import LIMITS, Apart, isolation
from kit.kernels.relays import Address, Relays, TcpRelay
from kit.kernels.sandbox import Limits, Sandbox

Engine = Literal["lite", "server"]
Protection = Literal["auto", "limits"]
WEB_PORT = 18181  # where the page finds the proxy; on its own loopback address it takes nobody's place
LOCAL = ("localhost", "127.0.0.1", "::1")


def _nothing() -> object:
    return None


@dataclass(frozen=True)
class Served:
    """How the page's kernel is started, what it is to know, and what was served, in words.

    `rewrites` maps an address, `localhost:19530`, to where a kernel without a network of its own finds it.
    """

    apart: Apart
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rewrites: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    engine: str = ""
    started: list[str] = field(default_factory=list)
    ready: Callable[[], object] = _nothing  # waits for a Milvus that the page is sure to ask for


@contextlib.contextmanager
def served(
    sandbox: Sandbox,
    codes: Sequence[str],
    reachable: Sequence[str],
    limits: Limits,
    *,
    engine: Engine = "lite",
    protection: Protection = "auto",
    allow_local: bool = False,
) -> Iterator[Served]:
    """What a page's kernel needs, for the length of a `with` block; `reachable` are local addresses of the kit's own.

    Where the system gives the page a network of its own, its localhost is its own: Milvus is served there, by Milvus
    Lite on the first connection or by a real server from the start. Elsewhere a connection to that address is led to
    the served Milvus inside the kernel, and a page that connects to another service of this machine is refused.
    """
    way = isolation() if protection == "auto" else LIMITS
    with contextlib.ExitStack() as stack:
        started: list[str] = []
        ports = () if allow_local else sorted(milvus_ports(codes))
        milvus = _Milvus(sandbox.root / "milvus", engine, started, stack)
        ready: Callable[[], object] = _nothing
        if ports and (engine == "server" or names_milvus(codes)):
            # In the time that the kernel takes to start: a client waits ten seconds for its server, and no longer.
            ready = stack.enter_context(ThreadPoolExecutor(1)).submit(milvus).result
        if not way.apart:
            others = () if allow_local else ports
            if not allow_local:
                refuse_local_services(codes, beside=ports)
            relay = stack.enter_context(TcpRelay(milvus)) if others else None
            names = [f"{host}:{port}" for port in others for host in ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")]
            rewrites = dict.fromkeys(names, f"127.0.0.1:{relay.port}") if relay else {}
            yield Served(Apart(LIMITS, file_bytes=limits.file_bytes), {}, rewrites, engine, started, ready)
            return
        targets: dict[int, Callable[[], Address]] = dict.fromkeys(ports, milvus)
        if allow_local:
            targets |= {port: _at("127.0.0.1", port) for port in local_ports(codes)}
        targets |= {
            where.port: _at(where.hostname or "", where.port) for where in map(urlsplit, reachable) if where.port
        }
        relays = stack.enter_context(Relays(sandbox.sockets, targets, web=WEB_PORT))
        proxy = f"http://127.0.0.1:{WEB_PORT}"
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
        hosts = sorted(milvus_hosts(codes))
        direct = ",".join((*LOCAL, *hosts))
        numbers = tuple(host for host in hosts if re.fullmatch(r"[\d.]+", host))
        file = _hosts(sandbox.root, [host for host in hosts if host not in numbers])
        apart = Apart(way, relays.sockets, file, numbers, limits.file_bytes)
        yield Served(apart, {**proxies, "NO_PROXY": direct, "no_proxy": direct}, {}, engine, started, ready)


class _Milvus:
    """The served Milvus: started by the first call, stopped with the stack; its address is on this machine."""

    def __init__(self, folder: Path, engine: Engine, started: list[str], stack: contextlib.ExitStack):
        self.folder, self.engine, self.started, self.stack = folder, engine, started, stack
        self.address: Address | None = None
        self.lock = threading.Lock()

    def __call__(self) -> Address:
        with self.lock:
            self.address = self.address or self._start()
            return self.address

    def _start(self) -> Address:
        from kit.server.servers import running

        lite = self.folder.with_suffix(".db") if self.engine == "lite" else None
        server = self.stack.enter_context(running(lite=lite))
        where = urlsplit(server.uri)
        self.started.append(server.engine)
        return where.hostname or "127.0.0.1", where.port or 0


def _at(host: str, port: int) -> Callable[[], Address]:
    return lambda: (host, port)


def _hosts(folder: Path, names: Sequence[str]) -> str:
    """A file of hosts that leads the names of Milvus servers to the page's own loopback address; '' for none."""
    if not names:
        return ""
    known = Path("/etc/hosts")
    lines = known.read_text(encoding="utf-8", errors="replace") if known.is_file() else ""
    file = folder / "hosts"
    file.write_text(f"{lines.rstrip()}\n127.0.0.1 {' '.join(names)}\n", encoding="utf-8")
    return str(file)

"""What a page apart may reach outside: an address for each port that it is to see, and the web through a proxy.

Everything listens on unix sockets in a folder of the run, which `kit.kernels.launcher` relays to the page's own
loopback address. The proxy refuses this machine's own addresses: the page's localhost is not the user's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

Address = tuple[str, int]
Pipes = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CONNECT_SECONDS = 20
HEAD_BYTES = 65536
PIECE = 65536


class Relays:
    """Serves in a thread of its own while it is used as a context manager.

    `targets` maps a port of the page to a function that gives the address behind it; it is called once, when the page
    connects for the first time, and may take its time. `sockets` maps the same ports to what the launcher relays.
    """

    def __init__(self, folder: Path, targets: Mapping[int, Callable[[], Address]], *, web: int = 0):
        self.folder, self.web = folder, web
        self.sockets = {port: str(folder / f"{port}.sock") for port in (*targets, *([web] if web else ()))}
        self._targets = {port: _Once(target) for port, target in targets.items()}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Relays:
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end(self._servers), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        for port, path in self.sockets.items():
            handle = self._web if port == self.web else _to(self._targets[port])
            self._servers.append(await asyncio.start_unix_server(handle, path))

    async def _web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            await _proxied(reader, writer)
        writer.close()


class TcpRelay:
    """One target on a free port of the loopback address, for a kernel without a network of its own."""

    def __init__(self, target: Callable[[], Address]):
        self._target, self._loop = _Once(target), asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> TcpRelay:
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        serving = asyncio.start_server(_to(self._target), sock=self._listener)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end([self._server]), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _to(target: _Once) -> Callable[..., Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(Exception):
            address = await asyncio.get_running_loop().run_in_executor(None, target)
            await _join((reader, writer), await asyncio.open_connection(*address))
        writer.close()

    return handle


async def _end(servers: Iterable[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Once:
    """A target, started by the first connection; the others wait for it."""

    def __init__(self, start: Callable[[], Address]):
        self._start, self._lock = start, threading.Lock()
        self._address: Address | None = None

    def __call__(self) -> Address:
        with self._lock:
            self._address = self._address or self._start()
            return self._address


async def _proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request of an HTTP client to its proxy: a tunnel, or a message that is passed on."""
    head = await reader.readuntil(b"\r\n\r\n")
    if len(head) > HEAD_BYTES:
        return
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    tunnel = method == "CONNECT"
    where = urlsplit(f"//{target}" if tunnel else target)
    host, port = where.hostname or "", where.port or (443 if tunnel else 80)
    try:
        upstream = _upstream("https" if tunnel else "http")
        other = await asyncio.wait_for(_open(host, port, upstream), CONNECT_SECONDS)
    except (TimeoutError, OSError):
        if tunnel:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        return
    if tunnel and not upstream:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        other[1].write(head if tunnel else _one_request(head, target, upstream))
    await _join((reader, writer), other)


def _one_request(head: bytes, target: str, upstream: Address | None) -> bytes:
    """The head of a message for one exchange: its connection is closed behind the answer."""
    head = re.sub(rb"(?im)^(?:proxy-)?connection:.*\r\n", b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    if upstream:
        return head
    path = target.split("/", 3)[3] if target.count("/") > 2 else ""
    return head.replace(target.encode("latin-1"), b"/" + path.encode("latin-1"), 1)


def _upstream(scheme: str) -> Address | None:
    """This machine's own proxy, when its environment names one."""
    address = os.environ.get(f"{scheme}_proxy") or os.environ.get(f"{scheme.upper()}_PROXY") or ""
    where = urlsplit(address if "//" in address else f"//{address}")
    return (unquote(where.hostname), where.port or 3128) if where.hostname else None


async def _open(host: str, port: int, upstream: Address | None) -> Pipes:
    """A connection to a host that is not this machine, or to the proxy that reaches it."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if any(is_own(str(entry[4][0])) for entry in found):
            raise ConnectionRefusedError(f"{host} is this machine")
        if not upstream:
            return await asyncio.open_connection(str(found[0][4][0]), port)
    if not upstream or is_own(host):
        raise ConnectionRefusedError(host)
    return await asyncio.open_connection(*upstream)


def is_own(address: str) -> bool:
    """Whether an address is one of this machine's."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address.lower().rstrip(".") == "localhost"
    number = getattr(number, "ipv4_mapped", None) or number
    if number.is_loopback or number.is_unspecified or number.is_link_local:
        return True
    own = {entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries}
    return str(number) in own


async def _join(inside: Pipes, outside: Pipes) -> None:
    """Pass on what either end says until both are silent."""
    try:
        await asyncio.gather(_pump(inside[0], outside[1]), _pump(outside[0], inside[1]))
    finally:
        outside[1].close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(PIECE):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

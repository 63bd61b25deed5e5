"""Services of this machine that a page would write to: its code says localhost and means a server of its own."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Iterable, Iterator, Sequence

from kit.errors import KitError
from kit.pages.code import calls, imported_modules, parse

MILVUS_PORT = 19530  # where pymilvus and langchain-milvus connect when they are given no address
MILVUS = ("pymilvus", "langchain_milvus", "langchain_community")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0", "::1")
_SERVER = re.compile(
    r"(?:https?|tcp|grpc)://(?:[^@/]*@)?(?P<host>\[[^\]]+\]|[^:/\s]+)(?::(?P<port>\d{2,5}))?(?:/\w*)?$"
)
_ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d{2,5})\b")


def refuse_local_services(codes: Sequence[str], beside: Iterable[int] = ()) -> None:
    """Raise KitError when something listens on a local port that the page's code connects to.

    A page drops and fills data freely; whoever runs a service of theirs on that port would lose it. `beside` are ports
    that the page does not reach, as something else is served to it there.
    """
    if taken := [port for port in sorted(local_ports(codes) - set(beside)) if _listens(port)]:
        ports = ", ".join(f"localhost:{port}" for port in taken)
        raise KitError(
            f"The page connects to {ports}, where a service of yours listens; its code may change or drop what is "
            "there. Stop that service, or say --allow-local when the page may use it."
        )


def local_ports(codes: Sequence[str]) -> set[int]:
    """The local ports that a page's code names, and Milvus' own when it uses Milvus."""
    ports = {MILVUS_PORT} if set(MILVUS) & set(imported_modules(codes)) else set()
    for code in codes:
        for node in ast.walk(parse(code) or ast.Module([], [])):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                ports |= {int(port) for port in _ADDRESS.findall(node.value) if int(port) < 65536}
        for call in calls(code):
            given = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
            if str(given.get("port", "")).isdigit() and given.get("host", "localhost") in ("localhost", "127.0.0.1"):
                ports.add(int(str(given["port"])))
    return {port for port in ports if 0 < port < 65536}


def milvus_ports(codes: Sequence[str]) -> set[int]:
    """The ports at which a page's code means a Milvus: the usual one, and those that it connects a client to."""
    if not set(MILVUS) & set(imported_modules(codes)):
        return set()
    return {MILVUS_PORT} | {port for host, port in _milvus_addresses(codes) if host in LOCAL_HOSTS}


def names_milvus(codes: Sequence[str]) -> bool:
    """Whether a page's code gives the address of a Milvus server on this machine, or on a host that it names."""
    if not set(MILVUS) & set(imported_modules(codes)):
        return False
    return bool(milvus_hosts(codes)) or any(host in LOCAL_HOSTS for host, _ in _milvus_addresses(codes))


def milvus_hosts(codes: Sequence[str]) -> set[str]:
    """The other hosts, by name or number, that a page's code finds a Milvus at by its usual port."""
    named = {host for host, port in _milvus_addresses(codes) if port == MILVUS_PORT and host not in LOCAL_HOSTS}
    return {host for host in named if re.fullmatch(r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*", host)}


def _milvus_addresses(codes: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(host, port) of each address that a page gives a client as `uri`, as `host` and `port`, or in a name with URI."""
    for code in codes:
        for node in ast.walk(parse(code) or ast.Module([], [])):
            if isinstance(node, ast.Dict):
                pairs = [(getattr(key, "value", ""), value) for key, value in zip(node.keys, node.values, strict=True)]
            elif isinstance(node, ast.Call):
                pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
                pairs += [("uri", argument) for argument in node.args[:1]]
            elif isinstance(node, ast.Assign):
                pairs = [("uri", node.value) for t in node.targets if "URI" in getattr(t, "id", "").upper()]
                pairs += [("uri", node.value) for t in node.targets if "MILVUS" in getattr(t, "id", "").upper()]
            else:
                continue
            given = {name: value.value for name, value in pairs if isinstance(value, ast.Constant)}
            if match := _SERVER.match(str(given.get("uri", ""))):
                yield match["host"].strip("[]").lower(), int(match["port"] or MILVUS_PORT)
            elif "host" in given and str(given.get("port", MILVUS_PORT)).isdigit():
                yield str(given["host"]).lower(), int(str(given.get("port", MILVUS_PORT)))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

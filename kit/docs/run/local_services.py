"""Services of this machine that a page would write to: its code says localhost and means a server of its own."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Sequence

from kit.errors import KitError
from kit.pages.code import calls, imported_modules, parse

MILVUS_PORT = 19530  # where pymilvus and langchain-milvus connect when they are given no address
MILVUS = ("pymilvus", "langchain_milvus", "langchain_community")
_ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d{2,5})\b")


def refuse_local_services(codes: Sequence[str]) -> None:
    """Raise KitError when something listens on a local port that the page's code connects to.

    A page drops and fills collections freely; whoever runs a server of theirs on that port would lose them.
    """
    if taken := [port for port in sorted(local_ports(codes)) if _listens(port)]:
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
                ports.add(int(given["port"]))
    return {port for port in ports if 0 < port < 65536}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0

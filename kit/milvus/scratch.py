"""Scratch databases on a Milvus server, each dropped when the process that made it ends, however it ends.

Run as a module, this waits for that end: a line of JSON on stdin says where the database is; one line more says that
its owner has dropped it, the end of stdin that the owner is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import re
import subprocess
import sys
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from kit.errors import KitError

STOP_SECONDS = 10


class _Scratch(NamedTuple):
    """How to reach a database, and the process that waits for this one's end."""

    connection: dict[str, Any]
    watcher: subprocess.Popen[str]


_OWNED: dict[str, _Scratch] = {}


def scratch_database(uri: str) -> str:
    """The address of a new empty database on the server at `uri`, there until this process ends, be it by kill -9.

    An address that names a database, `https://host/database`, is given back as it is: that one may be overwritten.
    Raises KitError for a server that does not answer or makes no databases.
    """
    if urlsplit(uri).path.strip("/"):
        return uri
    from pymilvus import MilvusException

    from kit.milvus.connection import connect, open_client
    from kit.settings import without_password

    connection = connect(uri)
    name = f"kit_{uuid.uuid4().hex[:12]}"
    client = open_client(connection)
    scratch = connection | {"uri": urlunsplit(urlsplit(uri)._replace(path=f"/{name}"))}
    _OWNED[scratch["uri"]] = _Scratch(scratch, _watcher(scratch))
    try:
        client.create_database(name)
    except MilvusException as error:
        _dismiss(scratch["uri"])
        raise KitError(
            f"{without_password(uri)} makes no database to work in ({error.message})",
            mend="Name one that may be overwritten in MILVUS_URI: https://host/database.",
        ) from None
    finally:
        client.close()
    return str(scratch["uri"])


def drop_scratch_database(uri: str) -> None:
    """Drop a database that `scratch_database` made in this process, with what is in it; another one is left alone."""
    if uri in _OWNED:
        _drop(_OWNED[uri].connection)
        _dismiss(uri)


def _drop(connection: dict[str, Any]) -> None:
    from kit.milvus.connection import ConnectionArgs, open_client

    address = urlsplit(connection["uri"])
    name = address.path.strip("/")
    if not re.fullmatch(r"kit_[0-9a-f]{12}", name):
        return
    outside = open_client(ConnectionArgs(connection | {"uri": urlunsplit(address._replace(path=""))}))
    if name in outside.list_databases():
        inside = open_client(ConnectionArgs(connection))
        for collection in inside.list_collections():
            inside.drop_collection(collection)
        inside.close()
        outside.drop_database(name)
    outside.close()


def _watcher(connection: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that drops the database when it hears nothing more of this one."""
    watcher = subprocess.Popen(
        [sys.executable, "-P", "-m", "kit.milvus.scratch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C and the end of a kernel's process group do not reach it
    )
    _say(watcher, json.dumps(connection))
    return watcher


def _say(watcher: subprocess.Popen[str], line: str) -> None:
    if watcher.stdin:
        watcher.stdin.write(line + "\n")
        watcher.stdin.flush()


def _dismiss(uri: str) -> None:
    watcher = _OWNED.pop(uri).watcher
    with contextlib.suppress(OSError):
        _say(watcher, "dropped")
        if watcher.stdin:
            watcher.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        watcher.wait(STOP_SECONDS)


@atexit.register
def _drop_all() -> None:
    """In an orderly end the databases go before it; what fails now is left to the watchers."""
    if not _OWNED:
        return
    from pymilvus import MilvusException

    for uri in list(_OWNED):
        with contextlib.suppress(KitError, MilvusException):
            drop_scratch_database(uri)


def main() -> None:
    """Wait for the owner's end, and drop its database unless it has done so."""
    connection = json.loads(sys.stdin.readline())
    if not sys.stdin.readline():
        _drop(connection)


if __name__ == "__main__":
    main()

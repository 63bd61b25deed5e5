"""A checked connection to a Milvus, embedded or a server: it opens, or a sentence says why it does not."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kit.errors import KitError
from kit.extras import missing_package
from kit.milvus.inventory import check_databases, check_files
from kit.milvus.langchain import connection_of
from kit.milvus.lite_files import damaged, torn_indexes, unreadable_file
from kit.milvus.retry import away
from kit.settings import load_settings, milvus_address, without_password

if TYPE_CHECKING:
    from langchain_milvus import Milvus
    from pymilvus import MilvusClient

CONNECT_SECONDS = 10
DIRECT = "no_grpc_proxy"  # the variable in which gRPC looks first for hosts to reach without a proxy
OWN = ("127.0.0.1", "localhost", "::1")  # addresses of this machine
_OPENING = threading.Lock()  # two threads that open one Lite file at once: the second is refused by its lock
_LITE_SERVERS: set[str] = set()  # addresses behind which connect() met Milvus Lite: `kit server start --lite`


class ConnectionArgs(dict[str, Any]):
    """`connection_args` for langchain-milvus and pymilvus; shown without the token."""

    def __repr__(self) -> str:
        shown = {name: "…" if name == "token" else value for name, value in self.items()}
        return repr(shown | {"uri": without_password(self["uri"])})


def address(uri: str | os.PathLike[str]) -> str:
    """An address as a text, however a path is given."""
    return os.fspath(uri)


def is_lite(uri: str | os.PathLike[str]) -> bool:
    """Whether the address is a file of the embedded Milvus Lite."""
    return address(uri).endswith(".db")


def connect(uri: str | os.PathLike[str] | None = None) -> ConnectionArgs:
    """`connection_args` for an address, or for MILVUS_URI, once it was seen to open; the token is MILVUS_TOKEN.

    Raises KitError for a missing folder, a file that another process holds (with its process id where the system
    tells), a file in the format of Milvus Lite 2.x, a server that does not answer, a wrong token, a Milvus Lite
    database that lacks files or rows of what `ingest` wrote.
    """
    settings = load_settings()
    uri = address(uri) if uri else settings.milvus_uri
    if uri is None:
        raise KitError("connect() has no address.", mend="Give a path that ends in .db, or set MILVUS_URI.")
    try:
        milvus_address(uri)
    except ValueError as error:
        raise KitError(f"{without_password(uri)} is no address of a Milvus", wanted=str(error)) from None
    uri = str(Path(uri).absolute()) if is_lite(uri) else uri  # the same file from another working directory, too
    connection = ConnectionArgs(uri=uri)
    if settings.milvus_token and not is_lite(uri):
        connection["token"] = settings.milvus_token.get_secret_value()
    if is_lite(uri):
        _check_lite_files(uri)
    client = open_client(connection)
    if is_lite(uri):
        _check_lite_rows(uri, client)
    elif engine(client).startswith("milvus-lite"):
        _LITE_SERVERS.add(uri)
    client.close()
    return connection


def _check_lite_files(uri: str) -> None:
    """Refuse a damaged database before the engine opens it, and cleans up what it does not understand."""
    try:
        check_files(uri)
    except KitError:
        if _holder(Path(uri)):  # whose files change while they are read
            raise _why_not(uri, "") from None
        raise
    _remove_torn_indexes(Path(uri))


def _remove_torn_indexes(path: Path) -> None:
    """Let the engine make anew what a kill left half-written, unless somebody has the database open."""
    from filelock import FileLock, Timeout

    with contextlib.suppress(PermissionError):
        if torn := torn_indexes(path):
            with contextlib.suppress(Timeout), FileLock(path / "LOCK", timeout=0):
                for file in torn:
                    file.unlink(missing_ok=True)


def _check_lite_rows(uri: str, client: MilvusClient) -> None:
    """Refuse a damaged database, and let go of it, so that it can be set aside and rebuilt in this process."""
    from milvus_lite.server_manager import server_manager_instance

    try:
        check_databases(uri, client)
    except KitError:
        client.close()
        server_manager_instance.release_server(uri)
        raise


def serves_lite(uri: str) -> bool:
    """Whether the engine at the address is Milvus Lite, in this process or behind an address that `connect` opened."""
    return is_lite(uri) or uri in _LITE_SERVERS


def engine(client: MilvusClient) -> str:
    """The engine and its version, such as `milvus-lite-3.2.2` or `milvus-2.3.5`."""
    version = client.get_server_version().replace("_", "-")
    return version if version.startswith("milvus-lite") else f"milvus-{version.removeprefix('v')}"


def reach_directly(uri: str) -> None:
    """Let gRPC reach this machine's own addresses without the proxy that the environment may name."""
    if urlsplit(uri).hostname in OWN:
        direct = os.environ.get(DIRECT, os.environ.get("no_proxy", ""))
        os.environ[DIRECT] = ",".join(dict.fromkeys([*filter(None, direct.split(",")), *OWN]))


@contextlib.contextmanager
def in_words(vector_store: Milvus) -> Iterator[None]:
    """What Milvus refuses inside becomes a KitError; a wrong dimension and a server that is away are told as such."""
    import grpc
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError) as error:
        said, why = getattr(error, "message", None) or str(error), None
        if away(error):
            why = _why_not(connection_of(vector_store)["uri"], said)
        raise KitError(
            f'The collection "{vector_store.collection_name}" cannot be asked: {why.found if why else said}',
            wanted=why.wanted if why else "",
            mend=why.mend if why else "",
        ) from None


def open_client(connection: ConnectionArgs) -> MilvusClient:
    """A client, or a KitError that says why there is none."""
    try:
        from pymilvus import MilvusClient, MilvusException
    except ModuleNotFoundError as error:
        raise missing_package(error, "kit.connect") from None

    # Both log each error that they raise, with a clock and a traceback: the same news twice. pymilvus sets its level
    # when it is imported, so this stands after the import.
    for package in ("pymilvus", "milvus_lite", "grpc._server"):  # the last: of a call that Lite lacks
        logging.getLogger(package).setLevel(logging.CRITICAL)
    reach_directly(connection["uri"])
    try:
        with _OPENING:
            client = MilvusClient(**connection, timeout=CONNECT_SECONDS)
            client.list_collections(timeout=CONNECT_SECONDS)
        return client
    except (MilvusException, OSError, ValueError) as error:
        # pymilvus says "server unavailable" for a refused log-in too; the cause tells them apart.
        raise _why_not(connection["uri"], f"{error} {error.__cause__ or ''}".strip()) from None


def _why_not(uri: str, said: str) -> KitError:
    if is_lite(uri):
        return _why_not_lite(Path(uri), said)
    shown = without_password(uri)
    if any(word in said.lower() for word in ("auth", "api key", "permission")):
        token = "is wrong" if load_settings().milvus_token else "is not set"
        return KitError(
            f"The server at {shown} refused the log-in: MILVUS_TOKEN {token}", wanted="user:password or an API key"
        )
    if "database not found" in said.lower():
        return KitError(f"The server at {shown} answers, but has no database of that name.")
    proxies = [name for name in ("http_proxy", "https_proxy", "grpc_proxy") if os.environ.get(name)]
    proxy = f" ({proxies[0]} is set: name the host in no_proxy if it is reached directly)" if proxies else ""
    return KitError(
        f"No Milvus server answers at {shown} within {CONNECT_SECONDS} s{proxy}.",
        mend="Start it, mend MILVUS_URI, or unset MILVUS_URI to run on the embedded Milvus Lite.",
    )


def _why_not_lite(path: Path, said: str) -> KitError:
    if not path.parent.is_dir():
        return KitError(
            f"{path} cannot be opened: its folder {path.parent} does not exist.", mend="Make it, or mend the path."
        )
    if path.is_file():
        with path.open("rb") as file:
            old = file.read(15) == b"SQLite format 3"
        if old:
            return KitError(
                f"{path} was written by Milvus Lite 2.x, which this version cannot read.",
                mend="Keep it, and ingest the documents again into a new path.",
            )
        return KitError(
            f"{path} is a file of another kind; a Milvus Lite database is a folder.", mend="Choose a new path."
        )
    if holder := _holder(path):
        return KitError(
            f"{path} is held by {holder}.",
            mend="Stop it or close its kernel, give each process a .db of its own, or serve this one to both: "
            f"kit server start --lite {shlex.quote(str(path))}",
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return KitError(f"{path} cannot be written: no permission.", mend="Choose a path in a folder of yours.")
    if unreadable := unreadable_file(path):
        collection, name = unreadable
        return damaged(str(path), collection, f"the data file {name} has a page that cannot be read")
    return KitError(
        f"{path} cannot be opened by Milvus Lite: {said}.", mend="If it is damaged, ingest into a new path."
    )


def _holder(path: Path) -> str | None:
    """The other process that holds a Lite database's lock, as `process 123 (python …)`, or None when none does."""
    import psutil
    from filelock import FileLock, Timeout

    lock_file = path / "LOCK"
    if not lock_file.is_file():
        return None
    for process in psutil.process_iter():
        try:
            if any(Path(file.path) == lock_file.resolve() for file in process.open_files()):
                if process.pid == os.getpid():
                    return None
                return f"process {process.pid} ({' '.join(process.cmdline())[:80]})"
        except (psutil.Error, OSError):
            continue
    try:
        with FileLock(lock_file, timeout=0):
            return None
    except Timeout:
        return "another process"
    except OSError:
        return None

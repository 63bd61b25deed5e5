"""What every test shares: no network, no keys, a database on each engine, and the root of the repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OFFLINE = str(Path(__file__).parent / "offline")
sys.path.insert(0, OFFLINE)
import sitecustomize  # noqa: E402,F401 - blocks connections that leave this machine

# Processes that the tests start are offline too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [OFFLINE, os.environ.get("PYTHONPATH")]))
for name in (
    "KIT_EMBEDDINGS",
    "KIT_JUDGE",
    "KIT_JUDGE_PRICE",
    "KIT_CHAT",
    "MILVUS_URI",
    "MILVUS_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
):
    os.environ.pop(name, None)


ENGINES = ("lite", "server")


def pytest_addoption(parser):
    parser.addoption("--uri", help="a Milvus server to test on, instead of one that the tests start and stop")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Collections and pages that are measured with and not part of the project; tests on them skip without it."""
    folder = Path(os.environ.get("KIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the folder of datasets {folder} is not here (KIT_SHARED names another)")
    return folder


@pytest.fixture
def uri(tmp_path) -> str:
    """A Milvus Lite database of this test alone."""
    return str(tmp_path / "test.db")


@pytest.fixture(scope="session")
def milvus_server(request):
    """The address of a real Milvus server: the one of --uri, or one of this session, gone at its end."""
    from kit.errors import KitError
    from kit.server import package as server_files
    from kit.server import servers as server

    if given := request.config.getoption("--uri"):
        yield given
        return
    if reason := server_files.no_wheel():
        pytest.skip(f"no Milvus server: {reason}")
    try:
        server_files.install()
    except KitError as error:  # such as: no network, and never installed before
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Milvus server: {error}")
    with server.running() as running:
        yield running.uri


@pytest.fixture(scope="session")
def own_server(request, milvus_server) -> str:
    """As `milvus_server`, where a test is about the server that the kit starts."""
    if request.config.getoption("--uri"):
        pytest.skip("--uri names a server that the kit did not start")
    return milvus_server


@pytest.fixture(scope="session")
def new_database(request, tmp_path_factory):
    """A function that makes an empty database on an engine and gives its address, for fixtures of any scope."""
    from kit.milvus.scratch import scratch_database

    def make(engine: str) -> str:
        if engine == "lite":
            return str(tmp_path_factory.mktemp("lite") / "test.db")
        return scratch_database(request.getfixturevalue("milvus_server"))

    return make


@pytest.fixture(params=ENGINES)
def database(request, new_database):
    """An empty database of this test alone, on each engine."""
    yield (uri := new_database(request.param))
    _drop(uri)


@pytest.fixture(scope="module", params=ENGINES)
def shared_database(request, new_database):
    """A database that the tests of a module share, on each engine."""
    yield (uri := new_database(request.param))
    _drop(uri)


def _drop(uri: str) -> None:
    from kit.milvus.scratch import drop_scratch_database

    drop_scratch_database(uri)

"""What every test shares: no network, no keys, no server, and the root of the repository."""

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
def milvus_server():
    """The address of a real Milvus server of this session, empty at its start and gone at its end."""
    from kit import server, server_files
    from kit.errors import KitError

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

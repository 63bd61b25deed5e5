"""Where the project's own files lie: at the top of a checkout, or inside the package of an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_IN_WHEEL = _PACKAGE / "_project"  # laid there when the wheel is built


def project_root() -> Path:
    """The folder that holds `data/`, `notebooks/` and the server's lock."""
    return _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent


def is_checkout() -> bool:
    """Whether the kit runs from its own repository, whose notebooks and baselines may be rewritten."""
    return not _IN_WHEEL.is_dir()


def golden_folder() -> Path:
    """The labelled questions on the State of the Union addresses, a JSONL file an address."""
    return project_root() / "data" / "golden"


def pages_folder() -> Path:
    """Fingerprints and ledgers of docs pages."""
    return project_root() / "data" / "pages"


def notebooks_folder() -> Path:
    """The kit's notebooks with their `index.toml`."""
    return project_root() / "notebooks"


def server_lock() -> Path:
    """The hash-locked requirements of the Milvus server's package."""
    return project_root() / "requirements-server.lock"

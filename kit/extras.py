"""The wheel's extras: which packages each brings, and the sentence for a package that is not installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from kit.errors import KitError

PROJECT = "milvus-notebook-kit"
EXTRAS = ("notebooks", "models", "docs", "milvus", "bench", "readers", "fast", "multilingual", "all")

# What a part of the kit needs; the command line's rooms and the packages of `kit` by name.
_NEEDED_BY = {
    "notebooks": "notebooks",
    "tour": "all",
    "docs": "docs",
    "bench": "bench",
    "load_embeddings": "models",
}
_OTHERWISE = "milvus"


class Package(NamedTuple):
    """A package that an installed wheel asks for: its name, the range it wants, and what is there (None: nothing)."""

    name: str
    wanted: str
    version: str | None


def missing_package(error: ModuleNotFoundError, part: str) -> KitError:
    """The one sentence for a package that `part` needs and this installation lacks.

    `part` is a command (`bench`) or a name of the kit (`kit.connect`). Raises the error
    again when the missing module is the kit's own.
    """
    if (error.name or "kit").split(".")[0] == "kit":
        raise error
    room = part.removeprefix("kit.").split(".")[0]
    extra = _NEEDED_BY.get(room, _OTHERWISE)
    return KitError(
        f"{part} needs {(error.name or '').split('.')[0]}, which is not installed here.",
        mend=f"Install it with: pip install '{PROJECT}[{extra}]'",
    )


def asked_packages(extra: str = "") -> list[Package]:
    """What the core, or one of its EXTRAS, asks for on this machine, as the installed project's metadata say."""
    from packaging.requirements import Requirement

    packages = []
    for line in requires(PROJECT) or []:
        requirement = Requirement(line)
        here = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        in_core = requirement.marker is None or "extra" not in str(requirement.marker)
        if here and in_core == (extra == "") and requirement.name != PROJECT:
            packages.append(Package(requirement.name, str(requirement.specifier), _installed(requirement.name)))
    return packages


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

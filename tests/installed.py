"""Fresh environments with the wheel in them: made offline, from the packages of the environment that tests run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "milvus-notebook-kit"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}") or "uv"


def build_wheel(root: Path, out: Path) -> Path:
    """The wheel of the checkout at `root`, as `make wheel` builds it."""
    command = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", str(out), str(root)], check=True)
    return next(out.glob("*.whl"))


def environment(folder: Path, wheel: Path, extra: str) -> Path:
    """The Python of a new environment with the wheel in it, without -e, and just what `extra` brings ("": the core).

    The packages are linked from the environment that the tests run in, which `make` installs from the lock.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    command = [UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run(command, check=True)
    (folder / "share").symlink_to(Path(sys.prefix) / "share")  # Jupyter's templates
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    if extra == "all":
        (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return python
    kit = next(Distribution.discover(name=PROJECT, path=[str(packages)]))
    owners: dict[Path, set[str]] = defaultdict(set)
    for name in _closure(kit, extra):
        for file in distribution(name).files or []:
            if file.parts[0] not in ("..", "__pycache__"):
                owners[Path(*file.parts[:2]) if len(file.parts) > 1 else Path(file)].add(name)
    source = Path(sysconfig.get_path("purelib"))
    for place in owners:
        (packages / place).parent.mkdir(exist_ok=True, parents=True)
        if (source / place).exists():
            (packages / place).symlink_to(source / place)
    return python


def _closure(kit: Distribution, extra: str) -> set[str]:
    """The names of every package that an extra brings, with what those need."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    open_lines = [(line, extra) for line in kit.requires or []]
    while open_lines:
        line, wanted = open_lines.pop()
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": wanted}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # another system's
        found.add(name)
        new = [e for e in ("", *requirement.extras) if (name, e) not in seen]
        seen |= {(name, e) for e in new}
        open_lines += [(need, e) for e in new for need in needs]
    return found - {PROJECT}

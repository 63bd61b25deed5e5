"""Python environments for sets of requirements: resolved and built by uv, kept in KIT_CACHE_DIR by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from kit.errors import KitError
from kit.files.write import write_whole
from kit.settings import load_settings

NEWEST = ("latest", "pre")  # the newest releases; the newest with pre-releases
RESOLVE_SECONDS, BUILD_SECONDS = 300, 1800
# What a replay needs of an environment, whatever the page imports: a kernel, and the embedded Milvus.
BASE = ("ipykernel", "langchain-milvus", "pymilvus[milvus-lite]")


class Environment(NamedTuple):
    """An environment that is ready: the set as it was asked for, its Python, and the release of every package."""

    requirements: str
    python: Path
    versions: dict[str, str]


class Lock(NamedTuple):
    """A set of requirements, resolved: pinned lines with hashes, and why they may not be today's ('' when they are)."""

    text: str
    note: str = ""

    @property
    def versions(self) -> dict[str, str]:
        """Package -> release."""
        pins = (line.split(" ")[0].partition("==") for line in self.text.splitlines() if line[:1].isalnum())
        return {name: release.rstrip("\\").strip() for name, _, release in pins if release}


def read_set(text: str) -> list[str]:
    """The requirements of a set: `latest`, `pre`, or requirements separated by spaces.

    >>> read_set("langchain-milvus==0.3.3 pymilvus<2.6")
    ['langchain-milvus==0.3.3', 'pymilvus<2.6']
    """
    from packaging.requirements import InvalidRequirement, Requirement

    text = text.strip()
    if text in NEWEST:
        return []
    for words in ([text], text.split()):
        with contextlib.suppress(InvalidRequirement):
            return [str(Requirement(word)) for word in words if word] or _refuse(text)
    return _refuse(text)


def environment(requirements: str, packages: Iterable[str] = ()) -> Environment:
    """The environment of a set of requirements, built on first use.

    `packages` are further packages that the page imports; the set's own requirements decide their releases.
    Two processes may ask for one at once: one builds, the other waits. A build that was killed leaves nothing in use.

    Raises:
        KitError: the set is no list of requirements, cannot be resolved or cannot be installed; in uv's words.
    """
    lock = resolve(requirements, packages)
    return Environment(requirements, _python_of(built(lock)), lock.versions)


def built(lock: Lock) -> Path:
    """The folder of a lock's environment, whole: found in KIT_CACHE_DIR under the lock's hash, or made there."""
    root = load_settings().cache_dir / "environments"
    python = f"{platform.python_implementation()}-{platform.python_version()}-{platform.machine()}-{sys.platform}"
    folder = root / _digest(f"{python}\n{lock.text}")
    with _only_one(root / f"{folder.name}.lock"):
        if not _is_whole(folder):
            _build(folder, lock)
    return folder


def resolve(requirements: str, packages: Iterable[str] = ()) -> Lock:
    """The pins of a set, fresh from the package index; when that does not answer, as it was resolved last."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = read_set(requirements)
    named = {canonicalize_name(Requirement(line).name) for line in wanted}
    base = [line for line in (*BASE, *packages) if canonicalize_name(Requirement(line).name) not in named]
    if "pymilvus" in named:
        base.append("milvus-lite")  # the extra of pymilvus brings it; a pin of pymilvus alone does not
    lines = "\n".join(sorted({*wanted, *base})) + "\n"
    newest = ["--prerelease", "allow"] if requirements.strip() == "pre" else []
    remembered = load_settings().cache_dir / "environments" / f"{_digest(lines + ' '.join(newest))}.txt"
    arguments = ["pip", "compile", "-", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable]
    done = _uv([*arguments, *newest], RESOLVE_SECONDS, lines)
    if done.returncode == 0:
        write_whole(remembered, done.stdout)
        return Lock(done.stdout)
    if _no_network(done.stderr) and remembered.is_file():
        return Lock(remembered.read_text(encoding="utf-8"), "the package index did not answer: as resolved before")
    raise KitError(f"The set {requirements!r} cannot be resolved: {_in_words(done.stderr)}")


def _build(folder: Path, lock: Lock) -> None:
    """Make the environment beside its place and move it there in one step."""
    for corpse in folder.parent.glob(f"{folder.name}.building-*"):
        shutil.rmtree(corpse, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    building = folder.with_name(f"{folder.name}.building-{uuid.uuid4().hex[:8]}")
    try:
        steps = (
            ["venv", "--quiet", "--no-project", "--relocatable", "--python", sys.executable, str(building)],
            ["pip", "install", "--quiet", "--python", str(_python_of(building)), "--no-deps", "--require-hashes", "-r"],
        )
        for step, seconds in zip(steps, (RESOLVE_SECONDS, BUILD_SECONDS), strict=True):
            if step[-1] == "-r":
                (building / "lock.txt").write_text(lock.text, encoding="utf-8")
                step.append(str(building / "lock.txt"))
            done = _uv(step, seconds)
            if done.returncode:
                raise KitError(f"The environment cannot be built: {_in_words(done.stderr)}")
        (building / "whole.json").write_text(json.dumps(lock.versions, indent=1), encoding="utf-8")
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    return (folder / "whole.json").is_file() and _python_of(folder).exists()


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextlib.contextmanager
def _only_one(path: Path):
    """Hold the lock of an environment; the system frees it when its holder dies, however it dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            yield
    except OSError as error:
        raise KitError(f"{path.parent} cannot be written: {error.strerror or error}. Set KIT_CACHE_DIR.") from None


def _uv(arguments: Sequence[str], seconds: int, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run uv; a time-out is a failure in words."""
    try:
        import uv
    except ImportError:
        raise KitError("uv, which builds environments for --with, is not installed. Run `make tour` again.") from None
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    try:
        return subprocess.run(
            [uv.find_uv_bin(), *arguments], input=text, text=True, capture_output=True, timeout=seconds,
            env=clean | {"NO_COLOR": "1", "UV_LINK_MODE": clean.get("UV_LINK_MODE", "hardlink")}, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(list(arguments), 1, "", f"uv was stopped after {seconds} s.")


def _in_words(stderr: str) -> str:
    """uv's explanation on one line, without its drawing and without a password in an address."""
    words = re.sub(r"[╰╭│─▶×]+|^\s*(error|hint):", " ", stderr, flags=re.MULTILINE)
    words = re.sub(r"//[^/\s@]+@", "//", words)
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith(("Using Python", "warning:"))]
    return " ".join(" ".join(lines).split())[:600] or "uv gave no reason."


def _no_network(stderr: str) -> bool:
    signs = ("failed to fetch", "connect", "dns", "timed out", "network", "offline")
    return any(sign in stderr.lower() for sign in signs)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _refuse(text: str) -> list[str]:
    raise KitError(
        f"Wanted a set of requirements such as 'langchain-milvus==0.3.3 pymilvus<2.7', latest or pre; found {text!r}."
    )

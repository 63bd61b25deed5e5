"""`kit doctor`: what the kit needs, looked at one by one; each finding says what to do."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kit.errors import KitError
from kit.files.project import project_root
from kit.milvus.connection import is_lite

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from kit.settings import Settings

LOCK = project_root() / "requirements.lock"
PYTHONS = ((3, 11), (3, 14))  # from, up to and without
FREE_GB = 2.0
SLOW_SECONDS = 0.5
CLOCK_SECONDS = 60.0
ANSWER_SECONDS = 5.0

OK, WARNING, BROKEN = "ok", "warning", "broken"


class Finding(NamedTuple):
    """One thing that was looked at: ok, a warning or broken; what was found, and what to do about it."""

    name: str
    state: str
    found: str
    todo: str = ""


def examine(databases: list[Path], uri: str | None = None) -> list[Finding]:
    """Look at Python, the packages, the models, the cache, the disk, the databases, the server, the OpenAI settings.

    `databases` are Milvus Lite paths besides MILVUS_URI; `uri` is a server instead of MILVUS_URI. No key is shown, and
    nothing is sent to an OpenAI endpoint but a request without a key.
    """
    from kit.settings import load_settings

    findings = [_python(), _packages()]
    try:
        settings = load_settings()
    except KitError as error:
        return [*findings, Finding("settings", BROKEN, str(error), "Mend the environment or .env.")]
    findings += [_looked_at("models", _models), _looked_at("cache", lambda: _cache(settings.cache_dir))]
    address = uri or settings.milvus_uri
    lite = [*databases, *([Path(address)] if address and is_lite(address) else [])]
    findings += [_looked_at("disk", lambda: _disk([settings.cache_dir, *lite]))]
    findings += [_looked_at(f"database {path.name}", partial(_database, path)) for path in lite]
    if address and not is_lite(address):
        findings += list(_server(address))
    elif not lite:
        findings.append(Finding("Milvus", OK, "MILVUS_URI is not set: everything runs on the embedded Milvus Lite"))
    findings.append(_server_package())
    findings.append(_openai(settings))
    return findings


def _looked_at(name: str, look: Callable[[], Finding]) -> Finding:
    """The finding; an error that is told in a sentence is one, too."""
    try:
        return look()
    except KitError as error:
        return _in_two(name, error)


def _in_two(name: str, error: KitError) -> Finding:
    """What is broken, and how to mend it."""
    return Finding(name, BROKEN, str(KitError(f"{error.found.rstrip('.')}.", wanted=error.wanted)), error.mend)


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _python() -> Finding:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return Finding("Python", OK, found)
    return Finding("Python", BROKEN, found, "Use Python 3.11, 3.12 or 3.13: make clean, make tour PYTHON=python3.11")


def _packages() -> Finding:
    """The installed versions of the packages that the lock names for this machine."""
    if not LOCK.is_file():
        return _asked_packages()
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    # `name==version ; marker \` begins an entry, its hashes follow
    lines = re.findall(r"^[A-Za-z0-9][^\n\\]*==[^\n\\]*", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    locked = [Requirement(line.strip()) for line in lines]
    wrong, looked_at = [], 0
    for requirement in locked:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        looked_at += 1
        wanted = str(requirement.specifier).removeprefix("==")
        try:
            found = version(canonicalize_name(requirement.name))
        except PackageNotFoundError:
            found = "missing"
        if found != wanted:
            wrong.append(f"{requirement.name} {found}, locked {wanted}")
    if not wrong:
        return Finding("packages", OK, f"all {looked_at} as locked")
    shown = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    return Finding("packages", BROKEN, shown, "Install what the lock names: make tour")


def _asked_packages() -> Finding:
    """An installed wheel has no lock: what is there is held against the ranges that it asks for, extra by extra."""
    from packaging.specifiers import SpecifierSet

    from kit.extras import EXTRAS, PROJECT, asked_packages

    extras = {extra: asked_packages(extra) for extra in EXTRAS}
    whole = [extra for extra, packages in extras.items() if all(package.version for package in packages)]
    used = {package for packages in (asked_packages(), *extras.values()) for package in packages}
    wrong = [
        f"{package.name} {package.version}, wanted {package.wanted}"
        for package in sorted(used)
        if package.version and not SpecifierSet(package.wanted).contains(package.version, prereleases=True)
    ]
    if wrong:
        return Finding("packages", BROKEN, "; ".join(wrong), f"Install it again: pip install '{PROJECT}[all]'")
    shown = "all" if "all" in whole else ", ".join(whole) or "none, the slim core"
    return Finding("packages", OK, f"as asked; extras: {shown}")


def _models() -> Finding:
    if not _has("onnxruntime"):
        return Finding("models", OK, "not installed: they come with the extra [models]")
    from kit.models.minilm import MINILM_MODEL, MINILM_TOKENIZER, verified

    for file in (MINILM_MODEL, MINILM_TOKENIZER):
        verified(file)
    return Finding("models", OK, "minilm's two files have the hashes they must have")


def _cache(folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK) or not existing.is_dir():
        return Finding("cache", BROKEN, f"{folder} cannot be written", "Set KIT_CACHE_DIR to a folder of yours.")
    if not (folder / "embeddings" / "cache.db").is_file():
        return Finding("cache", OK, f"{folder} is empty: the first run embeds every text")
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"file:{folder / 'embeddings' / 'cache.db'}?mode=ro", uri=True)) as db:
            (count,) = db.execute("SELECT COUNT(*) FROM Cache").fetchone()
    except sqlite3.Error as error:
        return Finding(
            "cache", BROKEN, f"{folder / 'embeddings'}: {error}", f"Remove it: rm -r {folder / 'embeddings'}"
        )
    return Finding("cache", OK, f"{folder}: {count} vectors")


def _disk(folders: list[Path]) -> Finding:
    """The one of the disks in use that has the least room."""
    absolute = [folder.absolute() for folder in folders]
    places = {Path.cwd(), Path(tempfile.gettempdir())}
    places |= {next(p for p in (folder, *folder.parents) if p.exists()) for folder in absolute}
    free = {place: shutil.disk_usage(place).free / 1e9 for place in places}
    place = min(free, key=free.__getitem__)
    found = f"{free[place]:.1f} GB free in {place}"
    if free[place] >= FREE_GB:
        return Finding("disk", OK, found)
    state = WARNING if free[place] >= FREE_GB / 10 else BROKEN
    return Finding("disk", state, found, f"Free some space: {FREE_GB:g} GB are enough for everything here.")


def _database(path: Path) -> Finding:
    """A Lite database: whole, locked, of an older format or damaged, told apart; every row is read."""
    from milvus_lite.server_manager import server_manager_instance
    from pymilvus import MilvusClient

    from kit.milvus.connection import connect
    from kit.milvus.inventory import check_databases, check_files

    name, uri = f"database {path.name}", str(path)
    if path.suffix != ".db":
        return Finding(name, BROKEN, f"{path} is no Milvus Lite database, whose name ends in .db", "Mend the path.")
    if not path.exists():
        return Finding(name, BROKEN, f"{path} does not exist", "Mend the path, or ingest documents into it.")
    notes = check_files(uri)
    connect(uri)
    try:
        client = MilvusClient(uri)
        check_databases(uri, client, every_row=True)
        collections = client.list_collections()
        client.close()
    finally:
        server_manager_instance.release_server(uri)
    if notes:
        return Finding(name, WARNING, "; ".join(notes), "Run its ingest again.")
    return Finding(name, OK, f"whole: {len(collections)} collections" if collections else "empty")


def _server(uri: str) -> Iterator[Finding]:
    """Whether a server answers and takes the token; its version, how fast it answers, how far its clock is off."""
    from pymilvus import MilvusClient

    from kit.milvus.connection import connect, engine
    from kit.settings import without_password

    try:
        connection = connect(uri)
    except KitError as error:
        yield _in_two("server", error)
        return
    client = MilvusClient(**connection, timeout=ANSWER_SECONDS)
    taken = sorted(_seconds(client.list_collections) for _ in range(5))[2]
    found = f"{engine(client)} at {without_password(uri)}, answers in {taken * 1000:.0f} ms"
    slow = "It is far away or busy; give a nearer one." if taken > SLOW_SECONDS else ""
    yield Finding("server", WARNING if slow else OK, found, slow)
    if not engine(client).startswith("milvus-lite") and (off := _clock(client)) is not None:
        wrong = (
            "Set the clock of one of the two machines: consistency counts on them." if abs(off) > CLOCK_SECONDS else ""
        )
        yield Finding("server's clock", WARNING if wrong else OK, f"{off:+.1f} s against this machine's", wrong)
    client.close()


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _clock(client: MilvusClient) -> float | None:
    """How far the server's clock is ahead of this one, in seconds; None where the server does not say."""
    import grpc
    from pymilvus import MilvusException

    try:
        timestamp: int = client._get_connection().alloc_timestamp(timeout=ANSWER_SECONDS)
    except (MilvusException, grpc.RpcError):
        return None
    return int(timestamp >> 18) / 1000 - time.time()  # milliseconds, above an 18-bit counter


def _server_package() -> Finding:
    from kit.server import package as server_files

    if reason := server_files.no_wheel():
        return Finding("own server", OK, f"none here: {reason}")
    if server_files.installed():
        return Finding("own server", OK, f"Milvus {server_files.locked_version()} is installed: kit server start")
    return Finding("own server", OK, "not installed; `kit server start` does it the first time")


def _openai(settings: Settings) -> Finding:
    """Whether a key is set and the endpoint answers; the key is neither shown nor sent."""
    import http.client
    import urllib.error
    import urllib.request

    from kit.settings import without_password

    where = without_password(settings.openai_base_url or "OpenAI")
    if settings.openai_api_key is None:
        if settings.openai_base_url:
            return Finding("OpenAI", WARNING, f"OPENAI_BASE_URL is {where}, no key is set", "Set OPENAI_API_KEY.")
        return Finding("OpenAI", OK, "no key is set, none is needed: minilm and wordllama run here")
    if settings.openai_base_url is None:
        return Finding("OpenAI", OK, "a key is set")
    try:
        with urllib.request.urlopen(f"{where.rstrip('/')}/models", timeout=ANSWER_SECONDS):
            pass
    except urllib.error.HTTPError:
        pass  # it answers: without the key, with a refusal
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return Finding("OpenAI", BROKEN, f"{where} does not answer: {reason}", "Mend OPENAI_BASE_URL, or unset it.")
    return Finding("OpenAI", OK, f"a key is set, {where} answers")


def report(findings: list[Finding], as_json: bool) -> None:
    """Print the findings as a table, or as JSON."""
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    from kit.reports.terminal import console

    colour = {OK: "green", WARNING: "yellow", BROKEN: "red"}
    table = Table("", "", box=None, pad_edge=False)
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in findings:
        state = Text(finding.state, style=colour[finding.state])
        table.add_row(finding.name, state, Text(finding.found), Text(finding.todo))
    console().print(table)

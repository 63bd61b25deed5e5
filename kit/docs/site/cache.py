"""A page's run, kept until something that it depends on changes: then the page is run again, whole.

A kernel's state cannot be kept, so a block that changed needs every block before it; a page whose code, options,
files, releases and engine are the same needs none. Verdicts are not kept: they are given anew each time, so a changed
stored output, a mark, a ledger or a newer rule counts at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name

import kit
from kit.docs.records import BlockOutcome, Replay, plain
from kit.docs.run.scripts import scripts
from kit.docs.site.config import Job
from kit.docs.verdicts.judge import judged_again, runs_on_page
from kit.errors import KitError
from kit.files.write import write_whole
from kit.pages.page import Page, sha256
from kit.settings import load_settings

MOST_DAYS = 7  # what a page meets on the web may change without a word
READ_AT_ONCE = 1 << 20


class RunCache:
    """Runs in a folder, a file each, named by what the run depends on before it begins."""

    def __init__(self, folder: Path | None = None, *, days: float = MOST_DAYS):
        self.folder = folder or load_settings().cache_dir / "docs"
        self.days = days

    def load(self, job: Job, page: Page) -> Replay | None:
        """The kept run, judged anew; None when there is none, it is too old, or a file that it read changed."""
        try:
            row = json.loads(self._file(job, page).read_text(encoding="utf-8"))
            if time.time() - row["time"] > self.days * 86400:
                return None
            if any(_file_hash(Path(path)) != kept for path, kept in row["files"].items()):
                return None
            kept = Replay.from_json(row["replay"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, KitError):
            return None  # as if it were not there; the page is run again and the file written anew
        return _on_page(kept, page)

    def store(self, job: Job, page: Page, replay: Replay) -> None:
        """Keep a run; a cache that cannot be written keeps nothing, and the next check runs the page again."""
        if replay.problem or not replay.passes:
            return
        files = {path: _file_hash(Path(path)) for path in sorted(_files_read(replay))}
        row = {"time": time.time(), "files": files, "replay": replay.to_json()}
        try:
            write_whole(self._file(job, page), json.dumps(row))
        except KitError:
            return

    @cached_property
    def surroundings(self) -> dict[str, object]:
        """What every run depends on, looked at once: releases, the kit's code, Python, models, the engine."""
        settings = load_settings()
        return {
            "releases": releases(),
            "kit": _kit(),
            "python": [sys.version, sys.executable, platform.machine()],
            "models": [settings.embeddings, settings.chat, settings.openai_base_url, bool(settings.openai_api_key)],
            "milvus": settings.milvus_uri,
        }

    def key(self, job: Job, page: Page) -> str:
        """What a run depends on before it begins, hashed: code in order, options, placed files, and `surroundings`."""
        reasons = runs_on_page(page, all_tabs=job.options.all_tabs)
        known = scripts(page)
        parts = {
            "code": [(block.text, block.language, block.marks, reasons[block.id]) for block in page.code],
            "scripts": [plain(known[block.id]) if block.id in known else None for block in page.code],
            "options": plain(replace(job.options, places={})),
            "places": {path: _file_hash(file) for path, file in job.options.places.items()},
            "keys": [sha256(os.environ.get(name, "")) for name in job.options.keys],
            "requirements": job.requirements,
            "twice": job.twice,
            **self.surroundings,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def _file(self, job: Job, page: Page) -> Path:
        return self.folder / f"{self.key(job, page)}.json"


def releases() -> list[str]:
    """Every installed distribution with its version, and the server that `--milvus server` starts."""
    from kit.server.package import locked_version

    installed = {release for entry in sys.path for release in _installed_in(entry)}
    return [*sorted(installed), f"milvus server {locked_version()}"]


def _installed_in(entry: str) -> Iterable[str]:
    """The distributions of a folder by the names of their folders: to read each one's metadata takes a second."""
    try:
        names = [found.name for found in os.scandir(entry or ".")]
    except NotADirectoryError:  # an archive
        return [f"{each.name}=={each.version}" for each in distributions(path=[entry])]
    except OSError:
        return []
    parts = [name.rpartition(".")[0].split("-") for name in names if name.endswith((".dist-info", ".egg-info"))]
    return ["==".join([canonicalize_name(part[0]), *part[1:2]]) for part in parts]


def _kit() -> str:
    """The kit's version and the hash of its code: in a checkout the version stays when the code changes."""
    root = Path(kit.__file__).parent
    digest = hashlib.sha256(kit.__version__.encode())
    for file in sorted(root.glob("**/*.py")):
        stat = file.stat()
        digest.update(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()


def _files_read(replay: Replay) -> Iterable[str]:
    """What the page's cells opened outside their scratch folder, and what their code names that is there."""
    for run in replay.passes:
        for outcome in run.outcomes:
            yield from outcome.files


def _file_hash(file: Path) -> str:
    """The hash of a file's bytes, of a folder's names; '' when it is not there."""
    try:
        if file.is_dir():
            return sha256("\n".join(sorted(entry.name for entry in file.iterdir())))
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while piece := stream.read(READ_AT_ONCE):
                digest.update(piece)
        return digest.hexdigest()
    except OSError:
        return ""


def _on_page(kept: Replay, page: Page) -> Replay | None:
    """The run on the page as it is today: its blocks by their place, since a heading may have another name."""
    if any(len(run.outcomes) != len(page.code) for run in kept.passes):
        return None
    names = {outcome.block_id: block.id for outcome, block in zip(kept.passes[0].outcomes, page.code, strict=True)}

    def renamed(outcome: BlockOutcome) -> BlockOutcome:
        return replace(outcome, block_id=names[outcome.block_id])

    passes = tuple(replace(run, outcomes=tuple(map(renamed, run.outcomes))) for run in kept.passes)
    replay = replace(kept, page=page.name, sha256=page.sha256, blocks=page.blocks, passes=passes)
    return judged_again(page, replay, {})

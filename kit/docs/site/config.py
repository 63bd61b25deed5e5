"""`kit-docs.toml`: which pages are checked, and how each is run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from kit.docs.run.replay import Options
from kit.docs.run.served import Engine, Protection
from kit.docs.verdicts.varying import read_varying
from kit.errors import KitError, nearest
from kit.kernels.sandbox import Limits
from kit.pages.sources import SUFFIXES

CONFIG = "kit-docs.toml"
SKIPPED = ("node_modules", "_build", "build", "site-packages", "__pycache__")
# Key of a page's table -> the type of its value.
KEYS: dict[str, type | tuple[type, ...]] = {
    "path": (str, list), "ledger": str, "with": list, "places": dict, "answers": dict, "keys": list, "marks": dict,
    "install": bool, "twice": bool, "claims": bool, "all-tabs": bool, "allow-local": bool, "milvus": str,
    "protection": str, "cell-seconds": (int, float), "memory-gb": (int, float), "output-mb": (int, float),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A page to check: a file or an address, its options, its ledger where one is named, what may differ of a block."""

    source: str
    options: Options = field(default_factory=Options)
    requirements: str = ""
    twice: bool = False
    claims: bool = False
    ledger: Path | None = None
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)


def find_jobs(named: Sequence[str]) -> list[Job]:
    """The pages of folders, files, globs, addresses and configs, each once, in order.

    A folder that holds a kit-docs.toml is read by it; without one it is every page below it. Nothing named is the
    working directory.

    Raises:
        KitError: nothing is there; a config with a key that is not known, of another type, or that matches no page.
    """
    jobs: dict[str, Job] = {}
    for name in named or ["."]:
        for job in _jobs(name):
            jobs.setdefault(job.source, job)
    if not jobs:
        raise KitError(f"{', '.join(named) or 'The working directory'} holds no docs page",
                       wanted=f"files that end in {', '.join(SUFFIXES)}")  # fmt: skip
    return list(jobs.values())


def _jobs(name: str) -> Iterable[Job]:
    path = Path(name)
    if name.startswith(("http://", "https://")):
        return [Job(name)]
    if path.is_dir():
        return read_config(path / CONFIG) if (path / CONFIG).is_file() else _plain(_below(path))
    if path.suffix == ".toml" and path.is_file():
        return read_config(path)
    if path.is_file():
        return [Job(name)]
    if matches := sorted(Path().glob(name)) if not path.is_absolute() else sorted(_absolute(path)):
        return _plain(match for match in matches if match.is_file() and match.suffix.lower() in SUFFIXES)
    raise KitError(f"There is nothing at {name}", wanted="a folder, a page, a glob, an address or a kit-docs.toml")


def _plain(paths: Iterable[Path]) -> list[Job]:
    return [Job(str(path)) for path in paths]


def _absolute(pattern: Path) -> Iterable[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def _below(folder: Path) -> list[Path]:
    pages = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path for path in pages if not any(_is_skipped(part) for part in path.relative_to(folder).parts))


def _is_skipped(part: str) -> bool:
    return part.startswith(".") or part in SKIPPED


def read_config(file: Path) -> list[Job]:
    """The pages of a kit-docs.toml; its paths are relative to its own folder, its `[defaults]` hold for all."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise KitError(f"{file} is no TOML: {error}.") from None
    _check_keys(content, {"defaults": dict, "page": list}, str(file))
    defaults = content.get("defaults", {})
    _check_keys(defaults, {key: kind for key, kind in KEYS.items() if key != "path"}, f"[defaults] of {file}")
    jobs: list[Job] = []
    for number, table in enumerate(content.get("page", []), 1):
        where = f"[[page]] {number} of {file}"
        if not isinstance(table, dict):
            raise KitError(f"{where} is {table!r}", wanted="a table with a path")
        _check_keys(table, KEYS, where)
        if not table.get("path"):
            raise KitError(f"{where} has no path", wanted="a file, a glob or an address")
        jobs += _page_jobs({**defaults, **table}, file.parent, where)
    return jobs


def page_job(source: str, given: Mapping[str, Any], config: Path | None = None) -> Job:
    """The job of one page: its options in a kit-docs.toml, and those that are given here in their place.

    `given` has the keys of a page's table; what is None is not given. Raises KitError for a config without the page.
    """
    job = Job(source)
    if config:
        named = [job for job in read_config(config) if same_page(job.source, source)]
        if not named:
            raise KitError(f"{config} does not name {source}", wanted="a [[page]] with its path")
        job = replace(named[0], source=source)
    table = {key: value for key, value in given.items() if value is not None}
    return _job(source, table, Path(), "the command line", job)


def same_page(one: str, other: str) -> bool:
    """Whether two sources are one address or one file."""
    if "://" in one or "://" in other:
        return one == other
    return Path(one).resolve() == Path(other).resolve()


def _page_jobs(table: Mapping[str, Any], folder: Path, where: str) -> list[Job]:
    patterns = [table["path"]] if isinstance(table["path"], str) else list(map(str, table["path"]))
    sources: list[str] = []
    for pattern in patterns:
        if pattern.startswith(("http://", "https://")):
            sources.append(pattern)
        elif found := sorted(path for path in folder.glob(pattern) if path.suffix.lower() in SUFFIXES):
            sources += map(str, found)
        else:
            raise KitError(f"{where}: no page matches {pattern!r} in {folder}", wanted="a page, or a glob of pages")
    if len(sources) > 1 and "ledger" in table:
        raise KitError(f"{where} gives one ledger to {len(sources)} pages", wanted="a ledger a page")
    return [_job(source, table, folder, where) for source in sources]


def _job(source: str, table: Mapping[str, Any], folder: Path, where: str, usual: Job | None = None) -> Job:
    """A job from a table; what the table does not say is as in `usual`."""
    usual = usual or Job(source)
    options, limits = usual.options, usual.options.limits
    marks = {block: [texts] if isinstance(texts, str) else texts for block, texts in table.get("marks", {}).items()}
    for block, texts in marks.items():
        for text in texts:
            read_varying(text, f"{where}, {block}")
    return Job(
        source,
        Options(
            places={**options.places, **{path: folder / str(file) for path, file in table.get("places", {}).items()}},
            answers={**options.answers, **{words: str(text) for words, text in table.get("answers", {}).items()}},
            limits=Limits(
                float(table.get("cell-seconds", limits.cell_seconds)),
                int(table.get("output-mb", limits.output_bytes / 1e6) * 1e6),
                int(table.get("memory-gb", limits.memory_bytes / 1e9) * 1e9),
            ),
            allow_install=table.get("install", options.allow_install),
            all_tabs=table.get("all-tabs", options.all_tabs),
            allow_local=table.get("allow-local", options.allow_local),
            milvus=_one_of(table.get("milvus", options.milvus), get_args(Engine), "milvus", where),
            protection=_one_of(table.get("protection", options.protection), get_args(Protection), "protection", where),
            keys=(*options.keys, *map(str, table.get("keys", ()))),
        ),
        " ".join(map(str, table["with"])) if "with" in table else usual.requirements,
        table.get("twice", usual.twice),
        table.get("claims", usual.claims),
        folder / table["ledger"] if "ledger" in table else usual.ledger,
        {**usual.marks, **marks},
    )


def _check_keys(table: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in known:
            raise KitError(f"{where} has the key {key!r}.{nearest(key, known)}", wanted=f"one of {', '.join(known)}")
        kind = known[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
            raise KitError(f"{where} has {key} = {value!r}", wanted=f"a value of type {kinds}")


def _one_of(value: str, choices: Sequence[str], name: str, where: str) -> Any:
    if value not in choices:
        raise KitError(
            f"{name} in {where} is {value!r}.{nearest(value, choices)}", wanted=f"one of {', '.join(choices)}"
        )
    return value

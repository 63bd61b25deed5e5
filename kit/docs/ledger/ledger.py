"""The strict ledger of a page's known defects: read, held against what a replay shows, and recorded from one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kit.docs.records import Failure
from kit.docs.verdicts.varying import Varying, read_varying
from kit.errors import KitError, nearest
from kit.files.project import is_checkout, pages_folder
from kit.pages.page import Block, sha256
from kit.pages.page_file import FINGERPRINT, PageFile, page_file_text, read_page_file


class Defect(NamedTuple):
    """A known defect. The first five fields are recorded from a run, the others are advice, written by hand.

    `kind` is a verdict or a effect's kind; `words` prove it; `shown_by` is what shows it (`replay`, `second replay`,
    `install`, `probe <id>`); `seen_with` the releases it was recorded with. `since` says from which release on,
    `instead` what to tell the reader, `replacement` the block's new text, `link` the upstream issue; `excuse` says why
    it is none of the page's doing, so that no patch tries to mend it.
    """

    block: str
    kind: str
    words: str
    shown_by: str
    seen_with: str = ""
    since: str = ""
    instead: str = ""
    replacement: str | None = None
    link: str = ""
    excuse: str = ""


class Varies(NamedTuple):
    """A mark on a block's output: what of it may differ, in the words of `kit: varies …`, and why."""

    block: str
    what: str
    why: str = ""


LONGEST_NAME = 100  # of a ledger, in characters
ADVICE = ("since", "instead", "replacement", "link", "excuse")


@dataclass(frozen=True)
class Ledger:
    """A page's fingerprint and its known defects; `path` is where it lies, whether or not it is there yet."""

    path: Path
    page: str
    sha256: str = ""
    blocks: tuple[Block, ...] = ()
    defects: tuple[Defect, ...] = ()
    varies: tuple[Varies, ...] = ()

    @property
    def marks(self) -> dict[str, list[Varying]]:
        """Block id -> what of its output may differ."""
        found: dict[str, list[Varying]] = {}
        for row in self.varies:
            found.setdefault(row.block, []).append(read_varying(row.what, str(self.path)))
        return found

    @property
    def exists(self) -> bool:
        """Whether the page has a ledger."""
        return bool(self.sha256)


class Moved(NamedTuple):
    """A block that is not as the ledger knows it; `line` is 0 when it is gone."""

    change: Literal["changed", "added", "removed"]
    block: str
    line: int = 0

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        return f"block {self.change}: {self.block}{where}: look at it, then record it: kit docs ledger PAGE --record"


@dataclass(frozen=True)
class Held:
    """Failures held against a ledger. `moved` are changed, added and removed blocks, which are to be said first."""

    moved: tuple[Moved, ...]
    known: tuple[tuple[Failure, Defect], ...]
    unknown: tuple[Failure, ...]
    vanished: tuple[Defect, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing fails the run: no unknown defect, no vanished one, no block that changed."""
        return not (self.moved or self.unknown or self.vanished)

    def excuses(self, failure: Failure) -> bool:
        """Whether the ledger knows this failure."""
        return any(failure == one for one, _ in self.known)

    @property
    def sentences(self) -> list[str]:
        """What is wrong, a line each, changed blocks first."""
        return [
            *map(str, self.moved),
            *(f"unknown defect: {f.block_id}: {f.kind}: {f.evidence}" for f in self.unknown),
            *map(no_longer_shows, self.vanished),
        ]

    @property
    def cases(self) -> list[tuple[str, str]]:
        """What no block of the page can show: the block of the ledger and the sentence, changed blocks first."""
        return [(m.block, str(m)) for m in self.moved] + [(d.block, no_longer_shows(d)) for d in self.vanished]


def ledger_path(page: str) -> Path:
    """Where the ledger of a page lies: beside it, or where the kit's own lie under the page's name.

    A file without a ledger gets one beside it, so that two pages of one name in two folders never share one; where
    `milvus.md` and `milvus.mdx` lie side by side, its name keeps its ending. An address gets one under all its words,
    in data/pages/ of a checkout, and in the working directory of an installed kit.
    """
    own = pages_folder() / f"{page_name(page)}.toml"
    if "://" in page:
        if own.is_file():
            return own
        name = f"{_address_name(page)}.toml"
        return own.with_name(name) if is_checkout() or own.with_name(name).is_file() else Path(name)
    file = Path(page)
    twins = (file.with_suffix(ending) for ending in (".md", ".mdx", ".markdown", ".ipynb"))
    if any(twin != file and twin.is_file() for twin in twins):
        return file.with_name(f"{file.name}.toml")
    beside = file.with_suffix(".toml")
    return own if own.is_file() and not beside.is_file() else beside


def _address_name(address: str) -> str:
    """`host-docs-providers-milvus` for `https://host/docs/providers/milvus.mdx`; with a hash, where it was cut."""
    words = re.sub(r"[^a-z0-9]+", "-", address.partition("://")[2].split("#")[0].lower()).strip("-")
    words = re.sub(r"-(md|mdx|ipynb)$", "", words)
    return words if len(words) <= LONGEST_NAME else f"{words[-LONGEST_NAME:]}-{sha256(address)[:8]}"


def page_name(page: str) -> str:
    """`milvus` for `https://host/docs/milvus.ipynb?raw=true`, and for a file the same."""
    stem = Path(page.split("?")[0].split("#")[0].rstrip("/")).name
    return re.sub(r"\.(md|mdx|ipynb)$", "", stem) or "page"


def load_ledger(path: Path) -> Ledger:
    """The ledger in a file; an empty one when there is no file. KitError names what is wrong with a row."""
    if not path.is_file():
        return Ledger(path, path.stem)
    file = read_page_file(path)
    ids = {block.id for block in file.blocks}
    defects = tuple(_defect(path, row, ids) for row in file.tables.get("defect", ()))
    varies = tuple(_varies(path, row, ids) for row in file.tables.get("varies", ()))
    return Ledger(path, file.page, file.sha256, file.blocks, defects, varies)


def hold(ledger: Ledger, failures: Iterable[Failure], blocks: Sequence[Block], looked: Iterable[str]) -> Held:
    """What failed, held against the ledger.

    `looked` names what this run looked at, as `shown_by` does (`replay`, `second replay`, `install lines`,
    `probe <id>`): a known defect that something else shows cannot be missed by it.
    """
    known, unknown, met = [], [], set()
    merged = merge(failures)
    for failure in merged:
        found = next((d for d in ledger.defects if _is(d, failure)), None)
        if found:
            met.add(found)
            known.append((failure, found))
        else:
            unknown.append(failure)
    looked = set(looked)
    vanished = tuple(d for d in ledger.defects if d not in met and d.shown_by in looked)
    return Held(tuple(_moved(ledger, blocks)), tuple(known), tuple(unknown), vanished)


def merge(failures: Iterable[Failure]) -> list[Failure]:
    """Each failure once: what the second run repeats of the first one is left out."""
    seen: dict[tuple[str, str, str], Failure] = {}
    for failure in sorted(failures, key=lambda failure: failure.run):
        seen.setdefault((failure.block_id, failure.kind, steady(failure.words)), failure)
    return list(seen.values())


def record(ledger: Ledger, failures: Iterable[Failure], sha256: str, blocks: Sequence[Block], seen_with: str) -> Ledger:
    """The ledger that a run shows to be true; advice is kept where block, kind and source are the same.

    Raises KitError for the ledger of another page, which would lose its defects: no block of it is one of these.
    """
    if ledger.blocks and not {block.sha256 for block in ledger.blocks} & {block.sha256 for block in blocks}:
        raise KitError(
            f"{ledger.path} is the ledger of another page: none of its blocks is on this one.",
            mend="Give this page a ledger of its own: --ledger FILE",
        )
    old = list(ledger.defects)
    order = {block.id: position for position, block in enumerate(blocks)}
    defects = []
    for failure in sorted(merge(failures), key=lambda f: (order[f.block_id], f.run)):
        fresh = Defect(failure.block_id, failure.kind, " ".join(failure.words.split()), failure.source, seen_with)
        same = [d for d in old if (d.block, d.kind, d.shown_by) == (*fresh[:2], fresh.shown_by)]
        match = next((d for d in same if _is(d, failure)), same[0] if same else None)
        if match:
            old.remove(match)
            fresh = fresh._replace(**{name: getattr(match, name) for name in ADVICE})
            if _is(match, failure):  # nothing new: the row stays as it stands
                fresh = fresh._replace(words=match.words, seen_with=match.seen_with)
        defects.append(fresh)
    defects = _in_order(ledger.defects, defects)
    bare = tuple(Block(*(getattr(block, name) for name in FINGERPRINT)) for block in blocks)
    ids = {block.id for block in blocks}
    varies = tuple(row for row in ledger.varies if row.block in ids)
    return replace(ledger, sha256=sha256, blocks=bare, defects=tuple(defects), varies=varies)


def _in_order(old: Sequence[Defect], new: Sequence[Defect]) -> list[Defect]:
    """The defects in the order of the ledger; one that is new stands behind the one that it follows on the page."""
    places = {(d.block, d.kind, d.shown_by, d.words): position for position, d in reversed(list(enumerate(old)))}
    keys: list[tuple[int, int]] = []
    before = -1
    for position, defect in enumerate(new):
        known = places.get((defect.block, defect.kind, defect.shown_by, defect.words))
        before = before if known is None else known
        keys.append((before, -1 if known is not None else position))
    return [new[i] for i in sorted(range(len(new)), key=keys.__getitem__)]


def steady(text: str) -> str:
    """A defect's words without what differs from run to run: paths, addresses, long numbers, decimals, releases."""
    text = re.sub(r"0x[0-9a-f]+|(?<![\w.])/[\w./-]{8,}|\d{9,}|\d+(?:\.\d+)+", "#", text)
    return " ".join(text.split())


def to_toml(ledger: Ledger) -> str:
    """The ledger as the text of its file; what a maintainer wrote into the file that is there stays."""
    tables = {"defect": tuple(defect._asdict() for defect in ledger.defects)}
    if ledger.varies:
        tables["varies"] = tuple(row._asdict() for row in ledger.varies)
    old = ledger.path.read_text(encoding="utf-8") if ledger.path.is_file() else ""
    return page_file_text(PageFile(ledger.page, ledger.sha256, ledger.blocks, tables), old)


def _defect(path: Path, row: dict[str, Any], blocks: set[str]) -> Defect:
    where = f"{path}: [[defect]] of {row.get('block', '?')}"
    for key, value in row.items():
        if key not in Defect._fields:
            raise KitError(f'{where}: unknown key "{key}".{nearest(key, Defect._fields)}')
        if not isinstance(value, str):
            raise KitError(f"{where}: {key} = {value!r} should be a text.")
    if missing := [name for name in ("block", "kind", "words", "shown_by") if not row.get(name)]:
        raise KitError(f"{where}: wanted {', '.join(missing)}.")
    if row["block"] not in blocks:
        raise KitError(f"{where}: no block of the page has that id.{nearest(row['block'], sorted(blocks))}")
    return Defect(**row)


def _varies(path: Path, row: dict[str, Any], blocks: set[str]) -> Varies:
    where = f"{path}: [[varies]] of {row.get('block', '?')}"
    for key, value in row.items():
        if key not in Varies._fields:
            raise KitError(f'{where}: unknown key "{key}".{nearest(key, Varies._fields)}')
        if not isinstance(value, str):
            raise KitError(f"{where}: {key} = {value!r} should be a text.")
    if row.get("block") not in blocks:
        raise KitError(f"{where}: no block of the page has that id.{nearest(str(row.get('block')), sorted(blocks))}")
    read_varying(row.get("what", ""), where)
    return Varies(**{"what": "", **row})


def _is(defect: Defect, failure: Failure) -> bool:
    """Whether a failure is that defect: same block, kind and source, and the words that prove it."""
    same = (defect.block, defect.kind, defect.shown_by) == (failure.block_id, failure.kind, failure.source)
    return same and steady(failure.words) == steady(defect.words)


def no_longer_shows(defect: Defect) -> str:
    """What is said of a known defect that a run looked for and did not find."""
    return f"no longer shows: {defect.block}: {defect.kind} ({defect.shown_by}): fixed upstream? remove it"


def _moved(ledger: Ledger, blocks: Sequence[Block]) -> list[Moved]:
    """Each block that is not as the ledger knows it."""
    if not ledger.exists:
        return []
    old, new = ({block.id: block for block in side} for side in (ledger.blocks, blocks))
    changed = [Moved("changed", i, b.lines[0]) for i, b in new.items() if i in old and old[i].sha256 != b.sha256]
    added = [Moved("added", i, b.lines[0]) for i, b in new.items() if i not in old]
    return changed + added + [Moved("removed", i) for i in old if i not in new]

"""Pages side by side, as many as memory bears; what did not change is taken from the cache."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from kit.docs.check import report_page
from kit.docs.ledger.ledger import Ledger, Varies, ledger_path, load_ledger
from kit.docs.records import Failure, Replay
from kit.docs.report.rows import PageReport
from kit.docs.run.replay import replay_page
from kit.docs.site.cache import RunCache
from kit.docs.site.config import Job
from kit.docs.verdicts.judge import runs_on_page
from kit.errors import KitError
from kit.pages.page import Page
from kit.pages.sources import read_page

ROOM = 2_000_000_000  # bytes of free memory for a page that runs
NO_CODE = "no Python code to run"


@dataclass(frozen=True)
class PageResult:
    """What came of a page: its report, or why there is none; `ran` is False where nothing had changed."""

    source: str
    page: Page | None = None
    report: PageReport | None = None
    problem: str = ""
    ran: bool = False
    skipped: str = ""

    @property
    def status(self) -> str:
        """`defects`, `holds`, `skipped`, or `not checked`."""
        if self.skipped:
            return "skipped"
        if self.report is None or self.report.replay.problem:
            return "not checked"
        return "holds" if self.report.ok else "defects"

    @property
    def unknown(self) -> tuple[Failure, ...]:
        """The defects that the ledger does not know."""
        return self.report.held.unknown if self.report else ()

    def count(self, row: str) -> int:
        """How many rows are of a kind: `defect`, `follows from`, `environment`, `varies`, `holds`."""
        verdicts = self.report.replay.verdicts if self.report else ()
        return Counter(str(verdict.row) for verdict in verdicts if verdict.verdict != "not run")[row]


@dataclass(frozen=True)
class SiteReport:
    """All pages of a check, in order."""

    pages: tuple[PageResult, ...]

    @property
    def exit_status(self) -> int:
        """1 for an unknown defect, a vanished or a moved one; else 2 where a page could not be checked; else 0."""
        statuses = {page.status for page in self.pages}
        return 1 if "defects" in statuses else 2 if "not checked" in statuses else 0

    @property
    def summary(self) -> str:
        """The check in a sentence."""
        counts = Counter(page.status for page in self.pages)
        parts = [f"{counts[name]} {words}" for name, words in (("holds", "as their ledgers know them"),
                 ("defects", "with defects"), ("not checked", "not checked"), ("skipped", "without Python code"))
                 if counts[name]]  # fmt: skip
        unknown = sum(len(page.unknown) for page in self.pages)
        ran = sum(page.ran for page in self.pages)
        pages = f"{len(self.pages)} page{'s' * (len(self.pages) != 1)}"
        unchanged = sum(bool(page.report) and not page.ran for page in self.pages)
        return f"{pages}: {', '.join(parts)}; {unknown} unknown defects; {ran} ran, {unchanged} had not changed."


# Called as each page ends: its result, how many ended, of how many.
Progress = Callable[[PageResult, int, int], None]


def check_pages(
    jobs: Sequence[Job], *, fresh: bool = False, at_once: int = 0, cache: RunCache | None = None,
    progress: Progress | None = None,
) -> SiteReport:  # fmt: skip
    """Check every page; each run is kept as it ends, so a check that was stopped goes on where it was.

    `fresh` runs every page; `at_once` pages run side by side, as many as there are cores and memory when it is 0.
    """
    cache = cache or RunCache()
    results: dict[int, PageResult] = {}
    pool = ThreadPoolExecutor(at_once or pages_at_once())
    try:
        waiting: dict[Future[PageResult], int] = {
            pool.submit(check_page, job, cache, fresh=fresh): place for place, job in enumerate(jobs)
        }
        pending = set(waiting)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=waiting.__getitem__):
                results[waiting[future]] = future.result()
                if progress:
                    progress(results[waiting[future]], len(results), len(jobs))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return SiteReport(tuple(results[place] for place in range(len(jobs))))


def check_page(job: Job, cache: RunCache, *, fresh: bool = False) -> PageResult:
    """One page; what stops it from being read or run is its result, not an error."""
    try:
        page = read_page(job.source)
        ledger = job_ledger(job)
        if not any(not reason for reason in runs_on_page(page, all_tabs=job.options.all_tabs).values()):
            if not job.claims:
                return PageResult(job.source, page, skipped=NO_CODE)
            told = Replay(page.name, page.sha256, page.blocks, ())  # its sentences are all that can be tried
            return PageResult(job.source, page, report_page(page, told, ledger, claims=True), ran=True)
        replay = None if fresh else cache.load(job, page)
        ran = replay is None
        if replay is None:
            replay = replay_page(page, twice=job.twice, requirements=job.requirements, options=job.options)
            cache.store(job, page, replay)
        return PageResult(job.source, page, report_page(page, replay, ledger, claims=job.claims), ran=ran)
    except KitError as error:
        return PageResult(job.source, problem=str(error))


def job_ledger(job: Job) -> Ledger:
    """A page's ledger, with the marks that its options give."""
    ledger = load_ledger(job.ledger or ledger_path(job.source))
    given = tuple(Varies(block, text) for block, texts in job.marks.items() for text in texts)
    return replace(ledger, varies=(*ledger.varies, *given))


def pages_at_once() -> int:
    """A page for each core, as far as free memory goes."""
    return max(1, min(psutil.cpu_count() or 1, int(psutil.virtual_memory().available / ROOM)))


def changed_since(jobs: Sequence[Job], revision: str) -> list[Job]:
    """The jobs whose file, or a file that they are given, is not as in a revision of the repository around it."""
    changed: dict[Path, set[Path]] = {}
    kept = []
    for job in jobs:
        if "://" in job.source:
            kept.append(job)
            continue
        folder = Path(job.source).resolve().parent
        if folder not in changed:
            changed[folder] = set(_changed(folder, revision))
        given = {Path(job.source).resolve(), *(file.resolve() for file in job.options.places.values())}
        if given & changed[folder]:
            kept.append(job)
    return kept


def _changed(folder: Path, revision: str) -> Iterator[Path]:
    if revision.startswith("-"):
        raise KitError(f"--since {revision!r} is no revision", wanted="a commit, a branch or a tag")
    root = _git(folder, "rev-parse", "--show-toplevel").strip()
    names = _git(folder, "diff", "--name-only", "-z", revision, "--").split("\0")
    names += _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", "-z").split("\0")
    yield from (Path(root, name).resolve() for name in names if name)


def _git(folder: Path, *arguments: str) -> str:
    try:
        ran = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise KitError(f"--since needs git, which cannot be run ({error.strerror})") from None
    if ran.returncode:
        raise KitError(f"git cannot tell what changed in {folder}: {ran.stderr.strip().splitlines()[-1]}")
    return ran.stdout

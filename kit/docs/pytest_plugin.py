"""`pytest --kit-docs docs/`: a test for each block of a docs page, named `page.md:12 Heading`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kit.docs.site.check import PageResult
    from kit.docs.site.config import Job

SUFFIXES = (".md", ".mdx", ".markdown", ".ipynb")
UNSPLIT = " "  # pytest writes `::` for every dot of a name that ends as the node id does
WAIT_SECONDS = 3600  # for another process that runs the same page


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--kit-docs`."""
    group = parser.getgroup("kit docs")
    group.addoption("--kit-docs", action="store_true", help="Test the Python code of docs pages, a test a block.")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PageFile | None:
    """A docs page, where --kit-docs asks for them."""
    if not parent.config.getoption("--kit-docs") or file_path.suffix.lower() not in SUFFIXES:
        return None
    page: PageFile = PageFile.from_parent(parent, path=file_path)
    return page


class DocsFailure(Exception):
    """What is wrong with a block, in words."""


class PageFile(pytest.File):
    """A page; it runs once, whichever of its blocks is asked first, and in whichever process."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each block that is run, and one for what the ledger says of the page."""
        from kit.docs.verdicts.judge import runs_on_page
        from kit.errors import KitError
        from kit.pages.sources import read_page

        try:
            page = read_page(str(self.path))
        except KitError as error:
            raise self.CollectError(str(error)) from None
        reasons = runs_on_page(page, all_tabs=self.job.options.all_tabs)
        for block in page.code:
            if not reasons[block.id]:
                where = f"cell {block.cell}" if block.cell else block.lines[0]
                name = f"{self.path.name}:{where} {block.heading}".rstrip()
                yield BlockItem.from_parent(self, name=name, block_id=block.id, line=block.lines[0])
        if any(not reason for reason in reasons.values()):
            yield LedgerItem.from_parent(self, name=f"{self.path.name} ledger")

    @property
    def job(self) -> Job:
        """The page's options: those of a kit-docs.toml in the root folder, where it names the page."""
        from kit.docs.site.config import CONFIG, Job, read_config

        config = self.config.rootpath / CONFIG
        jobs = read_config(config) if config.is_file() else []
        named = (job for job in jobs if "://" not in job.source and Path(job.source).resolve() == self.path.resolve())
        return next(named, Job(str(self.path)))

    def result(self) -> PageResult:
        """What came of the page."""
        kept: PageResult | None = getattr(self, "_result", None)
        if kept is None:
            from filelock import FileLock

            from kit.docs.site.cache import RunCache
            from kit.docs.site.check import check_page
            from kit.pages.page import sha256

            cache = RunCache()
            cache.folder.mkdir(parents=True, exist_ok=True)
            # Two workers that test one page: the second waits, and finds what the first one kept.
            with FileLock(cache.folder / f"{sha256(str(self.path))[:16]}.lock", timeout=WAIT_SECONDS):
                kept = check_page(self.job, cache)
            self._result = kept
        return kept


class _Item(pytest.Item):
    parent: PageFile

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> str:
        """The words alone: the page's own traceback stands in them."""
        return str(excinfo.value) if isinstance(excinfo.value, DocsFailure) else str(excinfo.getrepr(style="short"))

    def page(self) -> PageResult:
        """The page's result, or a failure where there is none."""
        result = self.parent.result()
        if result.problem:
            raise DocsFailure(result.problem)
        return result


class BlockItem(_Item):
    """A block: it fails on a defect that no ledger knows, and is skipped where it could not be tried."""

    def __init__(self, *, block_id: str, line: int, **more: Any):
        super().__init__(**more)
        self.block_id, self.line = block_id, line

    def runtest(self) -> None:
        """Run the page where nobody did yet, and look at this block."""
        from kit.docs.site.github import defect_text

        result = self.page()
        assert result.report
        if mine := [failure for failure in result.unknown if failure.block_id == self.block_id]:
            raise DocsFailure("\n\n".join(defect_text(result, failure) for failure in mine))
        for verdict in result.report.replay.verdicts:
            if verdict.block_id == self.block_id and verdict.cause and verdict.cause.kind != "varies":
                pytest.skip(f"{verdict.cause.kind}: {verdict.cause.what}: {verdict.detail}")
            if verdict.block_id == self.block_id and verdict.verdict == "not run":
                pytest.skip(verdict.detail or "not run")

    def reportinfo(self) -> tuple[Path, int, str]:
        """The block's place."""
        return self.path, self.line - 1, self.name + UNSPLIT


class LedgerItem(_Item):
    """What no block can show: changed blocks, and known defects that no longer show."""

    def runtest(self) -> None:
        """Hold the page against its ledger."""
        result = self.page()
        if result.report and (wrong := [sentence for _, sentence in result.report.held.cases]):
            raise DocsFailure("\n".join(wrong))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The page."""
        return self.path, 0, self.name + UNSPLIT

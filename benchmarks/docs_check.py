"""A site checked, and checked again unchanged; pages side by side against one by one; overhead over the cells' time.

python benchmarks/docs_check.py [pages]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kit.docs.run.replay import replay_page
from kit.docs.site.cache import RunCache
from kit.docs.site.check import check_pages, pages_at_once
from kit.docs.site.config import find_jobs
from kit.pages.sources import read_page

CELL = "import time\ntime.sleep(0.2)\nprint({number})"
CELLS = 10  # of a page: two seconds of its own


def main(pages: int = 10) -> None:
    """Print seconds and ratios; every page has ten cells that take a fifth of a second each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_site(folder / "docs", pages)
        jobs = find_jobs([str(folder / "docs")])
        replay = replay_page(read_page(jobs[0].source))
        whole, cells, kernel = replay.passes[0].seconds, replay.passes[0].cell_seconds, replay.passes[0].kernel_seconds
        print(f"a page: {whole:.2f} s, of it kernel start {kernel:.2f} s and cells {cells:.2f} s")
        print(f"ratio without the kernel start / cells: {(whole - kernel) / cells:.2f} (wanted: at most 2)")
        alone = _seconds(jobs, RunCache(folder / "alone"), 1)
        cache = RunCache(folder / "kept")
        together = _seconds(jobs, cache, 0)
        print(f"{pages} pages one by one: {alone:.1f} s; {pages_at_once()} side by side: {together:.1f} s")
        print(f"ratio side by side / one by one: {together / alone:.2f}")
        again = _seconds(jobs, cache, 0)
        print(f"again, unchanged: {again:.2f} s; ratio again / first: {again / together:.3f}")
        command = [sys.executable, "-m", "kit", "docs", "check", jobs[0].source]
        environment = {**os.environ, "KIT_CACHE_DIR": str(folder / "command")}
        times = []
        for _ in range(2):
            began = time.perf_counter()
            subprocess.run(command, env=environment, capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        print(f"`kit docs check` of one page: {times[0]:.1f} s, again {times[1]:.1f} s (wanted: at most 2 s)")


def _seconds(jobs: list, cache: RunCache, at_once: int) -> float:
    began = time.perf_counter()
    report = check_pages(jobs, cache=cache, at_once=at_once)
    assert report.exit_status == 0, report.summary
    return time.perf_counter() - began


def _write_site(folder: Path, pages: int) -> None:
    folder.mkdir()
    for page in range(pages):
        parts = [f"# Page {page}"]
        for number in range(CELLS):
            parts.append(f"```python\n{CELL.format(number=number + page)}\n```\n\n```text\n{number + page}\n```")
        (folder / f"page-{page}.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

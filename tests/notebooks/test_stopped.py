"""Tours that are stopped, killed or run at the same time leave no kernel, no half report and no folder behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.notebooks.samples import Cell, repository, stream

DRIVER = """\
import sys
from pathlib import Path
from kit.notebooks import manifest
manifest.ROOT = Path(sys.argv.pop(1))
from kit.__main__ import main
main()"""
HANGS = [
    Cell("import os\nfrom pathlib import Path\nPath(os.environ['PID_FILE']).write_text(str(os.getpid()))"),
    Cell("import time\ntime.sleep(90)"),
]
FINE = [Cell("print('a')", (), [stream("a\n")])]
GONE_SECONDS = 5


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def start(tmp_path, cache):
    """Start `kit tour` on the repository in `tmp_path`, with a TMPDIR of its own; it is killed when the test ends."""
    started = []
    (tmp_path / "tmp").mkdir()

    def call(*arguments: str) -> subprocess.Popen:
        environment = {
            **os.environ,
            "TMPDIR": str(tmp_path / "tmp"),
            "KIT_CACHE_DIR": cache,
            "PID_FILE": str(tmp_path / "pid"),
        }
        command = [sys.executable, "-c", DRIVER, str(tmp_path), "tour", *arguments]
        started.append(subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True))
        return started[-1]

    yield call
    for process in started:
        process.kill()
        process.communicate()


def kernel_of(tmp_path: Path) -> psutil.Process:
    """The kernel, once it runs the notebook."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (tmp_path / "pid").is_file() and (text := (tmp_path / "pid").read_text()):
            return psutil.Process(int(text))
        time.sleep(0.1)
    raise AssertionError("no kernel has started within 60 s")


def is_gone(kernel: psutil.Process) -> bool:
    """Whether the kernel ends within a few seconds; one that waits to be reaped has ended."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        if not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "tmp").rglob("*") if p.name.startswith(("run-", "01_")))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_tour_that_is_stopped_ends_its_kernels_and_says_one_sentence(start, tmp_path, number, status):
    repository(tmp_path, {"01_hangs": HANGS})
    tour = start()
    kernel = kernel_of(tmp_path)
    tour.send_signal(number)
    _, told = tour.communicate(timeout=10)
    assert (tour.returncode, told) == (status, "kit: stopped.\n")
    assert is_gone(kernel)
    assert left_behind(tmp_path) == []
    assert sorted(p.name for p in (tmp_path / "build").iterdir()) == [".tour.lock"]


def test_after_a_kill_9_no_kernel_lives_on_and_two_tours_at_once_are_well_and_sweep(start, tmp_path):
    repository(tmp_path, {"01_hangs": HANGS})
    tour = start()
    kernel = kernel_of(tmp_path)
    tour.kill()
    assert is_gone(kernel)
    tour.wait()
    assert left_behind(tmp_path) != []
    repository(tmp_path, {"01_hangs": [Cell("import time\ntime.sleep(4)"), *FINE], "02_b": FINE})
    tours = [start(), start()]
    told = [tour.communicate(timeout=90)[0] for tour in tours]
    assert [tour.returncode for tour in tours] == [0, 0]
    reports = {line for text in told for line in text.splitlines() if line.startswith("Report: ")}
    assert reports == {f"Report: {tmp_path / 'build' / name / 'index.html'}" for name in ("tour", "tour-2")}
    assert sum("Another tour is writing" in text for text in told) == 1
    assert left_behind(tmp_path) == []


def test_a_kernel_that_is_orphaned_while_it_starts_ends_too(start, tmp_path):
    repository(tmp_path, {"01_hangs": HANGS})
    tour = start()
    children = []
    while not children and tour.poll() is None:
        children = [p for p in psutil.Process(tour.pid).children() if "ipykernel_launcher" in p.cmdline()]
        time.sleep(0.02)
    tour.kill()
    assert children
    assert all(map(is_gone, children))

"""Run notebooks, each in a fresh kernel of this very Python with a temporary folder of its own."""

from __future__ import annotations

import asyncio
import copy
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from kit.notebooks.manifest import Notebook
from kit.notebooks.read import read_notebook, tags
from kit.scratch import remove_scratch, scratch_folder

CELL_SECONDS = 300
SKIP_TAGS = ("skip-execution", "nbval-skip")


@dataclass(frozen=True)
class NotebookError:
    """What stopped a run: a sentence, the position of the cell from 1 (0: no cell had begun) and a plain traceback."""

    summary: str
    cell: int = 0
    traceback: str = ""


@dataclass(frozen=True)
class Seconds:
    """Where a run's time went: starting the kernel, the cell tagged `imports`, the other cells; seconds."""

    kernel: float = 0.0
    imports: float = 0.0
    cells: float = 0.0

    @property
    def total(self) -> float:
        """All three."""
        return self.kernel + self.imports + self.cells


@dataclass(frozen=True)
class NotebookResult:
    """A finished run: the notebook as stored, as executed, what stopped it if anything did, and its times.

    `ran` maps the position (from 0) of each cell that ran to its seconds.
    """

    notebook: Notebook
    stored: NotebookNode
    executed: NotebookNode
    error: NotebookError | None
    seconds: Seconds
    ran: Mapping[int, float] = field(default_factory=dict)

    @property
    def stderr(self) -> dict[int, str]:
        """What cells wrote to stderr, by the position (from 0) of the cell."""
        return {index: text for index in self.ran if (text := _stderr(self.executed.cells[index]))}


Progress = Callable[[Notebook, int, int], None]
"""Called with the notebook, how many of its code cells have run and how many there are."""


def run_notebooks(
    notebooks: Sequence[Notebook],
    *,
    jobs: int = 2,
    environment: Mapping[str, str] | None = None,
    cell_seconds: int = CELL_SECONDS,
    progress: Progress | None = None,
) -> Iterator[NotebookResult]:
    """Yield a result for each notebook as it ends, `jobs` at a time; `environment` is added to the kernels' own.

    Closing the iterator, or an interrupt, ends the kernels at once. A broken .ipynb is a KitError before any starts.
    """
    stored = [read_notebook(notebook.path) for notebook in notebooks]
    folder = scratch_folder("run")
    kernels = _Kernels()
    pool = ThreadPoolExecutor(max_workers=max(1, jobs), thread_name_prefix="notebook")
    try:
        runs = [
            pool.submit(_Run(notebook, nb, folder, environment or {}, cell_seconds, progress, kernels).result)
            for notebook, nb in zip(notebooks, stored, strict=True)
        ]
        for run in as_completed(runs):
            yield run.result()
    finally:
        kernels.end()
        pool.shutdown(wait=True, cancel_futures=True)
        remove_scratch(folder)


def run_notebook(notebook: Notebook, **options: Any) -> NotebookResult:
    """The result of one notebook; options as for `run_notebooks`."""
    return next(iter(list(run_notebooks([notebook], jobs=1, **options))))


class _Kernels:
    """The process groups of the kernels that live now, so that an interrupt can end them."""

    def __init__(self) -> None:
        self._lock, self._alive, self.ended = threading.Lock(), set(), False

    def add(self, process: Any) -> None:
        with self._lock:
            self._alive.add(process)
        if self.ended:
            self.end()

    def remove(self, process: Any) -> None:
        with self._lock:
            self._alive.discard(process)

    def end(self) -> None:
        self.ended = True
        with self._lock:
            alive = list(self._alive)
        for process in alive:
            # A kernel leads a session of its own: what it started goes with it.
            if process.poll() is None and hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            elif process.poll() is None:
                process.kill()


class _Run:
    """One run: what happened so far, until it becomes a NotebookResult."""

    def __init__(
        self,
        notebook: Notebook,
        stored: NotebookNode,
        folder: Path,
        environment: Mapping[str, str],
        cell_seconds: int,
        progress: Progress | None,
        kernels: _Kernels,
    ):
        self.notebook, self.stored, self.executed = notebook, stored, _to_execute(stored)
        self.folder, self.environment, self.cell_seconds = folder / notebook.stem, environment, cell_seconds
        self.progress, self.kernels = progress, kernels
        self.total = sum(_runs(cell) for cell in self.executed.cells)
        self.ran: dict[int, float] = {}
        self.current = 0
        self.began = self.cell_began = time.perf_counter()
        self.kernel_seconds = 0.0
        self.process = None

    def result(self) -> NotebookResult:
        """Run to the end or to what stops it."""
        if self.kernels.ended:
            return self._finished(NotebookError("Not run: the tour was stopped."))
        self.folder.mkdir(parents=True)
        self.began = time.perf_counter()
        self._tell()
        return self._finished(asyncio.run(self._execute()))

    async def _execute(self) -> NotebookError | None:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        log = (self.folder / "kernel.log").open("w+", encoding="utf-8", errors="replace")
        client = NotebookClient(
            self.executed,
            timeout=self.cell_seconds,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(self.notebook.path.parent)}},
            extra_arguments=["--HistoryManager.enabled=False", f"--IPKernelApp.exec_lines={_orphan_check()}"],
            on_notebook_start=self._kernel_started,
            on_cell_execute=self._cell_started,
            on_cell_executed=self._cell_ended,
        )
        client.log.disabled = True  # what it logs is said in the result
        client.km = _kernel_manager(self.folder / "kernel.json")
        self._client = client
        try:
            await client.async_execute(env=self._kernel_environment(), stdout=log, stderr=log)
        except CellExecutionError as error:
            text = f"{error.ename}: {error.evalue}".strip()
            return NotebookError(f"cell {self.current} failed: {_first_line(text)}", self.current, plain(error.traceback))
        except CellTimeoutError:
            return NotebookError(f"cell {self.current} ran longer than {self.cell_seconds} s.", self.current)
        except (DeadKernelError, RuntimeError) as error:
            return NotebookError(self._why_dead(error), self.current, _tail(log))
        finally:
            self.kernels.remove(self.process)
            log.close()
        return None

    def _kernel_environment(self) -> dict[str, str]:
        own = {
            "IPYTHONDIR": str(self.folder / "ipython"),
            "TMPDIR": str(self.folder),
            "RAGAS_DO_NOT_TRACK": "true",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        return {**os.environ, **self.environment, **own}

    def _kernel_started(self, **_: Any) -> None:
        self.kernel_seconds = time.perf_counter() - self.began
        self.process = self._client.km.provisioner.process
        self.kernels.add(self.process)

    def _cell_started(self, *, cell_index: int, **_: Any) -> None:
        self.current, self.cell_began = cell_index + 1, time.perf_counter()

    def _cell_ended(self, *, cell_index: int, **_: Any) -> None:
        self.ran[cell_index] = time.perf_counter() - self.cell_began
        self._tell()

    def _tell(self) -> None:
        if self.progress:
            self.progress(self.notebook, len(self.ran), self.total)

    def _why_dead(self, error: Exception) -> str:
        where = f"in cell {self.current}" if self.current else "before the first cell"
        if self.process is None:
            return f"the kernel did not start: {_first_line(str(error))}"
        status = self.process.poll()
        if status is not None and status < 0:
            hint = ", as when memory is short" if -status == signal.SIGKILL else ""
            return f"the kernel died {where}: killed by signal {signal.Signals(-status).name}{hint}."
        return f"the kernel died {where}" + (f" with exit status {status}." if status is not None else ".")

    def _finished(self, error: NotebookError | None) -> NotebookResult:
        imports = sum(s for index, s in self.ran.items() if "imports" in tags(self.executed.cells[index]))
        seconds = Seconds(self.kernel_seconds, imports, sum(self.ran.values()) - imports)
        return NotebookResult(self.notebook, self.stored, self.executed, error, seconds, dict(self.ran))


def _kernel_manager(connection_file: Path) -> Any:
    """A manager whose kernel is this Python's ipykernel, whatever kernels the user has installed."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - the one kernel there is
            return KernelSpec(**get_kernel_dict())

    return AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=ThisPython(), connection_file=str(connection_file)
    )


def _orphan_check() -> str:
    """A line that ends a kernel which was orphaned while it started; later ipykernel's own poller sees to it."""
    return f"__import__('os').getppid() == {os.getpid()} or __import__('os')._exit(1)"


def _to_execute(stored: NotebookNode) -> NotebookNode:
    """A copy without outputs, in which every cell that nbval skips is skipped by nbclient too."""
    executed = copy.deepcopy(stored)
    for cell in executed.cells:
        if cell.cell_type != "code":
            continue
        if "nbval-skip" in tags(cell) and "skip-execution" not in tags(cell):
            cell.metadata.tags = [*tags(cell), "skip-execution"]
        if _runs(cell):
            cell.outputs, cell.execution_count = [], None
    return executed


def _runs(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip()) and not set(SKIP_TAGS) & set(tags(cell))


def _stderr(cell: NotebookNode) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")


def plain(text: str) -> str:
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def _first_line(text: str) -> str:
    return plain(text).strip().split("\n", 1)[0][:300]


def _tail(log: Any, lines: int = 20) -> str:
    log.flush()
    log.seek(0)
    return "\n".join(log.read().splitlines()[-lines:])

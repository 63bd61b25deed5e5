"""Run notebooks, each in a fresh kernel with a temporary folder of its own; what happens is a value."""

from __future__ import annotations

import asyncio
import copy
import logging
import re
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from nbformat import NotebookNode

from kit.files.scratch import remove_scratch, scratch_folder
from kit.notebooks.files import read_notebook, tags
from kit.notebooks.manifest import Notebook
from kit.notebooks.outputs.nbval_rules import markers

if TYPE_CHECKING:
    from kit.kernels.kernel import LiveKernels

CELL_SECONDS = 300


@dataclass(frozen=True)
class NotebookError:
    """What stopped a run: a sentence, the position of the cell from 1 (0: before the first), a plain traceback."""

    summary: str
    cell: int = 0
    traceback: str = ""


@dataclass(frozen=True)
class Seconds:
    """Where a run's time went: starting the kernel, the cell tagged `imports`, the other cells."""

    kernel: float = 0.0
    imports: float = 0.0
    cells: float = 0.0

    @property
    def total(self) -> float:
        """All three."""
        return self.kernel + self.imports + self.cells


@dataclass(frozen=True)
class NotebookResult:
    """A run that has ended: the notebook as stored and as executed, what went wrong in it, its times.

    `ran` maps the index (from 0) of each cell that ran to its seconds. Where the run was to go on after an error,
    there is an error for each cell that raised one without being meant to.
    """

    notebook: Notebook
    stored: NotebookNode
    executed: NotebookNode
    errors: tuple[NotebookError, ...]
    seconds: Seconds
    ran: Mapping[int, float] = field(default_factory=dict)

    @property
    def error(self) -> NotebookError | None:
        """The first error, which is the only one where the run stopped at it."""
        return self.errors[0] if self.errors else None

    @property
    def stderr(self) -> dict[int, str]:
        """What cells wrote to stderr, by the index (from 0) of the cell."""
        return {index: text for index in self.ran if (text := _stderr(self.executed.cells[index]))}


# Called from the runs' threads with the notebook, how many of its code cells have run, and how many there are.
Progress = Callable[[Notebook, int, int], None]


def run_notebooks(
    notebooks: Sequence[Notebook],
    *,
    jobs: int = 2,
    environment: Mapping[str, str] | None = None,
    cell_seconds: int = CELL_SECONDS,
    progress: Progress | None = None,
    go_on: bool = False,
) -> Generator[NotebookResult, None, None]:
    """Yield the result of each notebook as it ends, `jobs` at a time, the longest first.

    `environment` is added to the kernels' own. With `go_on` the cells after one that failed run, too, as under nbval.
    A broken .ipynb is a KitError before any kernel starts. Closing the iterator, or an interrupt, ends the kernels.
    """
    from kit.kernels.kernel import LiveKernels

    notebooks = sorted(notebooks, key=lambda notebook: -notebook.seconds)
    stored = [read_notebook(notebook.path) for notebook in notebooks]
    folder, live = scratch_folder("run"), LiveKernels()
    pool = ThreadPoolExecutor(max_workers=max(1, jobs), thread_name_prefix="notebook")
    beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notebook-beside")
    options = _Options(environment or {}, cell_seconds, progress, go_on)
    try:
        runs = [
            _Run(notebook, nb, folder / f"{place}-{notebook.stem}", live, options)
            for place, (notebook, nb) in enumerate(zip(notebooks, stored, strict=True))
        ]
        # A notebook that starts a server mostly waits for it: with more than one job it runs beside the others.
        pools = [beside if jobs > 1 and "server-package" in notebook.needs else pool for notebook in notebooks]
        for run in as_completed([chosen.submit(run.result) for chosen, run in zip(pools, runs, strict=True)]):
            yield run.result()
    finally:
        live.end()
        pool.shutdown(wait=True, cancel_futures=True)
        beside.shutdown(wait=True, cancel_futures=True)
        remove_scratch(folder)


def run_notebook(notebook: Notebook, **options: Any) -> NotebookResult:
    """The result of one notebook; options as for `run_notebooks`."""
    (result,) = run_notebooks([notebook], **options)
    return result


class _Options(NamedTuple):
    """What holds for all notebooks of a call."""

    environment: Mapping[str, str]
    cell_seconds: int
    progress: Progress | None
    go_on: bool


class _Run:
    """What has happened so far in one run, until it becomes a NotebookResult."""

    def __init__(self, notebook: Notebook, stored: NotebookNode, folder: Path, live: LiveKernels, options: _Options):
        self.notebook, self.stored, self.executed = notebook, stored, _without_outputs(stored)
        self.folder, self.live, self.options = folder, live, options
        self.kernel_seconds, self.current = 0.0, 0
        self.ran: dict[int, float] = {}

    def result(self) -> NotebookResult:
        """Run to the end, or to what stops it."""
        error = NotebookError("not run: stopped.") if self.live.ended else asyncio.run(self._execute())
        errors = self._failed_cells() if self.options.go_on else []
        errors += [error] if error and error.cell not in {failed.cell for failed in errors} else []
        imports = sum(s for index, s in self.ran.items() if "imports" in tags(self.executed.cells[index]))
        seconds = Seconds(self.kernel_seconds, imports, sum(self.ran.values()) - imports)
        return NotebookResult(self.notebook, self.stored, self.executed, tuple(errors), seconds, self.ran)

    async def _execute(self) -> NotebookError | None:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        from kit.kernels.kernel import KernelManager, kernel_environment

        kernel = other_kernel(self.stored)
        if kernel and not kernel.installed:
            return NotebookError(f"not run: it is in {kernel.language}, and its kernel {kernel.name} is not installed.")
        self.folder.mkdir(parents=True)
        self._tell()
        began, manager = time.perf_counter(), KernelManager(self.folder, self.live, kernel.name if kernel else "")
        client = NotebookClient(
            self.executed,
            timeout=self.options.cell_seconds,
            allow_errors=self.options.go_on,
            record_timing=False,
            coalesce_streams=True,
            log=_silent(),
            on_cell_execute=self._cell_started,
            on_cell_executed=self._cell_ended,
        )
        client.km = manager
        environment, cwd = kernel_environment(self.folder, self.options.environment), str(self.notebook.path.parent)
        with (self.folder / "kernel.log").open("w+", encoding="utf-8", errors="replace") as log:
            try:
                await client.async_start_new_kernel(env=environment, cwd=cwd, stdout=log, stderr=log)
                await client.async_start_new_kernel_client()
                self.kernel_seconds = time.perf_counter() - began
                await client.async_execute()
            except CellExecutionError as error:
                return self._failure(self.current, error.ename, error.evalue)
            except CellTimeoutError:
                return NotebookError(
                    f"cell {self.current} ran longer than {self.options.cell_seconds} s.", self.current
                )
            except (DeadKernelError, RuntimeError, OSError) as error:
                return NotebookError(self._why_dead(manager.process, error), self.current, _tail(log))
            finally:
                self.live.remove(manager.process)
        return None

    def _failure(self, cell: int, ename: str, evalue: str) -> NotebookError:
        summary = f"cell {cell} failed: {_first_line(f'{ename}: {evalue}')}"
        return NotebookError(summary, cell, _traceback(self.executed.cells[cell - 1]))

    def _failed_cells(self) -> list[NotebookError]:
        """An error for each cell that ran and raised one without being meant to."""
        return [
            self._failure(index + 1, output.ename, output.evalue)
            for index in sorted(self.ran)
            if "raises-exception" not in tags(self.executed.cells[index])
            for output in self.executed.cells[index].outputs
            if output.output_type == "error"
        ]

    def _cell_started(self, *, cell_index: int, **_: Any) -> None:
        self.current, self.cell_began = cell_index + 1, time.perf_counter()

    def _cell_ended(self, *, cell_index: int, **_: Any) -> None:
        self.ran[cell_index] = time.perf_counter() - self.cell_began
        self._tell()

    def _tell(self) -> None:
        if self.options.progress:
            self.options.progress(self.notebook, len(self.ran), sum(map(runs, self.executed.cells)))

    def _why_dead(self, process: Any, error: Exception) -> str:
        if process is None or not self.kernel_seconds:
            return f"the kernel did not start: {_first_line(str(error))}"
        where = f"in cell {self.current}" if self.current else "before the first cell"
        status = process.poll()
        if status is None:
            return f"the kernel no longer answered {where}: {_first_line(str(error))}"
        if status < 0:
            hint = ", as when memory runs out" if -status == signal.SIGKILL else ""
            return f"the kernel died {where}: killed by {signal.Signals(-status).name}{hint}."
        return f"the kernel ended {where} with exit status {status}."


def runs(cell: NotebookNode) -> bool:
    """Whether a run executes the cell: code that is neither empty nor marked to be skipped."""
    if cell.cell_type != "code" or not cell.source.strip():
        return False
    return "skip-execution" not in tags(cell) and not markers(cell).skip


class OtherKernel(NamedTuple):
    """A kernel of another language that a notebook asks for."""

    name: str
    language: str
    installed: bool


def other_kernel(notebook: NotebookNode) -> OtherKernel | None:
    """The kernel that a notebook asks for, if it is of another language than Python."""
    spec = notebook.metadata.get("kernelspec", {})
    language = spec.get("language") or notebook.metadata.get("language_info", {}).get("name") or "python"
    if language.lower() in ("python", "ipython"):
        return None
    from jupyter_client.kernelspec import KernelSpecManager

    name = spec.get("name", language)
    return OtherKernel(name, language, name in KernelSpecManager().find_kernel_specs())


def plain(text: str) -> str:
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def in_short(error: NotebookNode) -> list[str]:
    """The one line that is kept of the traceback of an error which a cell means to raise."""
    return [plain(f"{error.ename}: {error.evalue}").split("\n", 1)[0]]


def _without_outputs(stored: NotebookNode) -> NotebookNode:
    """A copy to execute, in which nbclient skips what nbval skips, and lets pass the errors that nbval lets pass."""
    executed = copy.deepcopy(stored)
    executed.metadata.pop("widgets", None)
    for cell in executed.cells:
        if cell.cell_type == "code" and markers(cell).may_raise:
            cell.metadata.tags = [*tags(cell), "raises-exception"]
        if runs(cell):
            cell.outputs, cell.execution_count = [], None
        elif cell.cell_type == "code" and cell.source.strip() and "skip-execution" not in tags(cell):
            cell.metadata.tags = [*tags(cell), "skip-execution"]
    return executed


def _traceback(cell: NotebookNode) -> str:
    return plain("\n".join(line for o in cell.outputs if o.output_type == "error" for line in o.traceback))


def _stderr(cell: NotebookNode) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr")


def _first_line(text: str) -> str:
    return plain(text).strip().split("\n", 1)[0][:300]


def _tail(log: IO[str], lines: int = 20) -> str:
    log.seek(0)
    return plain("\n".join(log.read().splitlines()[-lines:]))


def _silent() -> logging.Logger:
    """A logger that keeps quiet: what nbclient would log is in the result."""
    logger = logging.getLogger("kit.notebooks.nbclient")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger

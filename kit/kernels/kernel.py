"""The kernel of a run: this very Python's ipykernel, private files, and no life after the kit's own end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from subprocess import Popen
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

# A kernel whose parent ended while it started would not know: ipykernel's own poller compares with the parent it
# finds at its start. This line runs right after that, so that the two together leave no gap.
ORPHAN_CHECK = "__import__('os').getppid() == {parent} or __import__('os')._exit(1)"


class LiveKernels:
    """The kernel processes that live now, so that an interrupt can end them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[Popen[bytes]] = set()
        self.ended = False

    def add(self, process: Popen[bytes]) -> None:
        """Remember a kernel; one that comes after `end` is ended at once."""
        with self._lock:
            self._processes.add(process)
        if self.ended:
            self.end()

    def remove(self, process: Popen[bytes] | None) -> None:
        """Forget a kernel that is gone."""
        with self._lock:
            self._processes.discard(process)

    def end(self) -> None:
        """Kill every kernel and what it started: a kernel leads a process group of its own."""
        self.ended = True
        with self._lock:
            for process in self._processes:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


class ThisPython(KernelSpecManager):
    """Knows one kernel, ipykernel in the Python that runs now, whatever kernels the user has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - the notebook's wish does not count
        return KernelSpec(**get_kernel_dict())


class KernelManager(AsyncKernelManager):
    """Starts the kernel of one notebook; its connection file lies in `folder`, its process is in `live`.

    `other` names an installed kernel of another language, which then runs in the place of this Python.
    """

    def __init__(self, folder: Path, live: LiveKernels, other: str = ""):
        specs = KernelSpecManager() if other else ThisPython()
        super().__init__(
            kernel_name=other or "python3", kernel_spec_manager=specs, connection_file=str(folder / "kernel.json")
        )
        self.other = other
        self.live = live
        self.process: Popen[bytes] | None = None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        check = f"--IPKernelApp.exec_lines={ORPHAN_CHECK.format(parent=os.getpid())}"
        await super()._async_launch_kernel([*kernel_cmd, *([] if self.other else [check])], **kw)
        self.process = getattr(self.provisioner, "process")  # noqa: B009 - a local provisioner's, which its base lacks
        self.live.add(self.process)


def kernel_environment(folder: Path, own: Mapping[str, str]) -> dict[str, str]:
    """This process's environment and `own`; what the kernel writes besides its results goes to `folder`."""
    private = {
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "RAGAS_DO_NOT_TRACK": "true",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a warning on stderr of Pythons with frozen modules
    }
    return {**os.environ, **private, **own}

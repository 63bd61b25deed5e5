"""How far a page's processes can be kept apart here: by bubblewrap, by namespaces of their own, or by limits alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

Kind = Literal["bubblewrap", "namespaces", "limits"]
TRIAL_SECONDS = 10
_BUBBLEWRAP = ("--die-with-parent", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--bind", "/", "/",
               "--dev-bind", "/dev", "/dev", "--proc", "/proc", "--as-pid-1", "--")  # fmt: skip
_UNSHARE = ("-n", "-p", "-m", "--fork", "--mount-proc", "--kill-child")
_WORDS: dict[Kind, str] = {
    "bubblewrap": "bubblewrap: its processes, its network and its /proc were its own, and ended with it",
    "namespaces": "namespaces (unshare): its processes, its network and its /proc were its own, and ended with it",
    "limits": "limits of time, memory and output alone: this system gives it no namespaces of its own, so it could "
    "reach this machine's ports and see its processes",
}


class Isolation(NamedTuple):
    """What keeps the page apart, and the command that starts another one so."""

    kind: Kind
    prefix: tuple[str, ...] = ()

    @property
    def apart(self) -> bool:
        """Whether the page has a network, processes and mounts of its own."""
        return self.kind != "limits"

    @property
    def words(self) -> str:
        """The protection in words, for a report."""
        return _WORDS[self.kind]


LIMITS = Isolation("limits")
LAUNCHER = Path(__file__).with_name("launcher.py")


class Apart(NamedTuple):
    """How a kernel is started: the protection, and what it may reach of the outside (port -> unix socket, hosts)."""

    isolation: Isolation = LIMITS
    relays: Mapping[int, str] = MappingProxyType({})
    hosts: str = ""
    addresses: tuple[str, ...] = ()
    file_bytes: int = 2_000_000_000

    def command(self, alive: int) -> list[str]:
        """What stands before the kernel's own command; `alive` is the pipe that tells it of the kit's end."""
        config = {
            "apart": self.isolation.apart,
            "alive": alive,
            "relays": {str(port): path for port, path in self.relays.items()},
            "hosts": self.hosts,
            "addresses": list(self.addresses),
            "bytes": self.file_bytes,
        }
        return [*self.isolation.prefix, sys.executable, "-I", str(LAUNCHER), json.dumps(config)]


@cache
def isolation() -> Isolation:
    """The strongest protection that this system allows, tried once: bubblewrap, else unshare, else limits alone."""
    if sys.platform != "linux":
        return LIMITS
    candidates = []
    if bubblewrap := shutil.which("bwrap"):
        candidates.append(Isolation("bubblewrap", (bubblewrap, *_BUBBLEWRAP)))
    if unshare := shutil.which("unshare"):
        as_root = [(unshare, *_UNSHARE)] if os.geteuid() == 0 else []
        candidates += [Isolation("namespaces", prefix) for prefix in (*as_root, (unshare, "-U", "-r", *_UNSHARE))]
    return next(filter(_works, candidates), LIMITS)


def _works(candidate: Isolation) -> bool:
    try:
        done = subprocess.run([*candidate.prefix, "true"], capture_output=True, timeout=TRIAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

"""Runs one server and stops it: when told to, when the process that started it is gone, or when it ends by itself.

Run as a file, with the standard library only: one line of JSON on stdin says what to run, the line `answers` that it
does. The end of stdin means that the owner is gone, however it ended; unless it is `tied`, a server that answers stays.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

STOP_SECONDS = 5  # Milvus often hangs in an orderly end; what it has acknowledged survives being killed
ENDINGS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


def main() -> int:
    """Run the server of the spec on stdin; its process id goes to stdout; exit status 1 if it ended by itself."""
    spec = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # ignored by default, and then never waited for
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    with Path(spec["log"]).open("ab") as log:
        server = subprocess.Popen(
            spec["command"],
            cwd=spec["cwd"],
            env=spec["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_in_the_server,
        )
    print(server.pid, flush=True)
    threading.Thread(target=_end_with_the_owner, args=[spec["tied"]], daemon=True).start()
    received = signal.sigwait(ENDINGS)
    while received == signal.SIGCHLD and server.poll() is None:
        received = signal.sigwait(ENDINGS)
    if received == signal.SIGCHLD:
        return 1  # it ended by itself: its log stays, until someone asks what runs
    if server.poll() is None:
        _stop(server, spec["signal"])
    if spec["remove"]:
        shutil.rmtree(spec["remove"], ignore_errors=True)
    Path(spec["record"]).unlink(missing_ok=True)
    return 0


def _in_the_server() -> None:
    """Between fork and exec: signals arrive again, and on Linux the kernel ends the server with this process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _end_with_the_owner(tied: bool) -> None:
    if sys.stdin.readline() == "answers\n" and not tied:
        return
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(server: subprocess.Popen[bytes], number: int) -> None:
    server.send_signal(number)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # what it may have started


if __name__ == "__main__":
    sys.exit(main())

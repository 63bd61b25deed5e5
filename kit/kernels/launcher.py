"""Starts a kernel and stands between it and the kit: the parent that the kernel can end without ending anything else.

Run as a file, with the standard library alone, by `python -I launcher.py CONFIG COMMAND…`; the config is a JSON text:

    apart    true inside new namespaces, where the loopback device is to be brought up
    alive    a file descriptor of a pipe whose other end the kit holds: when that closes, everything here ends
    relays   port on the loopback address -> unix socket that answers for it
    hosts    a file to see in place of /etc/hosts, or ''
    addresses  IPv4 addresses that are to be this machine's own, beside the loopback address
    bytes    the most bytes that a process may write to a file

As the first process of its namespace it takes in what loses its parent, and all of that dies with it.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_CHILD_SUBREAPER = 36
SIGNAL_STATUS = 128  # a status above it is the signal that ended the kernel
PIECE = 65536


def main() -> int:
    """The kernel's exit status, or 128 and its signal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config, command = json.loads(sys.argv[1]), sys.argv[2:]
    if config["apart"]:
        _bring_up("lo")
        _see_hosts(config["hosts"])
        _take(config["addresses"])
    elif sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for port, path in config["relays"].items():
        _relay(int(port), path, "0.0.0.0" if config["apart"] else "127.0.0.1")
    # The kernel ends when its parent does. The first process of a namespace cannot end before it, and is no orphan's.
    environment = {**os.environ, "JPY_PARENT_PID": "0" if config["apart"] else str(os.getpid())}
    kernel = subprocess.Popen(
        command, env=environment, start_new_session=True, preexec_fn=lambda: _limit(config["bytes"])
    )
    threading.Thread(target=_end_with_the_kit, args=(config["alive"], kernel.pid), daemon=True).start()
    return _wait_for(kernel.pid)


def _wait_for(kernel: int) -> int:
    """The status of the kernel; whoever else ends here is reaped."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return 1
        if pid == kernel:
            return SIGNAL_STATUS + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _end_with_the_kit(descriptor: int, kernel: int) -> None:
    while True:
        try:
            if not os.read(descriptor, 1):
                break
        except OSError:
            break
    try:
        os.killpg(kernel, signal.SIGKILL)
    finally:
        os._exit(1)


def _limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _bring_up(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sH14s", device.encode(), 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, asked))[1]
        if not flags & IFF_UP:  # bubblewrap does it itself
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", device.encode(), flags | IFF_UP, b""))


def _see_hosts(path: str) -> None:
    if path:
        subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=False, capture_output=True)


def _take(addresses: list[str]) -> None:
    for address in addresses:
        with contextlib.suppress(OSError):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=False, capture_output=True)


def _relay(port: int, path: str, own: str) -> None:
    """Answer on a port of this machine's own addresses with what answers on a unix socket."""
    for family, address in ((socket.AF_INET, own), (socket.AF_INET6, "::1")):
        try:
            listener = socket.create_server((address, port), family=family, backlog=64)
        except OSError:
            continue
        threading.Thread(target=_accept, args=(listener, path), daemon=True).start()


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        inside, _ = listener.accept()
        outside = socket.socket(socket.AF_UNIX)
        try:
            outside.connect(path)
        except OSError:
            inside.close()
            outside.close()
            continue
        for source, target in ((inside, outside), (outside, inside)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


if __name__ == "__main__":
    os._exit(main())

"""On PYTHONPATH, blocks every connection that leaves this machine, in this process and in those it starts."""

import ipaddress
import socket

_connect = socket.socket.connect


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(self, address):
    if self.family != socket.AF_UNIX and not _loopback(address[0]):
        raise OSError(f"The tests run without a network; something connects to {address}.")
    return _connect(self, address)


def look_up(host, *rest, _real=socket.getaddrinfo, **more):
    if host is not None and not _loopback(host.decode() if isinstance(host, bytes) else host):
        raise OSError(f"The tests run without a network; something looks up {host}.")
    return _real(host, *rest, **more)


socket.socket.connect = connect
socket.getaddrinfo = look_up

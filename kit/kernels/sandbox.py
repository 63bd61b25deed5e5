"""Where a page runs: a scratch folder laid out as the page expects, a cleaned environment, limits, and an end for all.

This keeps a page that nobody has read from leaving traces and from running without end. It is no prison: the page's
code runs as the user who runs the kit, and may read what that user may read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import psutil

from kit.errors import KitError
from kit.files.scratch import remove_scratch, scratch_folder

SPEECH = "state_of_the_union.txt"
# What a program needs to find itself, speak a language and reach the network; no keys, no homes.
PASSED = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "SYSTEMROOT", "COMSPEC", "PATHEXT", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS"),
)
PASSED_STARTS = ("LC_",)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
INSTALLERS = ("PIP_", "UV_")  # where packages come from; passed on only with --allow-install
LONGEST_SOCKET = 100  # characters of a unix socket's path
END_SECONDS = 5
MARK = "KIT_REPLAY"  # in the environment of everything that the page starts


@dataclass(frozen=True)
class Limits:
    """What a page may use: seconds and output bytes a cell, memory of the kernel and all that it starts, disk space."""

    cell_seconds: float = 120.0
    output_bytes: int = 2_000_000
    memory_bytes: int = 4_000_000_000
    file_bytes: int = 2_000_000_000  # a longer write fails, with an OSError that the page may handle
    disk_bytes: int = 4_000_000_000  # of all that lies in the scratch folder; more ends the kernel


@dataclass(frozen=True)
class Sandbox:
    """A scratch folder: `root` holds everything, `folder` is where the page runs, deep enough for its `../`."""

    root: Path
    folder: Path
    placed: tuple[str, ...] = ()
    sockets: Path = Path()  # for unix sockets, whose paths must be short
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def environment(self, own: Mapping[str, str], *, allow_install: bool = False) -> dict[str, str]:
        """The environment of the page's kernel: cleaned, with `own` in it."""
        starts = PASSED_STARTS + (INSTALLERS if allow_install else ())
        passed = {n: v for n, v in os.environ.items() if n in PASSED or n.startswith(starts)}
        passed |= {n: os.environ[n] for n in PROXIES if "@" not in os.environ.get(n, "@")}  # without a password in it
        private = {
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "IPYTHONDIR": str(self.root / "home/ipython"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "home/runtime"),
            "XDG_CACHE_HOME": str(self.root / "home/cache"),
            "MPLCONFIGDIR": str(self.root / "home/matplotlib"),
            "TIKTOKEN_CACHE_DIR": str(self.root / "tiktoken"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONNOUSERSITE": "1",
            "LANGCHAIN_TRACING_V2": "false",
            "RAGAS_DO_NOT_TRACK": "true",
            MARK: self.mark,
        }
        return {**passed, **private, **own}

    def remove(self) -> None:
        """Remove the folder and all that the page wrote."""
        remove_scratch(self.root)
        if not self.sockets.is_relative_to(self.root):
            shutil.rmtree(self.sockets, ignore_errors=True)


def make_sandbox(texts: Iterable[str], places: Mapping[str, Path]) -> Sandbox:
    """A scratch folder for a page in whose code `texts` stand; `places` maps a path as the page writes it to a file.

    The speech of 2022 is placed wherever the page's code names a state_of_the_union.txt.
    """
    paths = [text for text in texts if _is_relative(text)]
    wanted = dict.fromkeys(path for path in paths if PurePosixPath(path).name == SPEECH)
    depth = max([0, *(_ups(path) for path in (*paths, *places))])
    root = scratch_folder("page")
    try:
        folder = root.joinpath("page", *(["docs"] * depth))
        for made in (folder, root / "home", root / "tmp"):
            made.mkdir(parents=True)
        for path, file in places.items():
            target = _inside(folder, path, root / "page")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            except OSError as error:
                raise KitError(f"{file} cannot be placed at {path}: {error.strerror or error}.") from None
        speeches = [path for path in wanted if path not in places and _ups(path) <= depth]
        for path in speeches:
            _place_speech(_inside(folder, path, root / "page"))
        place_encoding(root / "tiktoken")
    except BaseException:
        remove_scratch(root)
        raise
    placed = (*(f"{p} (your {f.name})" for p, f in places.items()), *speeches)
    return Sandbox(root, folder, placed, _sockets(root))


def _sockets(root: Path) -> Path:
    """A folder whose path leaves room for a socket's name: in the sandbox, or where temporary folders are short."""
    folder = root / "s"
    if len(str(folder)) > LONGEST_SOCKET - 20:
        return Path(tempfile.mkdtemp(prefix="kit-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.mkdir()
    return folder


def read_places(options: Iterable[str]) -> dict[str, Path]:
    """`relative/path=FILE` options as path -> file, checked."""
    places = {}
    for option in options:
        path, sign, file = option.partition("=")
        if not sign or not path or not file:
            raise KitError(f"Wanted --place relative/path=FILE; found {option!r}.")
        if PurePosixPath(path).is_absolute() or "\\" in path or ":" in path or path.endswith(("/", "..")):
            raise KitError(f"--place wants a relative path to a file, as the page writes it; found {path!r}.")
        if not Path(file).is_file():
            raise KitError(
                f"--place {path}: wanted a file at {file}; found {'a folder' if Path(file).is_dir() else 'nothing'}."
            )
        places[path] = Path(file)
    return places


def overlay(python: str, folder: Path) -> str:
    """The Python of a new environment in `folder` that sees what `python` sees; installs go to the new one alone."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib')); print(sysconfig.get_path('platlib'))"
    seen = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True, timeout=60).stdout.split(
        "\n"
    )
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True, timeout=120)
    own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = subprocess.run([str(own), "-c", ask], capture_output=True, text=True, check=True, timeout=60).stdout.split(
        "\n"
    )
    lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(filter(None, seen))]
    Path(site[0], "kit_overlay.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(own)


class Watch:
    """Sees every process that a kernel starts, measures their memory and files, kills what uses too much.

    `pid` is the process that starts the kernel; it takes in what loses its parent.
    """

    INTERVAL = 0.25
    LOOKS = 4  # a look at the files for so many at the processes

    def __init__(self, pid: int, sandbox: Sandbox, limits: Limits):
        self.kernel, self.sandbox, self.limits = psutil.Process(pid), sandbox, limits
        self.own = {self.kernel}  # what the page did not start
        self.exceeded = ""  # what it used too much of when it was killed
        self._seen: set[psutil.Process] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(self.INTERVAL):
            looks += 1
            used, limit = self._measure(), self.limits.memory_bytes
            if used > limit:
                return self._kill(f"it used {used / 1e9:.1f} GB of memory, {limit / 1e9:g} GB are allowed")
            if looks % self.LOOKS == 0 and (used := _size(self.sandbox.root)) > self.limits.disk_bytes:
                limit = self.limits.disk_bytes
                return self._kill(f"it wrote {used / 1e9:.1f} GB to its folder, {limit / 1e9:g} GB are allowed")
        return None

    def _kill(self, why: str) -> None:
        self.exceeded = why
        for process in (self.kernel, *self._seen):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def ready(self) -> None:
        """The kernel answers: what runs now is its own, what comes is the page's."""
        self._measure()
        self.own |= self._seen

    def _measure(self) -> int:
        used = 0
        with contextlib.suppress(psutil.Error):
            children = self.kernel.children(recursive=True)
            self._seen.update(children)
            for process in (self.kernel, *children):
                with contextlib.suppress(psutil.Error):
                    used += process.memory_info().rss
        return used

    def end(self) -> list[str]:
        """Kill the kernel and whatever it left running; returns the command lines of what it left."""
        self._stop.set()
        self._measure()
        left = {*self._seen, *self._marked()} - {self.kernel}
        names = [name for process in left - self.own if (name := _command(process))]
        for process in (*left, self.kernel):
            with contextlib.suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + END_SECONDS
        while any(map(_lives, (self.kernel, *left))) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._thread.join()
        return sorted(names)

    def _marked(self) -> Iterable[psutil.Process]:
        """Processes that left the kernel's family but carry its mark in their environment."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(MARK) == self.sandbox.mark:
                    yield process


def _lives(process: psutil.Process) -> bool:
    """Whether a process still does something; one that has ended may wait long for somebody to ask for its status."""
    with contextlib.suppress(psutil.Error):
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    return False


def _command(process: psutil.Process) -> str:
    """A process' command line; '' of one that is gone or has ended."""
    with contextlib.suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return " ".join(process.cmdline())[:80]
    return ""


def _size(folder: Path) -> int:
    """The bytes that the files of a folder take on the disk; links are not followed."""
    size = 0
    for root, _, files in os.walk(folder, onerror=None):
        for name in files:
            with contextlib.suppress(OSError):
                size += Path(root, name).lstat().st_blocks * 512
    return size


def _is_relative(text: str) -> bool:
    if not text or len(text) > 200 or any(sign in text for sign in ("\n", " ", "\\", "://", "\0")):
        return False
    return text.startswith(("../", "./")) or (PurePosixPath(text).name == SPEECH and not text.startswith("/"))


def _ups(path: str) -> int:
    """How many folders above its start a relative path climbs at its highest."""
    height = highest = 0
    for part in PurePosixPath(path).parts:
        height += 1 if part == ".." else -1
        highest = max(highest, height)
    return highest


def _inside(folder: Path, path: str, root: Path) -> Path:
    target = Path(os.path.normpath(folder / path))
    if not target.is_relative_to(root):
        raise KitError(f"{path} would lie outside of the page's scratch folder.")
    return target


def _place_speech(target: Path) -> None:
    from kit.texts.speeches import load_speech

    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(load_speech(2022).page_content, encoding="utf-8")


def place_encoding(folder: Path) -> None:
    """tiktoken's encoding, so that OpenAIEmbeddings() counts tokens without a download."""
    from kit.models.minilm import DataFile, verified

    encoding = DataFile(
        "tiktoken_ext",
        "data/cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    )
    folder.mkdir()
    # tiktoken's name for it in its cache: the sha1 of the address that it would load it from.
    shutil.copyfile(verified(encoding), folder / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4")

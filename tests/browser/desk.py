"""JupyterLab as `make lab` starts it, on a copy of the notebooks, and what a learner does in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nbformat
from playwright.sync_api import Page

from kit.notebooks import Mismatch, Notebook, NotebookResult, compare, copy_notebooks, load_manifest
from kit.notebooks.manifest import WELCOME
from kit.notebooks.outputs.nbval_rules import load_patterns
from kit.notebooks.run import Seconds
from tests.browser.reader import Reader
from tests.conftest import ROOT

SAVED = "() => !jupyterapp.shell.currentWidget.context.model.dirty"
READY = """path => {
  const shown = globalThis.jupyterapp?.shell.currentWidget;
  return shown?.context?.path === path && shown.sessionContext.session?.kernel?.status === 'idle';
}"""
# Every output's cell (from 0), height, and by how much it is wider than its cell; boxes that scroll are not too wide.
SIZES = """() => jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, index) =>
  [...cell.node.querySelectorAll('.jp-OutputArea-output')].map(output => {
    return [index, output.scrollHeight, output.scrollWidth - output.clientWidth]
  }))"""


class Size(NamedTuple):
    """What an output takes: its cell (from 1), pixels high, pixels wider than its cell."""

    cell: int
    height: int
    too_wide: int


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab with the repository's settings on a folder with notebooks, README and data."""
    copy_notebooks(load_manifest(), folder / "notebooks")
    shutil.copy(ROOT / "notebooks" / "conftest.py", folder / "notebooks")
    shutil.copy(ROOT / "README.md", folder)
    shutil.copytree(ROOT / "data", folder / "data")
    own = {f"JUPYTER_{kind}_DIR": str(folder.parent / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    environment = {**os.environ, **own, "JUPYTER_CONFIG_PATH": str(ROOT / ".jupyter")}
    with (folder.parent / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        while not _answers(f"http://127.0.0.1:{port}/api"):
            assert server.poll() is None, (folder.parent / "lab.log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def open_notebook(visitor: Reader, address: str, file: str = "") -> Page:
    """A notebook in JupyterLab, its kernel ready; without a file JupyterLab has to open the welcome page by itself."""
    page = visitor.open(f"{address}/lab/tree/notebooks/{file}?reset" if file else address)
    page.wait_for_function(READY, arg=f"notebooks/{file or WELCOME}", timeout=90_000)
    return page


def run_all(page: Page) -> None:
    """Run → Run All Cells, to the end; then save."""
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function(SAVED)


def differences(fresh: Path, stored: Path) -> list[Mismatch]:
    """What a notebook that was run and saved shows other than the stored one."""
    before, after = (nbformat.read(path, as_version=4) for path in (stored, fresh))
    code = {index: 0.0 for index, cell in enumerate(after.cells) if cell.cell_type == "code"}
    result = NotebookResult(Notebook(stored, stored.stem, "", 1), before, after, (), Seconds(), code)
    return list(compare(result, load_patterns(ROOT / "notebooks" / "sanitize.cfg")).mismatches)


def sizes(page: Page) -> list[Size]:
    """What each output takes on the page."""
    return [Size(cell + 1, height, too_wide) for cell, height, too_wide in page.evaluate(SIZES)]

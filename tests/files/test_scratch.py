"""Scratch folders go with their process, however it ends."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kit.files.scratch import remove_scratch, scratch_folder

HOLD = "from kit.files.scratch import scratch_folder; print(scratch_folder('held'), flush=True); input()"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def start_holder() -> tuple[subprocess.Popen, Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_when_its_process_ends():
    process, folder = start_holder()
    assert folder.is_dir()
    process.communicate("\n", timeout=30)
    assert list(folder.parent.glob("*-*")) == []


def test_a_killed_process_leaves_its_folder_to_the_next_one_and_a_live_one_keeps_its_own():
    killed, left = start_holder()
    alive, kept = start_holder()
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=30)
    assert left.is_dir()
    mine = scratch_folder()
    assert (left.exists(), kept.is_dir(), mine.is_dir()) == (False, True, True)
    alive.communicate("\n", timeout=30)
    remove_scratch(mine)
    assert list(mine.parent.glob("*-*")) == []

"""The face of the bench room: every name loads, and an editor knows it."""

from __future__ import annotations

import subprocess
import sys

import kit.bench


def test_every_name_of_the_face_loads():
    missing = [name for name in kit.bench.__all__ if getattr(kit.bench, name, None) is None]
    assert missing == []
    assert {"Grid", "run_grid", "OutFolder", "rank_conditions", "paired_tests"} <= set(dir(kit.bench))


def test_importing_the_face_loads_nothing_heavy():
    code = "import sys, kit.bench; print([n for n in ('pandas', 'pymilvus', 'ragas', 'scipy') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

"""The benchmark notebook takes other parameters, as its text says that it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("parameters", "status", "shown"),
    [
        ("DATASET: 'golden:2016'\nRETRIEVERS: [dense, hybrid]\nEMBEDDINGS: wordllama\nK: 10", 0, "13 of 14 queries"),
        ("DATASET: nowhere", 1, "nowhere"),
    ],
)
def test_papermill_runs_the_benchmark_notebook_with_other_parameters(tmp_path, parameters, status, shown):
    notebook, out = ROOT / "notebooks" / "06_benchmark.ipynb", tmp_path / "out.ipynb"
    command = ["-m", "papermill", notebook, out, "--parameters_yaml", parameters, "--no-progress-bar"]
    ran = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    stored = nbformat.read(out, as_version=4)
    outputs = "".join(str(output) for cell in stored.cells if cell.cell_type == "code" for output in cell.outputs)
    assert (ran.returncode, shown in outputs) == (status, True), ran.stderr[-2000:]

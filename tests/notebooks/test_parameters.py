"""Parameters may be changed: what a notebook asserts is true for any of them."""

from __future__ import annotations

import pytest

from kit.notebooks.files import notebook_text, read_notebook, tags
from kit.notebooks.manifest import Notebook, load_manifest
from kit.notebooks.run import run_notebook

CHANGED = {
    "01": [{"CHUNK_SIZES": [300, 800]}, {"K": 1, "CHUNK_SIZES": [1000]}, {"K": 10, "CHUNK_SIZES": [2000, 500]}],
    "02": [{"K": 2, "THRESHOLD": 0.5}, {"K": 8, "THRESHOLD": 0.9}, {"K": 1}],
    "03": [{"K": 2, "NOTES": 4}, {"K": 3}, {"QUESTION": "What is said about the Navy?"}],
    "04": [{"WORDS": ["foo", "bar", "baz", "bam"]}, {"WORDS": ["a", "b", "c"]}, {"WORDS": [*"abcdef"]}],
    "05": [{"K": 5}, {"CHUNK_SIZE": 600}, {"K": 8, "CHUNK_SIZE": 1500}],
    "06": [
        {"RETRIEVERS": ["dense", "bm25"], "K": 10, "MEASURES": ["RR@10"]},
        {"CHUNKER": "recursive-500", "K": 30},
        {"RETRIEVERS": ["bm25"], "MEASURES": ["nDCG@5", "R@5"], "K": 5},
    ],
    "07": [{"SIZES": [[300, 0], [900, 100]]}, {"YEARS": [2022], "BUDGET": 2500}, {"SIZES": [[1500, 0]]}],
    "09": [{"K": 2}, {"K": 7, "THRESHOLD": 0.9}, {"THRESHOLD": 0.1}],
    "10": [{"K": 12}, {"K": 20}, {"K": 10, "EMBEDDINGS": "wordllama"}],
    "11": [{"K": 1}, {"K": 8, "JUDGED": 2}, {"K": 2, "EMBEDDINGS": "wordllama"}],
    "12": [{"QUESTIONS": 3}, {"QUESTIONS": 20, "ROUND_TRIP": 0.02}, {"ROUND_TRIP": 0.2}],
    "13": [{"K": 2, "ROUNDS": 2}, {"QUERY": "What is said about the Navy?"}, {"K": 8}],
    "14": [{"DIM": 1536, "M": 32}, {"VECTORS": 2000, "CYCLES": 1}, {"QUERY": "What is said about the Navy?"}],
    "15": [{"K": 2}, {"USERS": 20, "NOTES": 1000}, {"QUERY": "What is said about the Navy?", "K": 6}],
    "16": [{"K": 2}, {"K": 6}, {"QUESTION": "What is said about the Navy?", "EMBEDDINGS": "wordllama"}],
    "17": [
        {"K": 5, "WORD": "jobs", "PART": "ear"},
        {"NEAR": 0.1, "QUESTION": "What is said about the Navy?"},
        {"K": 1},
    ],
}
SAMPLE = ("01", "02", "04")  # the first set of these in every `make test`


def ran_with(number: str, values: dict, folder) -> str:
    """Run a notebook of the kit with other parameters; what stopped it, or nothing."""
    (own,) = load_manifest().select([number])
    changed = read_notebook(own.path)
    (cell,) = [cell for cell in changed.cells if "parameters" in tags(cell)]
    known = {name for line in cell.source.splitlines() for name in line.partition(" =")[0].split(", ")}
    assert values.keys() <= known, f"{own.stem} has the parameters {known}"
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in values.items())
    path = folder / own.file
    path.write_text(notebook_text(changed), encoding="utf-8")
    error = run_notebook(Notebook(path, own.title, own.goal, own.minutes)).error
    return f"{error.summary}\n{error.traceback}" if error else ""


@pytest.mark.parametrize("number", SAMPLE)
def test_a_notebook_runs_with_other_parameters(number, tmp_path):
    assert ran_with(number, CHANGED[number][0], tmp_path) == ""


@pytest.mark.long
@pytest.mark.parametrize(("number", "values"), [(n, values) for n, sets in CHANGED.items() for values in sets])
def test_every_notebook_runs_with_three_other_sets_of_parameters(number, values, tmp_path):
    assert ran_with(number, values, tmp_path) == ""

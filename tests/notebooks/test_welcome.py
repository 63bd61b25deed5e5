"""The notebook that `make lab` opens: its map is the manifest's, and it names what the notebooks really run on."""

from __future__ import annotations

import shutil

import nbformat

from kit.notebooks import backend_table, copy_notebooks, load_manifest
from kit.notebooks.manifest import WELCOME
from tests.readme import check_map


def test_the_map_is_what_the_manifest_lists():
    assert check_map(load_manifest().folder / WELCOME, load_manifest(), write=False) == [], "run: make readme"


def test_a_stale_map_is_named_rewritten_and_then_right(tmp_path):
    welcome = tmp_path / WELCOME
    shutil.copy(load_manifest().folder / WELCOME, welcome)
    notebook = nbformat.read(welcome, as_version=4)
    next(cell for cell in notebook.cells if cell.id == "map").source = "## The notebooks\n\nnone"
    nbformat.write(notebook, welcome)
    assert check_map(welcome, load_manifest(), write=True) == [WELCOME]
    assert check_map(welcome, load_manifest(), write=False) == []


def test_every_link_of_the_map_leads_to_a_notebook_beside_it_also_in_a_copy(tmp_path):
    copy_notebooks(load_manifest(), tmp_path / "lessons")
    text = (tmp_path / "lessons" / WELCOME).read_text()
    linked = [entry.file for entry in load_manifest().notebooks if f"]({entry.file})" in text]
    assert linked == [entry.file for entry in load_manifest().notebooks]
    assert all((tmp_path / "lessons" / file).is_file() for file in linked)


def test_the_table_of_the_backend_says_what_is_set(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    assert backend_table().loc["Milvus", "in use"].startswith("Milvus Lite 3.")
    monkeypatch.setenv("KIT_EMBEDDINGS", "wordllama")
    monkeypatch.setenv("KIT_JUDGE", "openai:gpt-4o-mini")
    monkeypatch.setenv("MILVUS_URI", "http://127.0.0.1:9")
    table = backend_table()["in use"]
    assert (table["embeddings"], table["judge"]) == ("wordllama", "openai:gpt-4o-mini")
    assert table["Milvus"].startswith("http://127.0.0.1:9: ")

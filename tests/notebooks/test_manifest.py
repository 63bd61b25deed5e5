"""The manifest is the only list of the notebooks; what is wrong in it, or in a notebook file, is said in a sentence."""

from __future__ import annotations

import json

import pytest

from kit.errors import KitError
from kit.notebooks.coverage import coverage, table_markdown
from kit.notebooks.files import read_notebook
from kit.notebooks.manifest import load_manifest, unmet_needs
from kit.settings import Settings
from tests.notebooks.samples import Cell, repository

ROW = 'page = "p"\n[[notebook]]\nfile = "01_a.ipynb"\ntitle = "A"\ngoal = "Do a"\nminutes = 2\n'


@pytest.fixture
def three(tmp_path):
    mirroring = [Cell("1", (), "1")]
    manifest = repository(tmp_path, {"01_basic_search": mirroring, "02_collections": mirroring, "10_rerank": mirroring})
    path = tmp_path / "notebooks" / "01_basic_search.ipynb"
    content = json.loads(path.read_text())
    content["cells"][0]["metadata"]["mirrors"] = ["milvus/code-1", "milvus/code-2", "related/prose-1"]
    path.write_text(json.dumps(content))
    return manifest


@pytest.mark.parametrize("name", ["02_collections", "02", "2", "collections"])
def test_a_notebook_is_found_by_stem_number_or_topic(three, name):
    assert [notebook.stem for notebook in three.select([name])] == ["02_collections"]


def test_notebooks_come_in_reading_order_and_once(three):
    assert [n.number for n in three.select(["10", "01", "rerank"])] == ["01", "10"]
    assert [n.number for n in three.select()] == ["01", "02", "10"]


def test_an_unknown_name_gets_the_nearest_and_the_list(three):
    with pytest.raises(KitError) as caught:
        three.select(["colections"])
    assert str(caught.value) == (
        'No notebook is called "colections". Did you mean "collections"? '
        "There are: 01_basic_search, 02_collections, 10_rerank."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("page = ", "index.toml is not valid TOML"),
        ("x = 1", 'wanted page = "…" and [[notebook]] rows'),
        (ROW + "minuts = 3", '01_a.ipynb: unknown key "minuts". Did you mean "minutes"?'),
        (ROW.replace("2", '"2"'), "01_a.ipynb: minutes = '2' should be of type int"),
        (ROW.replace('goal = "Do a"\n', ""), "01_a.ipynb: wanted goal"),
        (ROW.replace("01_a", "../01_a"), "wanted the name of an .ipynb file"),
        (ROW + 'needs = ["milvuslite"]', 'unknown need "milvuslite". Did you mean "milvus-lite"?'),
        (ROW + ROW.partition("\n")[2], "two rows have the file 01_a.ipynb"),
        (ROW + ROW.partition("\n")[2].replace("01_a", "01_b"), "two rows have the number 01"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, text, words):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "index.toml").write_text(text)
    with pytest.raises(KitError) as caught:
        load_manifest(tmp_path)
    assert words in str(caught.value)


def test_outside_of_a_clone_the_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(KitError, match=r"found no folder notebooks/; wanted: .*index.toml. Write the notebooks into"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("need", "settings", "words"),
    [
        ("milvus-lite", {}, []),
        ("milvus-lite", {"milvus_uri": "./a.db"}, []),
        (
            "milvus-lite",
            {"milvus_uri": "http://h:1"},
            ["looks inside a Milvus Lite file, and MILVUS_URI names a server"],
        ),
        ("milvus-server", {"milvus_uri": "http://h:1"}, []),
        ("milvus-server", {}, ["needs a Milvus server: set MILVUS_URI or give --uri"]),
        ("openai-key", {}, ["needs OPENAI_API_KEY"]),
        ("openai-key", {"openai_api_key": "x"}, []),
    ],
)
def test_a_need_that_is_not_met_is_a_reason_in_words(tmp_path, need, settings, words):
    (notebook,) = repository(tmp_path, {"01_a": []}, {"01_a": f'needs = ["{need}"]'}).notebooks
    assert unmet_needs(notebook, Settings(**settings)) == words


def test_a_notebook_that_starts_a_server_wants_its_package_or_a_server_that_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "empty"))
    (notebook,) = repository(tmp_path, {"01_a": []}, {"01_a": 'needs = ["server-package"]'}).notebooks
    (reason,) = unmet_needs(notebook, Settings())
    assert reason == "needs a Milvus server: run `kit server install`, or set MILVUS_URI or give --uri"
    assert unmet_needs(notebook, Settings(milvus_uri="http://h:1")) == []


def test_each_block_of_the_page_knows_the_cells_that_mirror_it(three):
    found = {block.id: cells for block, cells in coverage(three)}
    assert found["milvus/code-1"] == [("01_basic_search", 1)]
    assert found["milvus/code-3"] == []


def test_the_table_has_a_linked_row_for_each_notebook(three):
    assert table_markdown(three).splitlines()[2:4] == [
        "| [01 Basic_search](notebooks/01_basic_search.ipynb) | Show one thing "
        "| Milvus (2 blocks), Related (1 block) | 1 | nothing |",
        "| [02 Collections](notebooks/02_collections.ipynb) | Show one thing | goes beyond the page | 1 | nothing |",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b'{"cells": [',
            "a.ipynb is not valid JSON: line 1, column 12: Expecting value. Restore it: git checkout -- a.ipynb",
        ),
        (
            b'{\n<<<<<<< HEAD\n"cells": []}',
            "is not valid JSON: line 2, column 1: it holds the marks of a merge conflict",
        ),
        (b"\xff\xfe{}", "is not UTF-8 text (byte 0)"),
        (b"", "is not valid JSON: line 1, column 1"),
        (b"[]", "is not a notebook of format 4 (found list)"),
        (b'{"nbformat": 3, "worksheets": []}', "is not a notebook of format 4 (found nbformat 3). Convert it: jupyter"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "is not a valid notebook"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}}]}',
            "is not a valid notebook: cells/0",
        ),
    ],
)
def test_a_broken_notebook_is_named_with_the_place_and_the_cure(tmp_path, content, words):
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(KitError) as caught:
        read_notebook(tmp_path / "a.ipynb")
    assert words in str(caught.value)

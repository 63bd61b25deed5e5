"""A path is a path, a name is a name; a folder that was copied is a home for the tour."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kit.errors import KitError
from kit.notebooks import manifest as manifests
from kit.notebooks.copy import copy_notebooks
from kit.notebooks.manifest import load_manifest
from kit.notebooks.paths import select
from kit.notebooks.run import run_notebook
from tests.notebooks.samples import Cell, lone, repository

FINE = [Cell("6 * 7", (), "42")]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A repository of two notebooks, and a working folder with others of the same names."""
    repository(tmp_path / "own", {"01_basic_search": FINE, "02_more": FINE})
    monkeypatch.setattr(manifests, "ROOT", tmp_path / "own")
    (tmp_path / "mine" / "deep" / ".ipynb_checkpoints").mkdir(parents=True)
    lone(tmp_path / "mine" / "01_basic_search.ipynb", FINE)
    lone(tmp_path / "mine" / "deep" / "b.ipynb", FINE)
    lone(tmp_path / "mine" / "deep" / ".ipynb_checkpoints" / "b.ipynb", FINE)
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def chosen(*arguments: str) -> list[str]:
    return [str(notebook.path) for notebook in select(arguments).notebooks]


def test_a_path_is_that_file_also_where_the_kit_has_one_of_that_name(elsewhere):
    path = str(elsewhere / "01_basic_search.ipynb")
    assert chosen(path) == [path]
    assert chosen("01_basic_search.ipynb") == ["01_basic_search.ipynb"]


def test_a_name_is_the_kits_own(elsewhere):
    assert chosen("01") == [str(elsewhere.parent / "own" / "notebooks" / "01_basic_search.ipynb")]
    assert [Path(path).stem for path in chosen()] == ["01_basic_search", "02_more"]


@pytest.mark.parametrize("argument", [".", "deep", "**/*.ipynb", "deep/*"])
def test_a_folder_and_a_glob_are_their_notebooks_without_checkpoints(elsewhere, argument):
    whole = argument in (".", "**/*.ipynb")
    assert chosen(argument) == (["01_basic_search.ipynb"] if whole else []) + ["deep/b.ipynb"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (
            "./nope/01_basic_search.ipynb",
            "No file is at ./nope/01_basic_search.ipynb. The kit's own notebook",
        ),
        ("02_more.ipynb", "No file is at 02_more.ipynb. The kit's own notebook is called 02_more, without .ipynb."),
        ("nope/*.ipynb", "No notebook matches nope/*.ipynb"),
        ("deep/.ipynb_checkpoints", "No notebook lies in the folder deep/.ipynb_checkpoints"),
        ("basik_search", 'No notebook is called "basik_search". Did you mean "basic_search"?'),
    ],
)
def test_a_path_without_a_notebook_and_a_wrong_name_are_said(elsewhere, argument, words):
    with pytest.raises(KitError) as caught:
        select([argument])
    assert words in str(caught.value)


def test_rows_of_an_index_beside_a_file_hold_for_it(tmp_path):
    repository(tmp_path, {"01_a": FINE, "02_b": FINE}, {"02_b": 'needs = ["milvus-server"]'})
    selection = select([str(tmp_path / "notebooks")])
    assert selection.is_whole
    assert selection.notebooks[1].needs == ("milvus-server",)


def test_a_kernel_of_another_language_runs_where_it_is_installed_and_is_named_where_it_is_not(tmp_path, monkeypatch):
    kernels = tmp_path / "jupyter" / "kernels" / "otherish"
    kernels.mkdir(parents=True)
    command = f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    (kernels / "kernel.json").write_text(f'{{"argv": {command}, "display_name": "O", "language": "other"}}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = lone(tmp_path / "other.ipynb", FINE)
    text = notebook.path.read_text()
    notebook.path.write_text(text.replace('"language": "python"', '"language": "other"').replace("python3", "otherish"))
    assert run_notebook(notebook).error is None
    notebook.path.write_text(notebook.path.read_text().replace("otherish", "missing"))
    summary = run_notebook(notebook).error.summary
    assert summary == "not run: it is in other, and its kernel missing is not installed."


def test_a_copy_has_all_that_a_tour_needs_and_is_the_manifest_of_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    own = load_manifest()
    copy_notebooks(own, folder)
    monkeypatch.chdir(folder)
    copied = load_manifest()
    assert [notebook.path for notebook in copied.notebooks] == [folder / notebook.file for notebook in own.notebooks]
    assert (copied.baselines, copied.reports) == (folder / "baselines", folder / "build")
    assert {path.name for path in copied.baselines.iterdir()} <= {path.name for path in own.baselines.iterdir()}
    assert any("minilm" in path.name for path in copied.baselines.iterdir())
    with pytest.raises(KitError, match="is not empty; wanted: a new or an empty folder"):
        copy_notebooks(own, folder)

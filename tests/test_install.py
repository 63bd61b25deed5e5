"""The wheel, installed without -e and used in an empty folder: all of it, and each extra alone."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from kit.notebooks.manifest import WELCOME
from tests.installed import build_wheel, environment
from tests.test_repository import PYPROJECT, ROOT, tracked

EXTRAS = ("", "notebooks", "models", "docs", "milvus", "bench")
PAGE = "# Sum\n\n```python\nprint(1 + 1)\n```\n\n```output\n2\n```\n"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory) -> Path:
    """The Python of a fresh environment with the whole kit."""
    return environment(tmp_path_factory.mktemp("all"), wheel, "all")


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """An empty working directory, where `kit` is what was installed and not the checkout."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "offline"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(python: Path, *arguments: str, seconds: int = 240) -> subprocess.CompletedProcess:
    return subprocess.run([python, *arguments], capture_output=True, text=True, timeout=seconds)


def succeeds(python: Path, command: str) -> str:
    result = run(python, "-m", *command.split())
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_the_wheel_has_the_files_of_the_checkout_that_the_kit_reads(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    project = [path.relative_to(ROOT) for path in tracked("data", "notebooks", "requirements-server.lock")]
    package = {str(path.relative_to(ROOT)) for path in tracked("kit")}
    assert inside == package | {f"kit/_project/{path}" for path in project}


def test_one_version_in_one_place(wheel):
    import kit

    assert "version" in PYPROJECT["dynamic"]
    assert wheel.name.split("-")[1] == kit.__version__


def test_every_name_of_the_kit_is_there(installed, empty):
    told = run(installed, "-c", "import kit; [getattr(kit, n) for n in kit.__all__]; print(kit.__file__)")
    assert told.returncode == 0, told.stderr
    assert str(installed.parent.parent) in told.stdout, "the checkout was imported, not the wheel"


def test_the_doctor_finds_nothing_broken(installed, empty):
    assert "as asked" in succeeds(installed, "kit doctor")


def test_a_bench_on_the_golden_questions(installed, empty):
    out = succeeds(installed, "kit bench run --dataset golden --embeddings wordllama --retrievers dense --out out")
    assert "nDCG@10" in out


def test_a_docs_page_of_ones_own(installed, empty):
    (empty / "page.md").write_text(PAGE)
    assert "same" in succeeds(installed, "kit docs replay page.md")


def test_the_servers_package_can_be_installed(installed, empty):
    assert "hash" in succeeds(installed, "kit server install --help")


def test_the_notebooks_are_copied_and_toured(installed, empty):
    succeeds(installed, "kit notebooks copy lessons")
    assert (empty / "lessons" / "index.toml").is_file()
    told = succeeds(installed, "kit tour lessons/01_basic_search.ipynb")
    assert "as stored" in told


@pytest.fixture(scope="session")
def with_extra(wheel, tmp_path_factory):
    """A function that gives the Python of an environment with one extra, made once."""
    made: dict[str, Path] = {}

    def make(extra: str) -> Path:
        if extra not in made:
            made[extra] = environment(tmp_path_factory.mktemp(extra or "core"), wheel, extra)
        return made[extra]

    return make


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_extra_shows_the_help(extra, with_extra, empty):
    assert "Usage" in succeeds(with_extra(extra), "kit --help")


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("docs replay page.md", "docs"),
        ("bench run --dataset golden", "bench"),
        ("notebooks run 01", "notebooks"),
        ("tour 01", "all"),
    ],
)
def test_without_its_extra_a_command_says_in_one_sentence_which_one_to_install(command, wanted, with_extra, empty):
    (empty / "page.md").write_text(PAGE)
    told = run(with_extra(""), "-m", "kit", *command.split())
    assert told.returncode == 2, told.stderr
    assert told.stderr.count("\n") == 1
    assert f"pip install 'milvus-notebook-kit[{wanted}]'" in told.stderr


def test_a_name_of_the_kit_says_so_too(with_extra, empty):
    told = run(with_extra(""), "-c", "import kit\ntry: kit.connect('my.db')\nexcept kit.KitError as e: print(e)")
    assert "pip install 'milvus-notebook-kit[milvus]'" in told.stdout, told.stderr


def test_a_docs_repository_needs_no_more_than_the_docs_extra(with_extra, empty):
    (empty / "page.md").write_text(PAGE)
    assert "same" in succeeds(with_extra("docs"), "kit docs replay page.md")


def test_ones_own_code_needs_no_more_than_the_milvus_extra(with_extra, empty):
    code = """
import kit
from langchain_core.documents import Document
from langchain_milvus import Milvus
index = kit.index_params("my.db")
store = Milvus(kit.load_embeddings(), connection_args=kit.connect("my.db"), index_params=index, auto_id=False)
kit.ingest(store, [Document("The cat sat on the mat.")])
print(store.similarity_search("cat", k=1)[0].page_content)
"""
    told = run(with_extra("milvus"), "-c", code)
    assert "The cat sat on the mat." in told.stdout, told.stderr


NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_alone_in_an_empty_folder_begins(name, installed, empty):
    """Its imports and parameters run with the wheel alone; `make test-long` runs the whole of it."""
    import nbformat

    cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
    tagged = [c.source for c in cells if {"imports", "parameters"} & set(c.metadata.get("tags", []))]
    assert tagged
    told = run(installed, "-c", "\n".join(tagged))
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == WELCOME else pytest.mark.long) for name in NOTEBOOKS]
)
def test_a_notebook_alone_in_an_empty_folder_runs(name, installed, empty):
    (empty / name).write_bytes((ROOT / "notebooks" / name).read_bytes())
    succeeds(installed, f"kit notebooks run ./{name}")


def test_binder_installs_what_make_installs_and_opens_what_make_lab_opens():
    made = re.findall(r"^\t\$\(PIP\) (install .*)$", (ROOT / "Makefile").read_text(), re.M)[:2]
    assert re.findall(r"^python -m pip (install .*)$", (ROOT / ".binder/postBuild").read_text(), re.M) == made
    command = [ROOT / ".binder/start", "printenv", "JUPYTER_CONFIG_PATH"]
    settings = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    opens = json.loads((Path(settings) / "jupyter_lab_config.json").read_text())["LabApp"]["default_url"]
    assert (ROOT / opens.removeprefix("/lab/tree/")).name == WELCOME
    assert (ROOT / ".binder/runtime.txt").read_text() == "python-3.11\n"

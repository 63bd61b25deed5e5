"""What a page's install lines bring, as the page's own environment says."""

import sys

import pytest

from kit.docs.records import Installs
from kit.docs.run.packages import named_requirements, never_installed
from kit.docs.run.page_environment import page_environment
from kit.docs.run.replay import Options, replay_page
from kit.docs.run.session import Session
from kit.kernels.sandbox import Limits, make_sandbox
from kit.pages.code import imported_modules, installs_unknown, requirements_in
from kit.pages.markdown import parse_text


@pytest.fixture(scope="module")
def failures():
    """What a page misses, as one kernel's environment says."""
    sandbox = make_sandbox([], {})

    def ask(text):
        blocks = parse_text(text).blocks
        modules = imported_modules(block.text for block in blocks if block.kind == "code")
        installs = kernel.installs(modules, named_requirements(blocks))
        return [failure.words.partition(": ")[2] for failure in never_installed(blocks, installs)]

    with Session(sys.executable, sandbox, sandbox.environment({}), Limits()) as kernel:
        yield ask
    sandbox.remove()


def page(install, imports):
    return f"```bash\n{install}\n```\n\n```python\n{imports}\n```\n"


@pytest.mark.parametrize(
    ("install", "imports", "missing"),
    [
        ("pip install langchain-milvus", "import pymilvus, langchain_core", []),
        ("pip install langchain-milvus", "import langchain_openai", ["langchain-openai"]),
        ("pip install 'pymilvus[milvus-lite]'", "import milvus_lite", []),
        ("pip install pymilvus", "import milvus_lite", ["milvus-lite"]),
        ("pip install pymilvus", "import bs4", ["beautifulsoup4"]),
        ("pip install pymilvus pyyaml", "import yaml", []),
        ("pip install no-such-package-here", "import pymilvus", []),
        ("pip install -r requirements.txt", "import pymilvus", []),
        ("uv add pymilvus", "import pymilvus", []),
    ],
)
def test_a_package_is_missing_when_no_line_brings_it(failures, install, imports, missing):
    assert failures(page(install, imports)) == missing


def test_a_line_in_a_sentence_counts(failures):
    text = "Run `pip install langchain-openai` first.\n\n" + page("pip install pymilvus", "import langchain_openai")
    assert failures(text) == []


def test_a_page_without_install_lines_misses_nothing():
    assert never_installed(parse_text("```python\nimport pymilvus\n```").blocks, Installs({}, ())) == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("%pip install -qU langchain[openai] 'pymilvus>=2.5'", ["langchain[openai]", "pymilvus"]),
        ("$ pip install a \\\n    b", ["a", "b"]),
        ("!python -m pip install --index-url x a && python b.py", ["a"]),
        ("conda install -c conda-forge a", ["a"]),
        ("poetry add a==1", ["a"]),
        ("pip install git+https://host/a ./b", []),
        ("pip list", []),
    ],
)
def test_install_lines_are_read(line, named):
    assert requirements_in(line) == named


def test_what_a_line_does_not_name_is_known_to_be_unknown():
    assert installs_unknown("pip install -r requirements.txt")
    assert installs_unknown("pip install git+https://host/a")
    assert not installs_unknown("pip install a")


def test_an_install_line_of_a_terminal_in_a_python_fence_is_one():
    replay = replay_page(parse_text("```python\n$ pip install pymilvus\n```\n\n```python\n1\n```\n"))
    assert [v.verdict for v in replay.verdicts] == ["not run", "no stored output"]
    assert replay.passes[0].outcomes[0].recorded == ("$ pip install pymilvus",)
    assert named_requirements(replay.blocks) == ["pymilvus"]


def test_what_a_page_installs_is_there_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    source = tmp_path / "tiny"
    (source / "tiny_of_mine").mkdir(parents=True)
    (source / "tiny_of_mine/__init__.py").write_text("")
    info = source / "tiny_of_mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-of-mine\nVersion: 1.0\n")
    install = "import shutil, sysconfig\nshutil.copytree({!r}, sysconfig.get_path('purelib'), dirs_exist_ok=True)"
    ask = "```python\nimport tiny_of_mine\n```\n"
    lines = "```bash\npip install tiny-of-mine\n```\n\n"
    first = f"{lines}```python\n{install.format(str(source))}\n```\n\n{ask}"
    rows = [v.row for v in replay_page(parse_text(first), options=Options(allow_install=True)).verdicts]
    assert rows == ["holds"] * 3
    again = replay_page(parse_text(lines + ask), options=Options(allow_install=True))
    assert [v.row for v in again.verdicts] == ["holds", "holds"]
    other = replay_page(parse_text(ask), options=Options(allow_install=True))
    assert [v.row for v in other.verdicts] == ["environment"]


def test_an_environment_whose_lines_failed_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    with page_environment(sys.executable, ["nothing-of-this-name"], tmp_path / "a"):
        pass
    assert not list((tmp_path / "cache").glob("environments/*"))

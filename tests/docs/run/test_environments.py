"""Environments for sets of requirements: read, resolved, built once whoever asks. Offline: their locks are empty."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.docs.run.environments import Lock, built, read_set, resolve
from kit.errors import KitError

NOWHERE = "http://127.0.0.1:9/simple"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    return tmp_path / "environments"


@pytest.fixture
def no_index(monkeypatch, tmp_path):
    monkeypatch.setenv("UV_DEFAULT_INDEX", NOWHERE)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for name in ("UV_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("langchain-milvus==0.3.3", ["langchain-milvus==0.3.3"]),
        ("langchain-milvus == 0.3.3", ["langchain-milvus==0.3.3"]),
        ("langchain-milvus>=0.2,<0.3 pymilvus<2.6", ["langchain-milvus<0.3,>=0.2", "pymilvus<2.6"]),
        ("latest", []),
        ("pre", []),
    ],
)
def test_a_set_is_requirements_separated_by_spaces_or_a_word(text, requirements):
    assert read_set(text) == requirements


@pytest.mark.parametrize("text", ["", "-r file", "--index-url=http://x", "langchain-milvus=0.3", "a==1; rm"])
def test_what_is_no_set_is_refused_and_never_reaches_uv(text):
    with pytest.raises(KitError, match=r"Wanted a set of requirements such as .*found"):
        read_set(text)


def test_a_lock_tells_the_release_of_each_package():
    lock = Lock("pymilvus==2.6.17 \\\n    --hash=sha256:00\ntiktoken==0.14.0\n# a comment\n")
    assert lock.versions == {"pymilvus": "2.6.17", "tiktoken": "0.14.0"}


def test_an_environment_is_built_once_and_found_by_its_content(cache):
    first = built(Lock("# one\n"))
    stamp = (first / "whole.json").stat().st_mtime_ns
    assert built(Lock("# one\n")) == first
    assert (first / "whole.json").stat().st_mtime_ns == stamp
    assert built(Lock("# two\n")) != first
    assert subprocess.run([first / "bin/python", "-c", "pass"], check=False).returncode == 0


def test_two_that_ask_at_once_get_the_same_environment(cache):
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(built, [Lock("")] * 2))
    assert found[0] == found[1]
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_what_a_killed_build_left_is_swept_and_never_used(cache):
    folder = built(Lock("# killed\n"))
    (folder / "whole.json").unlink()  # as it stands when the last step was not reached
    (folder / "half").touch()
    (cache / f"{folder.name}.building-dead").mkdir()
    assert built(Lock("# killed\n")) == folder
    assert not (folder / "half").exists()
    assert not list(cache.glob("*.building-*"))


def test_a_kill_during_the_build_leaves_nothing_that_stops_the_next(cache):
    code = (
        "import os, kit.docs.run.environments as e\n"
        "uv = e._uv\n"
        "def killed(arguments, *rest):\n"
        "    done = uv(arguments, *rest)\n"
        "    os.kill(os.getpid(), 9)\n"
        "e._uv = killed\n"
        "e.built(e.Lock('# kill'))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (built(Lock("# kill")) / "whole.json").is_file()
    assert not list(cache.glob("*.building-*"))


def test_a_set_that_cannot_be_resolved_says_so_in_uvs_words(no_index):
    with pytest.raises(KitError, match=r"The set 'langchain-milvus==0.3.3' cannot be resolved: .+"):
        resolve("langchain-milvus==0.3.3")


def test_without_an_index_a_set_is_taken_as_it_was_resolved_last(no_index, cache, monkeypatch):
    monkeypatch.setattr("kit.docs.run.environments._digest", lambda text: "known")
    cache.mkdir()
    (cache / "known.txt").write_text("pymilvus==2.6.17\n")
    lock = resolve("pymilvus<3")
    assert lock.versions == {"pymilvus": "2.6.17"}
    assert "did not answer" in lock.note

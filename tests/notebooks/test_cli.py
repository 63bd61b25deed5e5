"""`kit tour` and `kit notebooks …` as a user calls them: what they print, and with which status they end."""

from __future__ import annotations

import json
import signal
import sys
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from kit.__main__ import main
from kit.notebooks import manifest
from kit.notebooks.files import read_notebook
from tests.notebooks.samples import Cell, repository, result, stream

CONDITION = "milvus-lite.dense.minilm.character-1000"
SCORES = f"""\
import kit
kit.PublishedScores({CONDITION!r}, 43, {{"nDCG@10": 0.6123}})"""
FINE = [Cell("import json", ["imports"]), Cell("print('a')", (), [stream("a\n")]), Cell("6 * 7", (), "42")]
BASELINE = "command: kit tour\nquestions: 43\nscores:\n  nDCG@10: {expected: 0.6123, tolerance: 0.005}\n"


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def kit(tmp_path, monkeypatch, capsys, cache):
    """Call the command line in this process on the repository in `tmp_path`."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(manifest, "ROOT", tmp_path)
    monkeypatch.setenv("KIT_CACHE_DIR", cache)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("MILVUS_URI", "KIT_EMBEDDINGS"):  # so that what --uri and --embeddings set is undone
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["kit", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return Done(caught.value.code or 0, *capsys.readouterr())

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder that the tests of the command line share."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def never_a_kernel(monkeypatch):
    monkeypatch.setattr("kit.notebooks.run._Run.result", lambda _: pytest.fail("a kernel started"))


def test_a_tour_on_which_all_is_well_says_so_and_writes_the_report(kit, tmp_path):
    scored = [Cell(SCORES, ["scores", "nbval-ignore-output"])]
    rows = {"02_scores": 'baseline = "golden"', "03_server": 'needs = ["milvus-server"]'}
    repository(tmp_path, {"01_fine": FINE, "02_scores": scored, "03_server": FINE}, rows)
    (tmp_path / "tests" / "baselines").mkdir(parents=True)
    (tmp_path / "tests" / "baselines" / f"{CONDITION}.yaml").write_text(BASELINE)
    done = kit("tour", "--junit", str(tmp_path / "junit.xml"))
    assert (done.status, done.err) == (0, "")
    assert "✓ All well: 2 notebooks, 2 checked outputs, 1 score in " in done.out
    assert "- not run: needs a Milvus server" in done.out
    assert f"Report: {tmp_path / 'build' / 'tour' / 'index.html'}" in done.out
    assert sorted(p.name for p in (tmp_path / "build" / "tour").glob("*.html")) == [
        "01_fine.html",
        "02_scores.html",
        "index.html",
    ]
    assert len(ET.parse(tmp_path / "junit.xml").findall("testsuite")) == 4


def test_a_tour_shows_what_differs_what_failed_and_what_got_worse(kit, tmp_path):
    corrupted = [Cell("print('a')", (), [stream("b\n")]), Cell(SCORES, ["scores", "nbval-ignore-output"])]
    repository(tmp_path, {"01_corrupted": corrupted, "02_fails": [Cell("1 / 0")]})
    (tmp_path / "tests" / "baselines").mkdir(parents=True)
    (tmp_path / "tests" / "baselines" / f"{CONDITION}.yaml").write_text(BASELINE.replace("0.6123", "0.7"))
    done = kit("tour")
    assert done.status == 1
    assert "01_corrupted.ipynb, cell 1, stdout: stored (-) and fresh (+)\n@@ -1 +1 @@\n-b\n+a\n" in done.out
    assert "02_fails.ipynb: cell 1 failed: ZeroDivisionError: division by zero" in done.out
    assert (
        f"[FAIL] worse: {CONDITION} nDCG@10 expected 0.7000, actual 0.6123 (delta -0.0877, tolerance 0.0050)"
        in done.out
    )
    assert "Failed: 2 of 2 notebooks, 1 of 1 score in " in done.out


def test_with_other_embeddings_only_cells_tagged_to_be_checked_are_compared(kit, tmp_path):
    embeddings = "import os\nprint(os.environ['KIT_EMBEDDINGS'])"
    cells = [Cell(embeddings, (), [stream("minilm\n")]), Cell("6 * 7", ["nbval-check-output"], "42")]
    repository(tmp_path, {"01_a": cells})
    done = kit("tour", "--embeddings", "wordllama", "--json")
    told = json.loads(done.out)
    assert done.status == 0
    assert told["backend"] == "wordllama on Milvus Lite"
    assert told["notebooks"][0]["checked_outputs"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tour", "basik"], 'kit: No notebook is called "basik". Did you mean "basic"? There are: 01_basic.'),
        (["tour", "--embeddings", "miniln"], 'kit: No embeddings are called "miniln". Did you mean "minilm"?'),
        (["tour", "--embeddings", "openai:text-embedding-3-small"], "needs OPENAI_API_KEY, which is not set"),
        (["tour", "--uri", "./milvus.db"], "kit: --uri wants the address of a server"),
        (["tour", "--uri", "localhost:19530"], "kit: MILVUS_URI is 'localhost:19530'; wanted: "),
        (["tour", "--uri", "http://127.0.0.1:9"], "kit: No Milvus server answers at http://127.0.0.1:9"),
        (["notebooks", "run", "7"], 'kit: No notebook is called "7".'),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2_before_any_kernel_starts(
    kit, tmp_path, never_a_kernel, arguments, words
):
    repository(tmp_path, {"01_basic": FINE})
    done = kit(*arguments)
    assert done.status == 2
    assert words in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", [["tour"], ["notebooks", "run"], ["notebooks", "update"], ["notebooks", "list"]])
def test_a_broken_notebook_is_one_sentence_and_status_2(kit, tmp_path, never_a_kernel, command):
    repository(tmp_path, {"01_a": FINE, "02_b": FINE})
    (tmp_path / "notebooks" / "02_b.ipynb").write_text('{"cells": [')
    done = kit(*command)
    assert done.status == 2
    assert "02_b.ipynb is not valid JSON: line 1, column 12: Expecting value. Restore it" in done.err


def test_a_cache_that_cannot_be_written_is_one_sentence_and_status_2(kit, tmp_path, never_a_kernel, monkeypatch):
    repository(tmp_path, {"01_a": FINE})
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "file"))
    done = kit("tour")
    assert done.status == 2
    assert "Set KIT_CACHE_DIR to a folder that can be written" in done.err


def test_run_tells_a_line_for_each_notebook(kit, tmp_path):
    repository(tmp_path, {"01_fine": FINE, "02_fails": [Cell("1 / 0")]})
    done = kit("notebooks", "run", "--jobs", "1")
    assert done.status == 1
    first, second = done.out.splitlines()
    assert first.startswith("✓ 01_fine: 3 cells, ")
    assert second.startswith("✗ 02_fails: cell 1 failed: ZeroDivisionError: division by zero, ")


def test_update_stores_what_succeeded_and_leaves_what_failed(kit, tmp_path):
    repository(tmp_path, {"01_old": [Cell("6 * 7", (), "41")], "02_new": FINE, "03_fails": [Cell("1 / 0", (), "x")]})
    assert kit("notebooks", "update", "02").out == "✓ 02_new: unchanged\n"
    done = kit("notebooks", "update", "--jobs", "1")
    assert done.status == 1
    assert done.out.splitlines() == [
        "✓ 01_old: changed",
        "✓ 02_new: unchanged",
        "✗ 03_fails: left as it was: cell 1 failed: ZeroDivisionError: division by zero",
    ]
    assert read_notebook(tmp_path / "notebooks" / "01_old.ipynb").cells[0].outputs == [result("42")]
    assert read_notebook(tmp_path / "notebooks" / "03_fails.ipynb").cells[0].outputs == [result("x")]


def test_lint_prints_findings_and_counts_them(kit, tmp_path):
    repository(tmp_path, {"01_a": [Cell("1", ["chek"], "1")]})
    done = kit("notebooks", "lint")
    assert done.status == 1
    assert '01_a.ipynb, cell 1: unknown tag "chek". Did you mean "check"? (unknown-tag)' in done.out
    assert done.out.endswith("1 notebook, 9 findings.\n")


def test_list_tells_what_is_mirrored_and_fails_while_a_block_is_not(kit, tmp_path):
    repository(tmp_path, {"01_a": FINE})
    done = kit("notebooks", "list")
    assert done.status == 1
    assert "milvus/code-1" in done.out
    assert done.out.rstrip().endswith("0 of 34 blocks of the page are mirrored.")
    path = tmp_path / "notebooks" / "01_a.ipynb"
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"]["mirrors"] = list(json.loads(kit("notebooks", "list", "--json").out)["blocks"])
    path.write_text(json.dumps(content))
    done = kit("notebooks", "list")
    assert (done.status, done.out.splitlines()[-1]) == (0, "34 of 34 blocks of the page are mirrored.")

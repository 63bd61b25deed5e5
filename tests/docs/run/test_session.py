"""A page's kernel: cells run unchanged in silence, prompts answered, limits kept, nothing left behind."""

import contextlib
import os
import sys
import time

import psutil
import pytest

from kit.docs.records import State
from kit.docs.run.session import Session
from kit.errors import KitError
from kit.kernels.outputs import output_text
from kit.kernels.sandbox import Limits, make_sandbox, overlay, read_places
from kit.pages.code import text_constants

KEY = "sk-secret-value"


@contextlib.contextmanager
def session(limits=Limits(), codes=(), python=sys.executable, **options):
    sandbox = make_sandbox(text_constants(codes), options.pop("places", {}))
    try:
        environment = sandbox.environment(options.pop("own", {}))
        with Session(python, sandbox, environment, limits, **options) as one:
            yield one
    finally:
        sandbox.remove()


@pytest.fixture(scope="module")
def kernel():
    """A kernel for the tests that leave it as they found it."""
    limits = Limits(cell_seconds=2, output_bytes=50_000)
    with session(limits, own={"OPENAI_API_KEY": KEY}, answer=lambda prompt: f"to {prompt}", secrets=(KEY,)) as one:
        yield one


def result(outcome):
    return [output["data"]["text/plain"] for output in outcome.outputs if output["output_type"] == "execute_result"]


def test_a_cell_gives_its_outputs_as_a_notebook_would_store_them(kernel):
    outcome = kernel.run("b", "print('a'); print('b')\n1 + 1")
    assert outcome.status == "ran"
    assert outcome.outputs == (
        {"output_type": "stream", "name": "stdout", "text": "a\nb\n"},
        {"output_type": "execute_result", "data": {"text/plain": "2"}},
    )


def test_a_look_between_cells_leaves_no_name_no_count_and_no_last_result(kernel):
    before = result(kernel.run("b", "names = set(dir()); get_ipython().execution_count"))
    kernel.run("b", "'last'")
    assert result(kernel.run("b", "_, sorted(n for n in set(dir()) - names if not n.startswith('_'))")) == [
        "('last', ['names'])"
    ]
    assert int(result(kernel.run("b", "get_ipython().execution_count"))[0]) == int(before[0]) + 3


def test_an_error_is_a_value_with_its_line(kernel):
    outcome = kernel.run("b", "def f():\n    raise ValueError('no')\n\n\nf()")
    assert outcome.status == "raised"
    assert outcome.error[:4] == ("ValueError", "no", 5, "f()")
    assert "Cell In" in outcome.error.traceback


def test_an_error_of_grammar_has_a_line_too_and_no_numbered_file(kernel):
    assert kernel.run("b", "x = 1\ny = = 2").error[:4] == ("SyntaxError", "invalid syntax", 2, "y = = 2")


def test_prompts_are_answered_and_written_down(kernel):
    outcome = kernel.run("b", "import getpass\ngetpass.getpass('Key:'), input('Name?')")
    assert result(outcome) == ["('to Key:', 'to Name?')"]
    assert outcome.prompts == ("Key:", "Name?")


def test_installs_and_shell_lines_are_written_down_and_not_run(kernel):
    outcome = kernel.run("b", "%pip install nothing\n!echo loud\nfiles = !ls\nfiles")
    assert outcome.recorded == ("%pip install nothing", "!echo loud", "!ls")
    assert [o["data"]["text/plain"] for o in outcome.outputs] == ["[]"]
    assert kernel.run("b", "%%bash\ntouch made").recorded == ("%%bash\ntouch made\n",)
    assert result(kernel.run("b", "import os; os.path.exists('made')")) == ["False"]


def test_a_key_that_a_cell_shows_is_not_in_the_outcome(kernel):
    outcome = kernel.run(
        "b", "import os\nprint(os.environ['OPENAI_API_KEY'])\nraise KeyError(os.environ['OPENAI_API_KEY'])"
    )
    assert KEY not in repr(outcome)
    assert outcome.outputs[0]["text"] == "…\n"


def test_the_scratch_folders_path_is_not_in_the_outcome(kernel):
    assert result(kernel.run("b", "import os; os.getcwd()")) == ["'/page'"]


def test_a_cell_that_takes_too_long_is_interrupted_and_the_next_runs(kernel):
    began = time.perf_counter()
    outcome = kernel.run("b", "import time\ntime.sleep(60)")
    assert (outcome.status, outcome.why) == ("timed out", "it ran longer than 2 s")
    assert time.perf_counter() - began < 5
    assert result(kernel.run("b", "3")) == ["3"]


def test_a_cell_that_writes_too_much_is_interrupted(kernel):
    outcome = kernel.run("b", "while True: print('x' * 1000)")
    assert (outcome.status, outcome.why) == ("too much output", "it wrote more than 0.05 MB of output")
    assert sum(len(str(output)) for output in outcome.outputs) < 100_000


def test_displays_that_are_updated_or_cleared_end_as_a_reader_sees_them(kernel):
    kernel.run("b", "from IPython.display import display, clear_output")
    outcome = kernel.run("b", "print('gone'); clear_output()\nh = display('a', display_id=True)\nh.update('b')")
    assert [output["data"]["text/plain"] for output in outcome.outputs] == ["'b'"]


def test_milvus_lites_collections_are_seen_after_the_cell_that_made_them():
    with session() as one:
        assert one.run("b", "1").state == State()
        one.run("b", "from pymilvus import MilvusClient\nclient = MilvusClient('./a.db')")
        made = one.run("b", "client.create_collection('x', dimension=2)").state.databases["a.db"]["x"]
        filled = one.run("b", "client.insert('x', [{'id': 1, 'vector': [1, 2]}])").state.databases["a.db"]["x"]
        one.run("b", "client.drop_collection('x')")
        again = one.run("b", "client.create_collection('x', dimension=2)").state.databases["a.db"]["x"]
    assert made.fields == ("id: INT64", "vector: FLOAT_VECTOR(2)")
    assert (made.rows, filled.rows, made.primary_key, made.partition_key) == (0, 1, "id", "")
    assert made.indexes == ("vector AUTOINDEX COSINE",)
    assert made.identity == filled.identity != again.identity


def test_a_kernel_that_ends_is_an_outcome_and_what_follows_is_not_run():
    with session() as one:
        died = one.run("b", "import os; os._exit(3)")
        after = one.run("c", "1")
    assert (died.status, died.why) == ("kernel died", "the kernel ended in this cell (exit status 3)")
    assert (after.status, after.why) == (
        "not run",
        "the kernel was gone: the kernel ended in this cell (exit status 3)",
    )


def test_a_cell_that_takes_too_much_memory_ends_the_kernel():
    with session(Limits(memory_bytes=400_000_000)) as one:
        outcome = one.run("b", "import time\nx = b'x' * 900_000_000\ntime.sleep(30)")
    assert outcome.status == "kernel died"
    assert "0.4 GB are allowed" in outcome.why


def test_a_cell_that_ignores_the_interrupt_is_killed():
    code = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass"
    with session(Limits(cell_seconds=0.5)) as one:
        assert one.run("b", code).status == "timed out"
        assert "did not obey" in one.run("c", "1").why


def test_what_the_page_leaves_running_is_stopped_even_when_it_hides():
    hide = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import subprocess; " \
           "subprocess.Popen([\"sleep\", \"4321\"], start_new_session=True)'])"  # fmt: skip
    with session() as one:
        one.run("b", hide)
        assert any(p.info["cmdline"] == ["sleep", "4321"] for p in psutil.process_iter(["cmdline"]))
    assert one.left == ["sleep 4321"]
    assert not any(p.info["cmdline"] == ["sleep", "4321"] for p in psutil.process_iter(["cmdline"]))


def test_the_kernels_environment_holds_no_key_and_no_home_of_the_user(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:password@127.0.0.1:1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1")
    sandbox = make_sandbox([], {})
    environment = sandbox.environment({"OPENAI_API_KEY": "given"})
    assert not {"AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "PIP_INDEX_URL", "PYTHONPATH"} & set(environment)
    assert environment["OPENAI_API_KEY"] == "given"
    assert environment["HOME"].startswith(str(sandbox.root))
    assert sandbox.environment({}, allow_install=True)["PIP_INDEX_URL"] == "http://127.0.0.1:1"
    sandbox.remove()
    assert not sandbox.root.exists()


def test_files_are_placed_where_the_page_looks_for_them(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("my words")
    codes = ["open('../../how_to/state_of_the_union.txt')", "open('data/mine.txt')"]
    sandbox = make_sandbox(text_constants(codes), read_places([f"data/mine.txt={mine}"]))
    assert (sandbox.folder / "data/mine.txt").read_text() == "my words"
    assert (sandbox.folder / "../../how_to/state_of_the_union.txt").read_text().startswith("The President")
    assert (sandbox.folder / "../..").resolve().is_relative_to(sandbox.root)
    assert sandbox.placed == ("data/mine.txt (your mine.txt)", "../../how_to/state_of_the_union.txt")
    sandbox.remove()


def test_a_placed_speech_of_ones_own_is_not_overwritten(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("my words")
    sandbox = make_sandbox(["state_of_the_union.txt"], {"state_of_the_union.txt": mine})
    assert (sandbox.folder / "state_of_the_union.txt").read_text() == "my words"
    sandbox.remove()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("data.txt", "Wanted --place relative/path=FILE"),
        ("/etc/passwd={file}", "wants a relative path to a file"),
        ("a/..={file}", "wants a relative path to a file"),
        ("data.txt=none.txt", "found nothing"),
    ],
)
def test_places_that_cannot_be_are_refused(tmp_path, option, words):
    (tmp_path / "file").write_text("x")
    with pytest.raises(KitError, match=words):
        read_places([option.format(file=tmp_path / "file")])


def test_an_overlay_sees_its_parents_packages_and_installs_into_itself(tmp_path):
    import subprocess

    python = overlay(sys.executable, tmp_path / "env")
    code = "import pip, pymilvus, sys, sysconfig; print(sysconfig.get_path('purelib'))"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, env=clean).stdout
    assert told.startswith(str(tmp_path))


def test_a_picture_is_kept_as_a_picture_and_not_as_its_data(kernel):
    code = "from IPython.display import Image\nImage(data=b'\\x89PNG' * 100, format='png')"
    (output,) = kernel.run("b", code).outputs
    assert output["data"]["image/png"].startswith("sha256 ")
    assert output_text(output) == "<picture>"


def test_a_python_without_a_kernel_is_said(tmp_path):
    import venv

    venv.create(tmp_path / "bare", with_pip=False)
    bare = session(python=str(tmp_path / "bare/bin/python"))
    with pytest.raises(KitError, match="The page's kernel did not start: .*No module named ipykernel"), bare:
        pass

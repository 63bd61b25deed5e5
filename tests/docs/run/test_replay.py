"""Whole pages replayed in real kernels on a real Milvus Lite: verdicts, findings, second runs, errors in words."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from kit.docs.records import Collection, Replay, State
from kit.docs.run.local_services import local_ports
from kit.docs.run.replay import Options, only_installs, replay_page
from kit.docs.verdicts.effects import find_changes, tell_changes
from kit.errors import KitError
from kit.pages.markdown import parse_text
from kit.pages.sources import read_page

SAMPLES = Path(__file__).parents[2] / "samples" / "pages"


def replayed(name, **options):
    return replay_page(read_page(str(SAMPLES / name)), **options)


def verdicts(replay, run=0):
    return [verdict.verdict for verdict in replay.passes[run].verdicts]


def page_of(*cells):
    return parse_text("\n\n".join(f"```python\n{cell}\n```" for cell in cells))


def findings(replay, run=0):
    """Block id -> kinds of what was found there, those that only note something in brackets."""
    return {
        verdict.block_id: [f.kind if f.fails else f"({f.kind})" for f in verdict.effects]
        for verdict in replay.passes[run].verdicts
        if verdict.effects
    }


@pytest.fixture(scope="module")
def holds():
    return replayed("holds-pass.md", twice=True)


@pytest.fixture(scope="module")
def breaks():
    return replayed("breaks-fail.md")


@pytest.fixture(scope="module")
def stores():
    return replayed("stores-fail.md", twice=True)


def test_a_page_that_holds_has_no_failures_in_either_run(holds):
    expected = ["not run", "not run", "no stored output", "same", "equivalent", "same"]
    assert verdicts(holds) == verdicts(holds, 1) == expected
    assert holds.failures == ()


def test_what_was_not_run_says_why(holds):
    assert [v.detail for v in holds.passes[0].verdicts[:2]] == [
        "written down, not run: bash",
        "installs are written down, not run",
    ]
    assert holds.passes[0].outcomes[1].recorded == ("%pip install -qU langchain-core",)


def test_the_rules_that_made_an_output_equivalent_are_named(holds):
    assert holds.passes[0].verdicts[4].rules == ("extra pk", "argument order")


def test_the_prompt_is_answered_and_noted(holds):
    assert findings(holds)["a-page-that-holds/code-3"] == ["(asked for input)"]


def test_the_speech_lies_where_the_page_looks_and_the_report_says_so(holds):
    assert holds.notes == ("placed ../../how_to/state_of_the_union.txt",)


def test_a_page_that_breaks_says_what_raised_and_on_which_line(breaks):
    assert verdicts(breaks) == ["raised", "similar", "changed"]
    raised, similar, _ = breaks.passes[0].verdicts
    assert raised.detail == "ZeroDivisionError: division by zero (line 8: divide(0))"
    assert similar.diff == ((" ", "the quick"), ("-", "brown"), ("+", "red"), (" ", "fox"))
    assert [failure.kind for failure in breaks.failures] == ["raised", "similar", "changed"]


def test_a_replay_is_read_back_from_its_json_as_it_was(stores, breaks):
    for replay in (stores, breaks):
        assert Replay.from_json(replay.to_json()) == replay
    with pytest.raises(KitError, match="Wanted the JSON of `kit docs replay --json`"):
        Replay.from_json("{}")


def test_openai_embeddings_run_without_a_key_even_when_the_page_sets_one(stores):
    assert stores.embeddings == "minilm, on loopback"
    assert verdicts(stores)[2] == "same"


def test_the_state_after_a_cell_is_what_the_engine_says(stores):
    state = stores.passes[0].outcomes[1].state
    made = state.databases["milvus_demo.db"]["LangChainCollection"]
    assert made.rows == 3
    assert made.fields == ("text: VARCHAR(65535)", "pk: INT64", "vector: FLOAT_VECTOR(1536)")
    assert state.documents["docs"] == (3, False)
    assert state.engines["milvus_demo.db"].startswith("milvus_lite-3")


def test_what_no_output_shows_is_found(stores):
    found = findings(stores)
    assert found["stores/code-3"] == ["(overwrote documents)"]
    assert found["opened/code-1"] == ["opened nothing"]
    assert "opened/code-2" not in found
    assert found["users/code-1"] == ["destroyed a collection", "no partition key"]
    assert "users/code-2" not in found


def test_findings_are_told_in_words(stores):
    words = {effect.kind: effect.words for v in stores.passes[0].verdicts for effect in v.effects}
    assert words["destroyed a collection"] == (
        "LangChainCollection in milvus_demo.db held 3 rows of earlier cells; "
        "this cell dropped it and made it anew with 1, without naming it"
    )
    assert words["no partition key"] == (
        'partition_key_field="user" is asked for; LangChainCollection in milvus_demo.db: it has no partition key'
    )


def test_a_second_run_meets_the_files_of_the_first(stores):
    assert verdicts(stores)[1] == "no stored output"
    assert verdicts(stores, 1)[1] == "raised"
    assert "user" in stores.passes[1].verdicts[1].detail
    assert findings(stores, 1)["opened/code-3"] == ["rows added again"]


def test_a_replay_takes_at_most_twice_its_cells_time_and_a_kernel_start(stores):
    for one in stores.passes:
        assert one.seconds <= 2 * one.cell_seconds + one.kernel_seconds


def test_overwritten_documents_fail_when_a_later_cell_passes_them_on():
    load = "class Doc:\n    def __init__(self, **m):\n        self.page_content, self.metadata = '', m"
    replay = replay_page(page_of(load, "docs = [Doc(), Doc()]", "docs = [Doc(pk=1)]", "Doc(of=docs)"))
    assert findings(replay) == {"top/code-3": ["overwrote documents"]}


def test_two_replays_at_once_do_not_meet():
    page = page_of("open('mine.txt', 'a').write('x')", "len(open('mine.txt').read())")
    with ThreadPoolExecutor(2) as pool:
        replays = list(pool.map(lambda _: replay_page(page), range(2)))
    for replay in replays:
        assert replay.passes[0].outcomes[1].outputs[0]["data"]["text/plain"] == "1"


def test_the_first_tab_runs_and_the_others_on_request():
    text = "<CodeGroup>\n```python One\n1\n```\n```python Two\n2\n```\n</CodeGroup>\n"
    assert verdicts(replay_page(parse_text(text))) == ["no stored output", "not run"]
    assert verdicts(replay_page(parse_text(text), options=Options(all_tabs=True))) == ["no stored output"] * 2


def test_a_prompt_is_answered_by_the_longest_words_that_fit():
    options = Options(answers={"name": "Ada", "last name": "Lovelace"})
    replay = replay_page(page_of("input('Your name?'), input('Last name?'), input('Colour?')"), options=options)
    assert replay.passes[0].outcomes[0].outputs[0]["data"]["text/plain"] == "('Ada', 'Lovelace', '')"
    assert replay.notes == ("it asks 'Colour?'; an empty text was typed (--answer 'WORDS=TEXT' answers)",)


def test_a_stored_error_that_is_still_raised_holds():
    text = "```python\n1 / 0\n```\n\n```output\nZeroDivisionError: division by zero\n```\n"
    assert verdicts(replay_page(parse_text(text))) == ["same"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Only words\n\nWords.", "page has no Python code to run; found no code at all"),
        ("```js\nlet x\n```\n\n```\nwhat\n```", "no Python code to run; found code in js, no language"),
    ],
)
def test_a_page_without_python_is_refused(text, words):
    with pytest.raises(KitError, match=words):
        replay_page(parse_text(text))


@pytest.mark.parametrize(
    ("code", "installs"),
    [("%pip install a", True), ("!ls\n%conda install b", True), ("%%bash\nls", True), ("%pip install a\nx = 1", False),
     ("x = 1", False), ("%matplotlib inline", False), ("", False), ("pip install -qU a", True), ("x = = 1", False)],
)  # fmt: skip
def test_a_cell_of_installs_alone_is_known(code, installs):
    assert only_installs(code) is installs


def test_pip_without_its_percent_sign_is_written_down_too():
    (outcome,) = replay_page(page_of("pip install -qU nothing")).passes[0].outcomes
    assert (outcome.status, outcome.recorded) == ("not run", ("%pip install -qU nothing",))


def test_a_page_that_connects_to_a_service_of_this_machine_is_refused_where_it_could_reach_it():
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        mine.listen()
        port = mine.getsockname()[1]
        page = page_of(f"URI = 'http://localhost:{port}'")
        with pytest.raises(KitError, match=f"connects to localhost:{port}, where a service of yours listens"):
            replay_page(page, options=Options(protection="limits"))
        assert verdicts(replay_page(page, options=Options(allow_local=True))) == ["no stored output"]


@pytest.mark.parametrize(
    ("code", "ports"),
    [
        ("uri = 'http://localhost:8000/a'", {8000}),
        ("connect(host='127.0.0.1', port=5432)", {5432}),
        ("connect(host='db.example', port=5432)", set()),
        ("import pymilvus", {19530}),
        ("'localhost:99999'", set()),
    ],
)
def test_local_ports_are_read_from_the_code(code, ports):
    assert local_ports([code]) == ports


BEFORE = State({"a.db": {"mine": Collection(5, ("text: VARCHAR",), identity="1")}})


@pytest.mark.parametrize(
    ("code", "after", "fails"),
    [
        ("store(drop_old=True)", {"mine": Collection(2, ("text: VARCHAR",), identity="2")}, [True]),
        ("store('mine', drop_old=True)", {"mine": Collection(2, ("text: VARCHAR",), identity="2")}, [False]),
        ("client.drop_collection(name)", {}, [False]),
        ("something()", {}, [True]),
        ("store.add()", {"mine": Collection(6, ("text: VARCHAR",), identity="1")}, []),
        ("store.delete()", {"mine": Collection(0, ("text: VARCHAR",), identity="1")}, []),
    ],
)
def test_a_collection_is_destroyed_when_it_goes_without_being_named(code, after, fails):
    found = find_changes(code, BEFORE, State({"a.db": after}))
    assert [effect.fails for effect in found if effect.kind == "destroyed a collection"] == fails


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ('partition_key_field="user"', ["no partition key"]),
        ("enable_dynamic_field=True", ["no dynamic field"]),
        ('index_params={"index_type": "HNSW", "metric_type": "L2"}', ["another index"]),
        ('index_params={"index_type": "FLAT", "metric_type": "L2"}', []),
        ("drop_old=True", []),
    ],
)
def test_arguments_are_held_against_the_collection_that_they_made(arguments, kinds):
    made = Collection(1, ("text: VARCHAR",), indexes=("vector FLAT L2",))
    after = State({"a.db": {"LangChainCollection": made}})
    assert [f.kind for f in find_changes(f"Milvus.from_texts(t, e, {arguments})", State(), after)] == kinds


def test_changes_are_told_in_words():
    after = State({"a.db": {"new": Collection(1, ("text: VARCHAR",), partition_key="user")}})
    assert tell_changes(BEFORE, after) == [
        "created new in a.db: 1 rows; text: VARCHAR; partition key user",
        "dropped mine in a.db (5 rows)",
    ]


def kit(*arguments):
    """The command line as a user has it: exit status, stdout, stderr."""
    done = subprocess.run([sys.executable, "-m", "kit", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_command_says_that_it_runs_code_and_exits_with_1_on_what_no_ledger_excuses(tmp_path):
    status, out, err = kit("docs", "replay", SAMPLES / "breaks-fail.md", "--json")
    assert status == 1
    assert "Running the code of" in err
    assert [v["verdict"] for v in json.loads(out)["replay"]["passes"][0]["verdicts"]] == [
        "raised",
        "similar",
        "changed",
    ]


def test_the_command_exits_with_0_on_a_page_that_holds(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\n1 + 1\n```\n\n```output\n2\n```\n")
    assert kit("docs", "replay", page)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.md"], "found nothing"),
        ([SAMPLES / "breaks-fail.md", "--place", "x"], "Wanted --place relative/path=FILE"),
        ([SAMPLES / "breaks-fail.md", "--answer", "x"], "wanted: --answer WORDS=TEXT"),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_status_2(arguments, words):
    status, _, err = kit("docs", "replay", *arguments)
    assert status == 2
    assert words in err
    assert "Traceback" not in err


def test_blocks_are_listed_by_id_with_what_was_not_read():
    status, out, _ = kit("docs", "blocks", SAMPLES / "components.mdx")
    assert status == 0
    assert "search/code-1" in out
    assert "not read: line 74: the component <Missing /> is filled elsewhere" in out
    read = json.loads(kit("docs", "blocks", SAMPLES / "components.mdx", "--json")[1])
    assert {"id", "kind", "path", "lines"} <= set(read["blocks"][0])


def test_server_openai_prints_an_address_and_a_key_that_work(tmp_path):
    environment = os.environ | {"KIT_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "kit", "server", "openai", "--embeddings", "wordllama"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            own = dict(server.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(2))
            code = "import openai; print(openai.OpenAI().models.list().data[0].id)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | own)
            assert done.stdout == "text-embedding-3-small\n"
        finally:
            server.terminate()


def test_a_run_that_is_stopped_leaves_no_process_and_no_folder(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nopen({str(tmp_path / 'began')!r}, 'w').close()\nimport time\ntime.sleep(600)\n```\n")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "kit", "docs", "replay", page], env=environment) as run:
        while not (tmp_path / "began").exists():
            assert run.poll() is None
            time.sleep(0.1)
        kernels = psutil.Process(run.pid).children(recursive=True)
        run.terminate()
        assert run.wait(20) == 128 + signal.SIGTERM
    assert kernels
    assert psutil.wait_procs(kernels, timeout=5)[1] == []
    assert list((tmp_path / "milvus-notebook-kit").glob("page-*")) == []


def test_the_known_page_shows_its_defects_by_itself(shared):
    replay = replay_page(read_page(str(shared / "pages" / "langchain-milvus-2024.md")), twice=True)
    shown = {(failure.block_id.partition("/")[0][:8], failure.run, failure.kind) for failure in replay.failures}
    assert {
        ("milvus", 1, "overwrote documents"),
        ("milvus", 2, "raised"),
        ("compartm", 1, "raised"),
        ("compartm", 1, "opened nothing"),
        ("per-user", 1, "destroyed a collection"),
        ("per-user", 1, "no partition key"),
        ("to-delet", 1, "raised"),
    } <= shown
    stale = [v for v in replay.passes[0].verdicts if "extra pk" in v.rules]
    assert [v.block_id for v in stale] == ["per-user-retrieval/code-2", "per-user-retrieval/code-3"]

"""What this machine lacks, and what follows from it, told from what the page gets wrong; without a kernel."""

import pytest

from kit.docs.records import BlockOutcome, CellError, State, Verdict
from kit.docs.verdicts.causes import with_causes
from kit.docs.verdicts.compare import compare
from kit.docs.verdicts.stand_in import with_stand_in

LITE = "Milvus Lite in place of the server that the page names"


def rows(*cells, judge=with_causes):
    """(row, what) of each cell: its code, how it ended, and what its outcome holds beside that."""
    codes, outcomes, verdicts = {}, [], []
    for number, (code, ended, rest) in enumerate(cells):
        name = f"b{number}"
        error = ended if isinstance(ended, CellError) else None
        status = "raised" if error else "not run" if ended == "not run" else "ran"
        codes[name] = code
        outcomes.append(BlockOutcome(name, status, error=error, **rest))
        verdicts.append(Verdict(name, "raised" if error else ended))
    return [(v.row, v.cause.what if v.cause else "") for v in judge(codes, outcomes, verdicts)]


def error(name, value, *bases, line=1, about=""):
    return CellError(name, value, line, about=about, bases=(name, *bases))


@pytest.mark.parametrize(
    ("raised", "engine", "row"),
    [
        (error("MilvusException", "scalar index_type 'STL_SORT' is not implemented"), LITE, "environment"),
        (error("_InactiveRpcError", "MilvusLite does not support LoadPartitions", "RpcError"), LITE, "environment"),
        (error("MilvusException", "scalar index_type 'STL_SORT' is not implemented"), "", "defect"),
        (error("MilvusException", "collection not found[collection=a]"), LITE, "defect"),
        (error("DataNotMatchException", "Insert missed a field", "MilvusException"), LITE, "defect"),
        (error("TypeError", "unexpected keyword"), LITE, "defect"),
    ],
)
def test_what_lite_refuses_in_place_of_a_server_is_environment(raised, engine, row):
    assert rows(("client.f()", raised, {"engine": engine}))[0][0] == row


def test_an_answer_of_another_form_than_the_servers_is_environment():
    code = "res = client.delete('a', ids=[1])\nprint(res['delete_count'])"
    raised = error("TypeError", "list indices must be integers", line=2)._replace(source="print(res['delete_count'])")
    assert rows((code, raised, {"engine": LITE}))[0][0] == "environment"
    assert rows((code, raised, {}))[0][0] == "defect"
    assert rows(("res = other()\nprint(res['delete_count'])", raised, {"engine": LITE}))[0][0] == "defect"


def test_an_extra_that_is_not_installed_is_environment():
    raised = error("ImportError", "cannot import name 'model' from 'pymilvus'", "ImportError", about="pymilvus[model]")
    assert rows(("from pymilvus import model", raised, {})) == [("environment", "package pymilvus[model]")]
    raised = error("ImportError", "cannot import name 'typo' from 'pymilvus'", "ImportError", about="pymilvus")
    assert rows(("from pymilvus import typo", raised, {})) == [("defect", "")]


def test_a_value_that_the_page_leaves_to_its_reader_is_environment():
    raised = error("ConnectionConfigException", "uri: Use your uri:) is illegal")
    assert rows(('URI = "Use your uri:)"', "same", {}), ("f(URI)", raised, {}))[1][0] == "environment"
    assert rows(('URI = "Use this"', "same", {}), ("f(URI)", error("ValueError", "Use this"), {}))[1][0] == "defect"


def test_what_reads_what_was_not_written_follows():
    failed = ("data = f()\nclient.insert('a', data)", error("NameError", "f"), {})
    assert rows(failed, ("client.query('a')", "changed", {}))[1] == ("follows from", "b0")
    assert rows(failed, ("client.query('other')", "changed", {}))[1] == ("defect", "")
    assert rows(failed, ("store.get('a')", "changed", {}))[1] == ("defect", "")


def test_what_was_written_before_the_error_is_there():
    failed = ("client.insert('a', data)\nf()", error("NameError", "f", line=2), {})
    assert rows(failed, ("client.query('a')", "changed", {}))[1] == ("defect", "")


def test_a_file_that_a_failed_block_would_have_written_follows():
    state = State(values=("path",))
    missing = error("FileNotFoundError", "no such file: 'a'")
    failed = ("save(path)", error("ImportError", "install x"), {})
    assert rows(failed, ("os.remove(path)", missing, {"state": state}))[1] == ("follows from", "b0")
    assert rows(failed, ("os.remove(other)", missing, {"state": state}))[1] == ("defect", "")


WGET = ("!wget https://host/data/texts.tsv", "not run", {"recorded": ("!wget https://host/data/texts.tsv",)})


def test_what_reads_the_files_of_a_command_that_was_not_run_is_environment():
    read = ("rows = read('./texts.tsv')", error("FileNotFoundError", "texts.tsv"), {})
    assert rows(WGET, read, judge=with_stand_in)[1][0] == "environment"
    other = ("rows = read('./mine.tsv')", error("FileNotFoundError", "mine.tsv"), {})
    assert rows(WGET, other, judge=with_stand_in)[1][0] == "defect"


def test_what_is_made_of_these_files_is_environment_and_nothing_else():
    state = State(values=("found", "other"))
    read = ("found = glob('texts.tsv')\nother = 3", "no stored output", {"state": state})
    after = ("print(len(found))", "changed", {"state": state}), ("print(other)", "changed", {"state": state})
    assert [row for row, _ in rows(WGET, read, *after, judge=with_stand_in)[2:]] == ["environment", "defect"]


def test_what_a_model_answered_touches_what_is_made_of_it_and_no_more():
    state = State(values=("ids", "hits", "rows"), askers=("store", "embed"))
    asked = {"state": state, "stand_in": "minilm"}
    fill = ("ids = [uuid4()]\nstore.add(docs, ids=ids)\nhits = store.search('a')\nrows.append(embed(x))",
            "no stored output", asked)  # fmt: skip
    cells = [(f"print({name})", "changed", {"state": state}) for name in ("ids", "hits", "rows")]
    assert [row for row, _ in rows(fill, *cells, judge=with_stand_in)[1:]] == ["defect", "environment", "environment"]


def test_uuids_as_keys_are_uuids():
    old, new = (f"{{'0a1b2c3d-0000-4000-8000-00000000000{n}': 'a'}}" for n in (1, 2))
    assert compare([old], [new]).rules == ("uuids",)
    assert compare([old], [new.replace("'a'", "'b'")]).verdict in ("similar", "changed")

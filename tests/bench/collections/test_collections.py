"""Collections: what is accepted, and that each fault is told with file, line, what was found and what is wanted."""

from __future__ import annotations

import gzip

import pytest

from kit.bench.collections.open import open_collection
from kit.bench.collections.rows import Ids
from kit.bench.records import Passage, Qrel
from kit.errors import KitError
from tests.bench.beir import beir_folder, jsonl, write


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_beir_folder_keeps_the_judged_queries_and_streams_its_documents(tmp_path, packed):
    collection = open_collection(str(beir_folder(tmp_path, 60, packed)))
    assert (collection.dataset.documents, collection.dataset.queries, collection.dataset.split) == (60, 8, "test")
    assert collection.qrels[0] == Qrel("q0", "d0", 1)
    assert collection.fields == ("year",)
    assert collection.queries[4].where == (("year", 2001),)
    first, *others = collection.documents()
    assert (first.id, first.metadata, len(others)) == ("d0", {"year": 2000}, 59)
    assert first.page_content.startswith("Notes on the cat Observation 0: the cat")


def test_packed_and_plain_files_have_one_fingerprint_and_another_text_has_another(tmp_path):
    plain, packed = (open_collection(str(beir_folder(tmp_path / str(p), 60, p))).dataset for p in (False, True))
    other = open_collection(str(beir_folder(tmp_path / "more", 61))).dataset
    assert plain.fingerprint == packed.fingerprint != other.fingerprint


BROKEN = {
    "corpus.jsonl": [
        ('{"_id": "x", "text": \n', 'line 61: found \'{"_id": "x", "text": \'', "wanted one JSON object a line"),
        ('["x"]\n', "line 61: found '[\"x\"]'", "wanted a JSON object"),
        ('{"_id": "d3", "text": "again"}\n', "line 61: found the id 'd3' of line 4 again", "wanted each id once"),
        ('{"text": "who am I"}\n', "line 61: found no _id among ['text']", "wanted _id as a text"),
        ('{"_id": "a b", "text": "x"}\n', "line 61: found _id 'a b'", "without white space"),
        ('{"_id": "x"}\n', "line 61: found no text among ['_id']", "wanted text as text"),
        ('{"_id": "x", "text": 7}\n', "line 61: found text '7'", "wanted text as text"),
        ('{"_id": "x", "text": " ", "title": ""}\n', "line 61: found no text and no title for x", "--tolerate empty"),
        ('{"_id": "x", "text": "\\ud83d"}\n', "line 61: found half a surrogate pair in text", "UTF-8 can hold"),
    ],
    "queries.jsonl": [
        ('{"_id": "q1", "text": "again"}\n', "line 10: found the id 'q1' of line 2 again", "wanted each id once"),
        ('{"_id": 5.5, "text": "x"}\n', "line 10: found _id '5.5'", "wanted _id as a text"),
    ],
    "qrels/test.tsv": [
        ("q0\td999\t1\n", "found a judgment of document 'd999', which corpus.jsonl lacks", "missing-documents"),
        ("q77\td1\t1\n", "found a judgment of query 'q77', which queries.jsonl lacks", "missing-queries"),
        ("q0\td1\tyes\n", "line 18: found score 'yes'", "wanted a whole number"),
        ("q0\td1\n", "line 18: found 2 cells", "wanted 3: query-id, corpus-id, score"),
        ("q0\td0\t0\n", "found q0 d0 judged 0, in line 2 1", "wanted each pair judged once"),
    ],
}


@pytest.mark.parametrize(("file", "line", "found", "wanted"), [(f, *row) for f, rows in BROKEN.items() for row in rows])
def test_a_broken_row_is_told_with_its_line(tmp_path, file, line, found, wanted):
    path = beir_folder(tmp_path) / file
    path.write_text(path.read_text() + line)
    with pytest.raises(KitError) as told:
        open_collection(str(tmp_path))
    assert str(path) in str(told.value)
    assert found in str(told.value)
    assert wanted in str(told.value)


def test_many_faults_are_told_together_and_counted(tmp_path):
    path = beir_folder(tmp_path) / "corpus.jsonl"
    path.write_text(path.read_text() + "oops\n" * 12)
    with pytest.raises(KitError, match=r"line 61: .*\n(.*\n)*… and 2 more like these\."):
        open_collection(str(tmp_path))


def test_what_is_tolerated_is_left_out_and_noted(tmp_path):
    folder = beir_folder(tmp_path)
    for file, line in [("corpus.jsonl", '{"_id": "x", "text": ""}\n'), ("qrels/test.tsv", "q0\td999\t1\nq77\td1\t1\n")]:
        (folder / file).write_text((folder / file).read_text() + line)
    collection = open_collection(str(folder), tolerate=("empty-texts", "missing-documents", "missing-queries"))
    assert collection.dataset.documents == 60
    assert Qrel("q0", "d999", 1) in collection.qrels
    assert [note.split(" ")[0] for note in collection.dataset.notes] == ["1", "1", "1"]
    assert "x" not in {document.id for document in collection.documents()}


def test_a_table_with_other_columns_is_told(tmp_path):
    write(beir_folder(tmp_path) / "qrels" / "test.tsv", "q0 d1\n")
    with pytest.raises(KitError, match=r"line 1: found the header \['q0', 'd1'\]; wanted the columns query-id"):
        open_collection(str(tmp_path))


def test_an_unknown_split_names_those_that_are_there(tmp_path):
    with pytest.raises(KitError, match=r'has no split "tset"\. Did you mean "test"\? There are: test\.'):
        open_collection(str(beir_folder(tmp_path)), split="tset")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b'{"_id": "x", "text": "y"}\n' * 500)[:-30], "is not a whole gzip file"),
        (gzip.compress(b'{"_id": "x", "text": "caf\xe9"}\n'), r"line 1: byte \d+ is 0xe9, which is not UTF-8"),
    ],
    ids=["cut off", "not UTF-8"],
)
def test_a_damaged_file_is_told(tmp_path, content, said):
    folder = beir_folder(tmp_path)
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(content)
    with pytest.raises(KitError, match=said):
        open_collection(str(folder))


def texts_folder(folder, questions: str, name: str = "questions.jsonl"):
    """Two text files, one in a subfolder with a blank in its name, and questions on them."""
    write(folder / "notes.txt", "Alpha is the first letter.\nBeta is the second.\n")
    write(folder / "more" / "my file.md", "Gamma comes third.\n")
    write(folder / name, questions)
    return str(folder)


def test_own_texts_with_spans_give_passages(tmp_path):
    rows = [
        {"query_id": "a", "text": "Which is second?", "spans": [{"document": "notes", "start": 27, "end": 46,
         "content": "Beta is the second."}]},
        {"query_id": "b", "text": "And third?", "category": "plain", "answer": "Gamma",
         "spans": [{"document": "my file.md", "start": 0, "end": 18}]},
        {"query_id": "c", "text": "Unanswerable?"},
    ]  # fmt: skip
    collection = open_collection(texts_folder(tmp_path, jsonl(rows)))
    assert collection.has_passages
    assert collection.queries[0].passages == (Passage("notes.txt", 27, 46),)
    assert collection.queries[1].passages == (Passage("more/my%20file.md", 0, 18),)
    assert (collection.queries[1].category, collection.queries[1].answer) == ("plain", "Gamma")
    assert (collection.dataset.queries, collection.dataset.judged) == (3, 2)
    assert [document.id for document in collection.documents()] == ["more/my%20file.md", "notes.txt"]


def test_own_texts_with_ids_in_a_csv_give_judgments(tmp_path):
    table = "query_id,text,document,relevance\na,Which is second?,notes.txt,2\na,Which is second?,more/my%20file.md,\n"
    collection = open_collection(texts_folder(tmp_path, table, "questions.csv"))
    assert collection.qrels == (Qrel("a", "notes.txt", 2), Qrel("a", "more/my%20file.md", 1))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"spans": [{"document": "notes", "start": 40, "end": 90}]}, "40 to 90 in notes; wanted start < end <= 47"),
        ({"spans": [{"document": "notes", "start": 0, "end": 5, "content": "Omega"}]}, "found 'Alpha' at 0 of notes"),
        ({"spans": [{"document": "notse.txt", "start": 0, "end": 5}]}, r'not in the folder.*Did you mean "notes.txt"'),
        ({"spans": [{"start": 0}]}, "found the span"),
        ({"documents": 7}, "found documents 7"),
        ({"text": ""}, "found an empty text for a"),
        ({}, "labels no question; wanted query_id, text and labels"),
    ],
)  # fmt: skip
def test_a_label_that_is_not_in_the_texts_is_told(tmp_path, row, said):
    with pytest.raises(KitError, match=said):
        open_collection(texts_folder(tmp_path, jsonl([{"query_id": "a", "text": "Which?"} | row])))


def test_the_golden_questions_come_on_any_set_of_years():
    two, range_of_years = open_collection("golden:2018,2022"), open_collection("golden:2022-2024")
    assert two.dataset.documents == 2
    assert {query.passages[0].document_id for query in two.queries if query.passages} == {
        "2018-Trump-1",
        "2022-Biden-1",
    }
    assert range_of_years.dataset.documents == 3
    assert {query.category for query in range_of_years.queries} >= {"plain", "paraphrase", "unanswerable"}
    assert two.queries[0].where == (("year", 2018),)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("golden:then", "wanted years, such as golden:2015-2026"),
        ("golden:1850", "No golden questions on the addresses of 1850"),
        ("no-such-folder", "no folder"),
    ],
)
def test_a_collection_that_is_not_there_is_told(name, said):
    with pytest.raises(KitError, match=said):
        open_collection(name)


def test_an_ir_datasets_collection_is_read_as_it_streams(tmp_path):
    ir_datasets = pytest.importorskip("ir_datasets", reason="ir_datasets is an optional extra")
    from kit.bench.collections.ir_datasets import read_ir_dataset

    write(tmp_path / "docs.tsv", "d1\tthe cat\nd2\tthe dog\n")
    write(tmp_path / "queries.tsv", "q1\ta cat\n")
    write(tmp_path / "qrels", "q1 0 d1 1\n")
    source = ir_datasets.create_dataset(
        docs_tsv=str(tmp_path / "docs.tsv"),
        queries_tsv=str(tmp_path / "queries.tsv"),
        qrels_trec=str(tmp_path / "qrels"),
    )
    collection = read_ir_dataset(source, "my/own", ())
    assert (collection.dataset.documents, collection.qrels) == (2, (Qrel("q1", "d1", 1),))
    assert [document.page_content for document in collection.documents()] == ["the cat", "the dog"]


def test_ids_take_eight_bytes_each_and_tell_duplicates_and_missing_ones():
    ids = Ids()
    for number in range(100_000):
        ids.add(f"d{number}")
    assert not ids.has_duplicates()
    assert ids.missing(["d5", "nobody", "d99999"]) == ["nobody"]
    ids.add("d7")
    assert ids.has_duplicates()

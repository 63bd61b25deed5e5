"""The forms in which people have collections: other tables of judgments, other files, labels as they write them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kit.bench.collections.open import open_collection
from kit.bench.records import Passage, Qrel
from kit.errors import KitError
from tests.bench.beir import beir_folder, jsonl, write

THREE = (Qrel("q0", "d1", 1), Qrel("q0", "d2", 0), Qrel("q1", "d3", 2))
FORMS = {
    "test.tsv": "q0\td1\t1\nq0\td2\t0\nq1\td3\t2\n",
    "test.txt": "q0 0 d1 1\nq0 0 d2 0\nq1 0 d3 2\n",
    "test.qrels": "q0\t0\td1\t1\nq0 Q0  d2 0\nq1 0 d3 2\n",
    "test.csv": "query_id,doc_id,relevance\nq0,d1,1\nq0,d2,0\nq1,d3,2\n",
    "test.trec": "q0 d1 1\nq0 d2 0\nq1 d3 2.0\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_judgments_are_read_in_trec_form_without_a_header_and_as_csv(tmp_path, name):
    folder = beir_folder(tmp_path)
    (folder / "qrels" / "test.tsv").unlink()
    write(folder / "qrels" / name, FORMS[name])
    collection = open_collection(str(folder))
    assert (collection.dataset.split, collection.qrels) == ("test", THREE)


def test_a_line_of_another_form_than_the_first_is_told(tmp_path):
    write(beir_folder(tmp_path) / "qrels" / "test.tsv", "q0 0 d1 1\nq0 d2 0\n")
    with pytest.raises(KitError, match="line 2: found 3 cells; wanted 4, as in line 1"):
        open_collection(str(tmp_path))


@pytest.mark.parametrize("form", ["parquet", "csv", "shard"])
def test_corpus_and_queries_are_read_as_parquet_and_csv(tmp_path, form):
    plain = open_collection(str(beir_folder(tmp_path / "plain")))
    folder = tmp_path / "other"
    for name, id_name in (("corpus", "doc_id"), ("queries", "_id")):
        rows = map(json.loads, (tmp_path / "plain" / f"{name}.jsonl").read_text().splitlines())
        table = pd.DataFrame([{id_name: row["_id"], "title": row.get("title"), "text": row["text"]} for row in rows])
        path = folder / (f"{name}/{name}-00000-of-00001.parquet" if form == "shard" else f"{name}.{form}")
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False) if form == "csv" else table.to_parquet(path)
    qrels = pd.DataFrame(plain.qrels).rename(columns={"query_id": "query-id", "doc_id": "corpus-id"})
    (folder / "qrels").mkdir()
    qrels.to_parquet(folder / "qrels" / "test-00000-of-00001.parquet")
    other = open_collection(str(folder))
    assert other.qrels == plain.qrels
    assert [(d.id, d.page_content) for d in other.documents()] == [(d.id, d.page_content) for d in plain.documents()]
    assert [query.text for query in other.queries] == [query.text for query in plain.queries]


def test_an_id_that_milvus_cannot_store_is_told(tmp_path):
    path = beir_folder(tmp_path) / "corpus.jsonl"
    path.write_text(path.read_text() + json.dumps({"_id": "x" * 65_535, "text": "y"}) + "\n")
    with pytest.raises(KitError, match=r"line 61: found _id 'xxx.*' of 65,535 bytes; wanted at most 65,000"):
        open_collection(str(tmp_path))


def texts(folder: Path, questions: str, name: str) -> str:
    write(folder / "my notes" / "first page.txt", "Alpha is the first letter.\nBeta is the second.\n")
    write(folder / "second.md", "Gamma comes third.\n")
    write(folder / name, questions)
    return str(folder)


TABLES = {
    "a header `question`, the document's path with spaces": ("questions.csv",
        "question,document\nWhich is second?,my notes/first page.txt\nWhich is third?,second.md\n"),
    "`Documents`, several in a cell, between semicolons in a spreadsheet's way": ("questions.csv",
        'id;Question;Documents\n1;Which is second?;"my notes\\first page.txt"\n2;Third?;"second.md|second"\n'),
    "a TSV that names the folder": ("questions.tsv", "qid\tquery\tdoc\n1\tSecond?\t{folder}/my notes/first page.txt\n"),
    "JSON lines with `question` and one `document`": ("questions.jsonl",
        '{"question": "Which is second?", "document": "./my notes/first page.txt"}\n'),
}  # fmt: skip


@pytest.mark.parametrize("how", TABLES)
def test_labels_are_read_as_people_write_them(tmp_path, how):
    name, content = TABLES[how]
    collection = open_collection(
        texts(tmp_path / "docs", content.format(folder="docs") if "{f" in content else content, name)
    )
    assert collection.qrels[0].doc_id == "my%20notes/first%20page.txt"
    assert len(collection.qrels) == collection.dataset.queries


def test_a_document_labelled_twice_for_a_question_is_refused_with_its_line(tmp_path):
    table = "query_id,question,document,relevance\na,Which?,second.md,2\na,Which?,second,1\n"
    with pytest.raises(
        KitError, match=r"questions.csv, line 3: found second.md judged 1 for a, in line 2 2; wanted each"
    ):
        open_collection(texts(tmp_path, table, "questions.csv"))


@pytest.mark.parametrize("content", ["Beta is the second.", None])
def test_spans_count_a_file_s_own_characters_where_lines_end_in_two(tmp_path, content):
    (tmp_path / "notes.txt").write_bytes(b"Alpha is the first letter.\r\nBeta is the second.\r\n")
    span = {"document": "notes.txt", "start": 28, "end": 47} | ({"content": content} if content else {})
    write(tmp_path / "questions.jsonl", jsonl([{"query_id": "a", "text": "Which?", "spans": [span]}]))
    assert open_collection(str(tmp_path)).queries[0].passages == (Passage("notes.txt", 27, 46),)


def test_spans_that_were_counted_in_the_text_are_known_by_their_words(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"Alpha is the first letter.\r\nBeta is the second.\r\n")
    span = {"document": "notes.txt", "start": 27, "end": 46, "content": "Beta is the second."}
    write(tmp_path / "questions.jsonl", jsonl([{"query_id": "a", "text": "Which?", "spans": [span]}]))
    assert open_collection(str(tmp_path)).queries[0].passages == (Passage("notes.txt", 27, 46),)


def make_files(folder: Path) -> None:
    """A small file of every kind that has a reader, a scan without text, and a picture."""
    import docx
    import nbformat
    from pypdf import PdfWriter

    document = docx.Document()
    document.add_heading("Delta")
    document.add_paragraph("Delta comes fourth.")
    document.add_table(1, 2).rows[0].cells[0].text = "in a table"
    document.save(str(folder / "four.docx"))
    page = "<html><head><title>t</title><script>var x</script></head><nav>menu</nav><p>Epsilon <b>five</b>.</p></html>"
    write(folder / "five.html", page)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Zeta is sixth.")])
    write(folder / "six.ipynb", nbformat.writes(notebook))
    write(folder / "seven.rst", "Eta\n===\n\nSeventh.\n")
    write(folder / "letter.pdf", _pdf("Theta is the eighth letter."))
    scan = PdfWriter()
    scan.add_blank_page(100, 100)
    scan.write(folder / "scan.pdf")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "broken.docx").write_bytes(b"no zip")


def _pdf(text: str) -> str:
    """A PDF of one page, written by hand."""
    stream = f"BT /F1 12 Tf 10 50 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = "".join(f"{number} 0 obj\n{content}\nendobj\n" for number, content in enumerate(objects, start=1))
    return f"%PDF-1.4\n{body}trailer\n<< /Root 1 0 R /Size 6 >>\nstartxref\n0\n%%EOF\n"


def test_files_of_every_kind_are_read_and_what_is_left_out_is_listed(tmp_path):
    make_files(tmp_path)
    write(
        tmp_path / "questions.csv", "question,document\nWhich is fourth?,four\nEighth?,letter.pdf\nSixth?,six.ipynb\n"
    )
    collection = open_collection(str(tmp_path))
    by_id = {document.id: document.page_content for document in collection.documents()}
    assert by_id["four.docx"] == "Delta\n\nDelta comes fourth.\n\nin a table |\n"
    assert by_id["five.html"] == "Epsilon five.\n"
    assert by_id["letter.pdf"] == "Theta is the eighth letter.\n"
    assert sorted(by_id) == ["five.html", "four.docx", "letter.pdf", "seven.rst", "six.ipynb"]
    notes = " ".join(collection.dataset.notes)
    assert "1 file was left out: no reader for .png" in notes
    assert "1 file was left out: scan.pdf holds no text" in notes
    assert "broken.docx cannot be read as .docx" in notes


def test_a_labelled_file_that_cannot_be_read_is_an_error(tmp_path):
    make_files(tmp_path)
    write(tmp_path / "questions.csv", "question,document\nWhat?,scan.pdf\n")
    with pytest.raises(KitError, match=r"scan.pdf holds no text\. \(a question labels it\)"):
        open_collection(str(tmp_path))

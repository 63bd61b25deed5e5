"""What a number does not include is said beside it: unread tokens, own documents, a reranker that gives nothing."""

from __future__ import annotations

import json

from langchain_core.documents import BaseDocumentCompressor

from kit.bench.collections.open import open_collection
from kit.bench.grid.grid import Grid
from kit.bench.measures.measure import measure
from kit.bench.out_folder import OutFolder, read_run
from kit.bench.records import Qrel, ScoredDoc
from kit.bench.report.report import report_page
from kit.bench.run.own_documents import own_documents
from kit.bench.run.run import run_grid
from kit.bench.run.unread import unread
from kit.models.embeddings import load_embeddings
from tests.bench.beir import beir_folder, jsonl, write


class Nothing(BaseDocumentCompressor):
    """Gives back no text."""

    def compress_documents(self, documents, query, callbacks=None):
        return []


def test_what_minilm_never_reads_is_counted_and_a_model_without_a_limit_leaves_nothing_out():
    texts = ["short", "word " * 600]
    left = unread(load_embeddings("minilm"), "minilm", texts)
    assert (left.texts, left.of_texts, left.tokens, left.of_tokens) == (1, 2, 602 - 256, 605)
    assert (
        left.words
        == "1 of 2 texts are longer than the 256 tokens that minilm reads, and 57% of all tokens are never read"
    )
    assert unread(load_embeddings("wordllama"), "wordllama", texts) is None


def test_own_texts_that_a_model_does_not_read_whole_are_cut_and_the_report_says_so(tmp_path):
    write(tmp_path / "docs" / "long.txt", "The cat sat on the mat. " * 100 + "Only the dog knows the word zeppelin.")
    write(tmp_path / "docs" / "short.txt", "A horse stood in the river.")
    write(
        tmp_path / "docs" / "questions.csv",
        "question,document\nWho knows zeppelin?,long.txt\nWhere is the horse?,short\n",
    )
    grid = Grid(dataset=str(tmp_path / "docs"), retrievers=["dense"], embeddings=["minilm"], k=10, measures=["RR@10"])
    out = OutFolder(tmp_path / "out")
    results = run_grid(grid, out)
    assert results.rows[0].condition.chunker == "recursive-1000"
    assert "texts are cut into chunks of 1,000 characters (recursive-1000), for 1 of 2 texts are longer" in report_page(
        out
    )
    whole = run_grid(grid.model_copy(update={"chunkers": ["whole"]}), OutFolder(tmp_path / "whole"))
    assert whole.rows[0].unread.tokens > 4 * results.rows[0].unread.tokens
    assert "never read" in report_page(OutFolder(tmp_path / "whole"))


def own_collection(folder, text: str):
    """A collection whose first query has the id d3, and this text, beside the document d3."""
    beir_folder(folder)
    queries = (folder / "queries.jsonl").read_text()
    write(folder / "queries.jsonl", queries + jsonl([{"_id": "d3", "text": text}]))
    qrels = folder / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text() + "d3\td9\t1\n")
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    return str(folder), rows[3]["text"]


def test_a_query_s_own_document_is_left_out_of_its_hits_only_where_the_text_is_the_same(tmp_path):
    _, text = own_collection(tmp_path / "a", "placeholder")
    same, _ = own_collection(tmp_path / "same", text)
    other, _ = own_collection(tmp_path / "other", "eagle in the desert")
    assert own_documents(open_collection(same)) == {"d3"}
    assert own_documents(open_collection(other)) == set()
    grid = Grid(dataset=same, retrievers=["bm25:tokens=words"], k=10, measures=["RR@10"])
    out = OutFolder(tmp_path / "out")
    row = run_grid(grid, out).rows[0]
    hits = [hit.doc_id for hit in read_run(out.run(row.id)) if hit.query_id == "d3"]
    assert (len(hits), "d3" in hits) == (10, False)
    assert "1 queries are documents of the collection: their own text is left out of their hits" in row.notes


def test_a_reranker_that_gives_nothing_back_is_refused_in_words(tmp_path):
    folder = str(beir_folder(tmp_path / "beir"))
    grid = Grid(dataset=folder, retrievers=["bm25:tokens=words+rerank"], k=10, measures=["RR@10"],
                reranker=f"{__name__}:Nothing")  # fmt: skip
    row = run_grid(grid, OutFolder(tmp_path / "out")).rows[0]
    assert (row.status, row.scores) == ("failed", {})
    assert "gave back no text for any of 8 queries; wanted: the texts that it is given" in row.reason


def test_grades_below_0_count_as_0_in_ndcg_and_keep_their_meaning_in_bpref():
    qrels = [Qrel("q", "a", 2), Qrel("q", "b", -1), Qrel("q", "c", 1), Qrel("q", "d", -2)]
    run = [ScoredDoc("q", name, 1 / rank) for rank, name in enumerate("bacd", start=1)]
    whole = [qrel._replace(relevance=max(0, qrel.relevance)) for qrel in qrels]
    for names in (["nDCG", "nDCG@10", "AP"],):
        assert [s.value for s in measure(qrels, run, names)] == [s.value for s in measure(whole, run, names)]
    assert measure(qrels, run, ["Bpref"])[0].value != measure(whole, run, ["Bpref"])[0].value

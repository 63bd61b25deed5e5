"""`kit bench run`: what it writes, what it repeats, what it refuses."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from kit.__main__ import app
from kit.bench.grid.grid import Grid, load_grid, plan
from kit.bench.measures.measure import measure
from kit.bench.out_folder import OutFolder, read_run
from kit.bench.records import Qrel, Results
from kit.bench.run.run import Watcher, run_grid
from kit.errors import KitError
from tests.bench.beir import beir_folder, jsonl, write

RETRIEVERS = "dense,bm25,hybrid,hybrid+rerank"


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return str(beir_folder(tmp_path_factory.mktemp("beir"), 60))


@pytest.fixture(scope="module", autouse=True)
def empty_cache(tmp_path_factory):
    """Every text is embedded for the first time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def done(collection, tmp_path_factory):
    """A finished run: its folder and its results."""
    out = OutFolder(tmp_path_factory.mktemp("out"))
    return out, run_grid(grid(collection), out)


def grid(dataset: str, **changes) -> Grid:
    return Grid(**{"dataset": dataset, "retrievers": RETRIEVERS, "embeddings": "wordllama", "k": 10, "extras": "ragas",
                   "measures": "nDCG@10,R@10,AP"} | changes)  # fmt: skip


def test_a_row_a_condition_with_its_scores_costs_model_and_command(done):
    out, results = done
    rows = {row.condition.retriever: row for row in results.rows}
    assert list(rows) == ["bm25", "dense", "hybrid-rrf", "hybrid-rrf+rerank"]
    dense = rows["dense"]
    assert dense.id == "milvus-lite.dense.wordllama.whole"
    assert (dense.scores["nDCG@10"].over, dense.scores["nDCG@10"].of) == (8, 8)
    assert dense.scores["nDCG@10"].value > 0.5
    assert dense.model["identity"].startswith("wordllama-")
    assert dense.engine_version.startswith("milvus-lite-")
    assert dense.counts == {
        "documents": 60,
        "chunks": 60,
        "queries": 8,
        "judged": 8,
        "answered": 8,
        "no_hit": 0,
        "short": 0,
    }
    assert (dense.cost.embedded_texts, dense.cost.embed_texts_per_second > 0) == (60, True)
    assert min(dense.cost.search_p50_ms, dense.cost.index_mb, dense.cost.peak_memory_mb) > 0
    assert "--retrievers dense" in dense.command
    assert "ragas-ID-recall@10" in dense.scores
    assert Results.loads(out.results.read_text()) == results


def test_what_is_not_supported_is_listed_with_its_reason_and_no_score(done):
    row = done[1].row("milvus-lite.hybrid-rrf+rerank.wordllama.whole")
    assert (row.status, row.scores) == ("not supported", {})
    assert "no reranker is configured: give --reranker" in row.reason


def test_the_run_files_hold_what_was_scored(done):
    out, results = done
    qrels = [
        Qrel(row["query-id"], row["corpus-id"], int(row["score"]))
        for row in csv.DictReader(out.qrels("whole").open(), delimiter="\t")
    ]
    for row in results.rows[:3]:
        hits = list(read_run(out.run(row.id)))
        again = [s.value for s in measure(qrels, hits, ["AP"])]
        assert sum(again) / len(again) == pytest.approx(row.scores["AP"].value, abs=1e-9)
        table = list(csv.DictReader(out.scores(row.id).open()))
        assert [float(line["AP"]) for line in table] == pytest.approx(again, abs=1e-6)
        assert {int(line["hits"]) for line in table} <= {10}
    ranks = [line.split()[3] for line in out.run(results.rows[0].id).read_text().splitlines()[:10]]
    assert ranks == [str(rank) for rank in range(1, 11)]
    texts = {row["doc_id"]: row["text"] for row in map(json.loads, out.texts("whole").read_text().splitlines())}
    assert texts["d0"].startswith("Notes on the cat")


def test_a_second_run_measures_and_embeds_nothing(done, collection):
    out, results = done
    before = out.embedding_log.read_text(), out.run(results.rows[0].id).stat().st_mtime_ns
    told = []

    class Listening(Watcher):
        def row(self, row, number, of, before=False):
            told.append((row.status, before))

    again = run_grid(grid(collection), out, Listening())
    assert [row for row in again.rows if row.status == "measured"] == [
        r for r in results.rows if r.status == "measured"
    ]
    assert (out.embedding_log.read_text(), out.run(results.rows[0].id).stat().st_mtime_ns) == before
    assert [before for status, before in told if status == "measured"] == [True] * 3


def test_new_conditions_join_the_folder(done, collection, tmp_path):
    results = run_grid(grid(collection, retrievers="mmr,hybrid+rerank",
                            reranker=["embeddings:wordllama", "embeddings:minilm"]), done[0])  # fmt: skip
    assert {row.condition.retriever for row in results.rows} == {
        "bm25",
        "dense",
        "hybrid-rrf",
        "hybrid-rrf+rerank=embeddings:minilm",
        "hybrid-rrf+rerank=embeddings:wordllama",
        "mmr:fetch=200",
    }
    assert {row.status for row in results.rows} == {"measured"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": 20}, "holds results with another k: found 10, wanted 20. Give another --out."),
        ({"measures": "AP"}, "another measures: found nDCG@10, R@10, AP, wanted AP"),
        ({"measures": "nDGC@10"}, 'No measure is called "nDGC@10"'),
        ({"k": 5}, "nDCG@10 needs 10 hits a query; k is 5; wanted: a first measure"),
        ({"retrievers": "dens"}, 'No retriever is called "dens"'),
        ({"embeddings": "minilmm"}, 'No embeddings are called "minilmm"'),
        ({"engines": "server"}, "MILVUS_URI names none"),
        ({"extras": "magic"}, "Found the extra 'magic'"),
        ({"indexes": "hnsw,hnsw"}, "twice"),
    ],
)
def test_what_cannot_be_run_into_a_folder_is_told_before_any_work(done, collection, changes, said):
    with pytest.raises(KitError) as told:
        run_grid(grid(collection, **changes), done[0])
    assert said in str(told.value)


def test_passages_judge_each_chunking_and_other_questions_stay_out(tmp_path):
    text = "".join(f"Paragraph {n} tells about the number {n}.\n\n" for n in range(40))
    write(tmp_path / "texts" / "all.txt", text)
    start = text.index("Paragraph 7 ")
    rows = [
        {
            "query_id": "a",
            "text": "What of number 7?",
            "spans": [{"document": "all", "start": start, "end": start + 37}],
        },
        {"query_id": "b", "text": "What tells about the moon?", "category": "unanswerable"},
    ]
    write(tmp_path / "texts" / "questions.jsonl", jsonl(rows))
    out = OutFolder(tmp_path / "out")
    two = grid(str(tmp_path / "texts"), retrievers="bm25", chunkers="character-50,recursive-200", extras="spans")
    results = run_grid(two, out)
    assert [row.id for row in results.rows] == [
        "milvus-lite.bm25.none.character-50",
        "milvus-lite.bm25.none.recursive-200",
    ]
    for row in results.rows:
        assert (row.scores["AP"].value, row.scores["AP"].over, row.scores["AP"].of) == (1.0, 1, 2)
        assert row.scores["span-recall@5"].value == 1.0
    small, large = (row.scores["precision-omega"].value for row in results.rows)
    assert small > large
    assert "\nb,unanswerable,10,0,,," in out.scores(results.rows[0].id).read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.toml", 'dataset = "data"\nretrievers = ["dense"]\nk = 5\n'),
        ("g.yaml", "dataset: data\nretrievers: [dense]\nk: 5\n"),
    ],
)
def test_a_config_file_names_the_grid_and_flags_go_before_it(tmp_path, name, text):
    write(tmp_path / name, text)
    (tmp_path / "data").mkdir()
    found = load_grid(tmp_path / name, {"k": 7, "split": None})
    assert (found.dataset, found.retrievers, found.k) == (str(tmp_path / "data"), ["dense"], 7)


def test_a_config_file_names_indexes_with_their_parameters(tmp_path):
    write(tmp_path / "g.toml", "dataset = 'x'\n[[indexes]]\ntype = 'HNSW'\nsearch = [{ef = 32}, {ef = 128}]\n")
    planned = plan(load_grid(tmp_path / "g.toml", {"retrievers": "dense,mmr"}), "whole", "minilm", "lite", str)
    assert [one.condition.id for one in planned] == [
        "milvus-lite.dense.minilm.whole.hnsw-ef32",
        "milvus-lite.mmr-fetch-200.minilm.whole.hnsw-ef32",
    ]
    assert [one.checked for one in planned] == [True, False]
    assert planned[0].index.search == ({"ef": 32}, {"ef": 128})


def test_a_text_longer_than_milvus_stores_is_cut_and_noted(tmp_path):
    folder = beir_folder(tmp_path / "data", 60)
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "long", "text": "zebra é " * 10_000, "metadata": {"year": 2000}}) + "\n")
    results = run_grid(grid(str(folder), retrievers="bm25", extras="none"), OutFolder(tmp_path / "out"))
    assert results.rows[0].status == "measured"
    assert "1 texts were cut to the 65,535 bytes that Milvus stores" in results.rows[0].notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retriever = ['dense']\ndataset = 'x'", 'there is no "retriever". Did you mean "retrievers"?'),
        ("dataset = 'x'\nk = 0", "k is 0; wanted: input should be greater than or equal to 1"),
        ("dataset = ", "is not TOML"),
        ("k = 5", "No collection was named"),
    ],
)
def test_a_wrong_config_is_told(tmp_path, text, said):
    write(tmp_path / "grid.toml", text)
    with pytest.raises(KitError) as told:
        load_grid(tmp_path / "grid.toml", {})
    assert said in str(told.value)


def test_the_command_prints_the_leaderboard_and_a_failed_condition_fails_it(collection, tmp_path):
    arguments = ["bench", "run", "--dataset", collection, "--embeddings", "wordllama", "--extras", "none",
                 "--retrievers", "dense,dense+rerank", "--out", str(tmp_path / "out")]  # fmt: skip
    fine = CliRunner().invoke(app, [*arguments])
    assert fine.exit_code == 0, fine.output
    assert "means over 8 judged of 8 queries, 60 documents" in fine.output
    assert "dense+rerank.wordllama.whole: not supported: no reranker is configured" in fine.output
    failed = CliRunner().invoke(app, [*arguments, "--reranker", "tests.bench.own_reranker:Broken"])
    assert failed.exit_code == 1, failed.output
    assert "failed: The reranker" in failed.output


def test_judgments_that_are_all_0_are_refused(tmp_path):
    folder = beir_folder(tmp_path / "zero", 12)
    write(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t0\n")
    with pytest.raises(KitError, match="All 1 judgments of zero are 0: every score would be 0"):
        run_grid(grid(str(folder), retrievers="bm25"), OutFolder(tmp_path / "out"))


def test_a_grid_in_which_nothing_ran_is_no_success(tmp_path):
    command = ["bench", "run", "--dataset", str(beir_folder(tmp_path / "b", 12)), "--retrievers", "bm25+rerank"]
    ran = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out"), "--extras", "none"])
    assert (ran.exit_code, "no reranker is configured" in ran.stdout) == (1, True)


def test_queries_without_a_hit_are_counted_and_told_with_their_likely_cause(tmp_path):
    folder = beir_folder(tmp_path / "zh", 12)
    write(folder / "queries.jsonl", jsonl([{"_id": "q0", "text": "厨房里的猫在哪里"}, {"_id": "q1", "text": "dog"}]))
    write(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td1\t1\n")
    command = ["bench", "run", "--dataset", str(folder), "--retrievers", "bm25", "--extras", "none"]
    ran = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert (
        "milvus-lite.bm25.none.whole: 1 of 2 judged queries got no hit: they are written without spaces" in ran.stdout
    )

"""What a user waits is timed in turn, without caches, with its spread and the machine's load."""

from __future__ import annotations

import time

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.report.report import report_page
from kit.bench.report.waits import wait_ratio
from kit.bench.run.latency import OthersLoad, read_waits
from kit.bench.run.run import run_grid
from tests.bench.beir import beir_folder

SLOW = f"{__name__}:Slow"


class Slow(Embeddings):
    """Takes 30 ms a query and nothing a text; vectors by the letters of a text."""

    def embed_documents(self, texts):
        return [list(np.bincount([ord(c) % 16 for c in text], minlength=16).astype(float)) for text in texts]

    def embed_query(self, text):
        time.sleep(0.03)
        return self.embed_documents([text])[0]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latency")
    out = OutFolder(folder / "out")
    retrievers = ["dense", "bm25:tokens=words", "bm25:tokens=words+rerank"]
    grid = Grid(dataset=str(beir_folder(folder / "beir")), retrievers=retrievers, embeddings=[SLOW],
                reranker=f"embeddings:{SLOW}", k=10, measures=["nDCG@10"])  # fmt: skip
    return out, run_grid(grid, out)


def test_the_parts_of_a_wait_are_told_and_a_cached_query_does_not_count_as_fast(done):
    rows = {row.condition.retriever: row.cost for row in done[1].rows}
    dense, words = rows["dense"], rows["bm25:tokens=words"]
    reranked = rows[f"bm25:tokens=words+rerank=embeddings:{SLOW}"]
    assert dense.embed_query_p50_ms > 30
    assert dense.wait_p50_ms == pytest.approx(dense.embed_query_p50_ms + dense.search_p50_ms, rel=0.5)
    assert (words.embed_query_p50_ms, words.rerank_p50_ms) == (None, None)
    assert reranked.rerank_p50_ms > 30
    assert reranked.search_queries_per_second < 1000 / 30
    assert dense.timed_queries == 8
    assert 0 <= dense.others_load <= 1


def test_all_conditions_are_timed_in_one_pass_and_a_ratio_has_a_spread(done):
    out, results = done
    assert len({row[2] for row in read_waits(out)}) == 1
    ids = {row.condition.retriever: row.id for row in results.rows}
    ratio = wait_ratio(out, ids["dense"], ids["bm25:tokens=words"])
    assert ratio.value > 2
    assert ratio.low < ratio.value < ratio.high
    assert "times as long (" in ratio.words
    assert "of it the reranker" in report_page(out)


def test_conditions_of_different_passes_have_no_ratio(done, tmp_path):
    out, results = done
    ids = [row.id for row in results.rows]
    later = OutFolder(tmp_path)
    lines = out.waits.read_text().splitlines()
    first = lines[1].split(",")[0]
    changed = [",".join([*cells[:2], "later", *cells[3:]]) if cells[0] == first else ",".join(cells)
               for cells in (line.split(",") for line in lines)]  # fmt: skip
    later.waits.write_text("\n".join(changed) + "\n")
    other = next(name for name in ids if name != first)
    assert wait_ratio(later, first, other) is None


def test_the_load_of_others_is_a_share_of_all_cores():
    with OthersLoad() as load:
        time.sleep(0.3)
    assert 0 <= load.share <= 1

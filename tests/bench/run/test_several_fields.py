"""Several fields of vectors in one store: a hit's rank in each is what decides, whatever their dimensions."""

from __future__ import annotations

from collections import defaultdict

import pytest
from langchain_core.embeddings import Embeddings

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder, read_run
from kit.bench.run.run import run_grid
from tests.bench.beir import beir_folder

K = 60  # all of them, so that the fusion of the runs is that of the fields
BOTH = f"wordllama+{__name__}:Letters"


class Letters(Embeddings):
    """The sums of the codes of every third letter and word: other dimensions and another order than wordllama's."""

    def embed_documents(self, texts):
        return [[float(sum(map(ord, text[start::7]))) for start in range(9)] for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = str(beir_folder(tmp_path_factory.mktemp("beir"), 60))
    out = OutFolder(tmp_path_factory.mktemp("out"))
    grid = Grid(dataset=folder, retrievers="dense,hybrid,mmr", embeddings=f"wordllama,{BOTH.partition('+')[2]},{BOTH}",
                k=K, measures="nDCG@10", extras="none")  # fmt: skip
    return out, run_grid(grid, out)


def test_dense_over_two_fields_is_the_reciprocal_rank_fusion_of_both(done):
    out, results = done
    ids = {row.condition.embeddings: row.id for row in results.rows if row.condition.retriever == "dense"}
    fused, ranks = defaultdict(float), defaultdict(int)
    for name in BOTH.split("+"):
        for hit in read_run(out.run(ids[name])):
            ranks[name, hit.query_id] += 1
            fused[hit.query_id, hit.doc_id] += 1 / (60 + ranks[name, hit.query_id])
    joined = {(hit.query_id, hit.doc_id): hit.score for hit in read_run(out.run(ids[BOTH]))}
    assert joined == pytest.approx(dict(fused), abs=1e-6) and len(joined) == 8 * K


def test_what_compares_the_vectors_of_one_field_says_so(done):
    rows = {(row.condition.retriever, row.condition.embeddings): row for row in done[1].rows}
    mmr = next(row for (retriever, name), row in rows.items() if retriever.startswith("mmr") and name == BOTH)
    assert mmr.status == "not supported" and "the vectors of one field" in mmr.reason
    dense = rows["dense", BOTH]
    assert dense.model["dimensions"] == str(256 + 9) and dense.cost.wait_p50_ms > 0
    assert dense.cost.embedded_texts == sum(rows["dense", name].cost.embedded_texts or 0 for name in BOTH.split("+"))

"""The grid on a real Milvus server: what it cannot do is said, and nothing is left behind."""

from __future__ import annotations

from pymilvus import MilvusClient

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.run.run import run_grid
from tests.bench.beir import beir_folder


def test_a_server_runs_the_grid_and_says_what_it_does_not_support(own_server, tmp_path, monkeypatch):
    monkeypatch.setenv("MILVUS_URI", own_server)
    out = OutFolder(tmp_path / "out")
    client = MilvusClient(own_server)
    before = set(client.list_databases())

    grid = Grid(dataset=str(beir_folder(tmp_path / "data")), retrievers="dense,bm25,dense+filter", k=10,
                embeddings="wordllama", measures="nDCG@10", extras="none", engines="server,lite",
                clients="1,2")  # fmt: skip
    rows = {row.id: row for row in run_grid(grid, out).rows}

    assert rows["milvus-server.bm25.none.whole"].status == "not supported"
    assert (
        "full text search needs Milvus 2.5 or newer; this is milvus-2.3" in rows["milvus-server.bm25.none.whole"].reason
    )
    assert rows["milvus-server.bm25.none.whole"].scores == {}
    for retriever in ("dense", "dense+filter"):
        server, lite = (rows[f"milvus-{engine}.{retriever}.wordllama.whole"] for engine in ("server", "lite"))
        assert server.scores["nDCG@10"].value == lite.scores["nDCG@10"].value
        assert (server.cost.index_mb, server.counts["chunks"]) == (None, 60)
        assert [load.clients for load in server.client_loads] == [1, 2]
        assert min(load.queries_per_second for load in server.client_loads) > 0
        assert (lite.client_loads, "several clients are measured on a server" in " ".join(lite.notes)) == ((), True)
    assert set(client.list_databases()) == before

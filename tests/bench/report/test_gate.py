"""Retrieval on the golden questions is as it was recorded in tests/baselines, measured afresh."""

from __future__ import annotations

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.report.gate import gate_results
from kit.bench.run.run import run_grid


def test_dense_bm25_and_hybrid_retrieval_score_as_recorded(root, tmp_path):
    retrievers = ["dense", "bm25", "hybrid-rrf", "dense+filter"]
    grid = Grid(dataset="golden", retrievers=retrievers, embeddings=["wordllama"], k=20, extras=["spans"])
    results = run_grid(grid, OutFolder(tmp_path))
    verdicts = gate_results(results, root / "tests" / "baselines", "kit bench bless OUT")
    assert len({verdict.name for verdict in verdicts}) == len(retrievers)
    assert not [str(verdict) for verdict in verdicts if not verdict.ok]

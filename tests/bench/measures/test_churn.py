"""Rows that come and go: a whole cycle loses nothing on an exact index, and a lost row is an error."""

from __future__ import annotations

import pytest

from benchmarks import churn
from kit.bench.collections.open import open_collection
from kit.errors import KitError
from tests.bench.beir import beir_folder


def test_an_exact_index_finds_after_a_cycle_what_it_found_before(tmp_path):
    collection = open_collection(str(beir_folder(tmp_path / "data")))
    before, after = churn.churn(collection, str(tmp_path / "milvus.db"), "flat", "wordllama", 1)
    assert before.recall == after.recall == (1.0, 1.0)
    assert after.short == (0, 0) and after.ndcg == pytest.approx(before.ndcg)


def test_rows_that_are_deleted_and_never_come_back_are_an_error(tmp_path, monkeypatch):
    def lose(store, chunks):
        store.vector_store.client.delete(store.name, ids=[chunk.id for chunk in chunks])

    monkeypatch.setattr(churn, "turn_over", lose)
    collection = open_collection(str(beir_folder(tmp_path / "data")))
    with pytest.raises(KitError, match=r"Milvus holds 48 rows of the 60"):
        list(churn.churn(collection, str(tmp_path / "milvus.db"), "flat", "wordllama", 1))

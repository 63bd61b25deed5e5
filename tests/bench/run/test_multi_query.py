"""Multi-query: a chat model's other wordings of a question are searched for, too, over HTTP to a server here."""

from __future__ import annotations

import json

import pytest

from kit.bench.grid.grid import Grid
from kit.bench.out_folder import OutFolder
from kit.bench.run.run import run_grid
from tests.bench.beir import beir_folder, jsonl, write
from tests.models.chat_server import KEY, chat_server

NAME = "+multi-query=openai:small-writer"


def wordings(prompt: str) -> str:
    """Other words for the question; nothing for one about a cat."""
    question = prompt.rpartition("Original question: ")[2]
    return "" if "cat" in question else f"{question}\nthe {question.replace('steed', 'horse')}\n\n"


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Questions, one of them in a word that no text has."""
    folder = beir_folder(tmp_path / "data", 60)
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = [query | {"text": "steed" if "horse" in query["text"] else query["text"]} for query in queries]
    write(folder / "queries.jsonl", jsonl(asked))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    return str(folder)


def grid(dataset, retrievers):
    return Grid(dataset=dataset, retrievers=retrievers, embeddings="wordllama", k=10, measures="R@10", extras="none")


def test_a_question_is_also_searched_for_in_the_words_that_the_texts_have(collection, tmp_path, monkeypatch):
    with chat_server(wordings) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        results = run_grid(grid(collection, f"bm25,bm25{NAME},dense{NAME}"), OutFolder(tmp_path / "out"), timed=False)
        first = len(server.prompts)
    rows = {row.condition.retriever: row for row in results.rows}
    plain, worded = rows["bm25"], rows[f"bm25{NAME}"]
    assert (plain.counts["no_hit"], worded.counts["no_hit"]) == (1, 0)
    assert worded.scores["R@10"].value > plain.scores["R@10"].value
    assert worded.id == "milvus-lite.bm25+multi-query-openai-small-writer.none.whole"
    assert first == 8  # of every question once: the second row's wordings came from the cache
    assert worded.cost.tokens > 0 and any("worded 2 of 8 questions not anew" in note for note in worded.notes)


def test_what_a_user_waits_for_the_chat_model_is_measured_and_never_cached(collection, tmp_path, monkeypatch):
    with chat_server(wordings) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("KIT_CHAT", "openai:small-writer")
        (row,) = run_grid(grid(collection, "dense+multi-query"), OutFolder(tmp_path / "out")).rows
        asked = len(server.prompts)
    assert asked == 8 + 3 + 8  # for the scores, to warm up, and to be timed
    parts = row.cost.chat_p50_ms, row.cost.search_p50_ms, row.cost.embed_query_p50_ms
    assert min(parts) > 0 and row.cost.wait_p50_ms >= max(parts)


@pytest.mark.parametrize("chat", ["", "extractive"])
def test_without_a_chat_model_it_is_not_supported_and_says_what_to_set(collection, tmp_path, monkeypatch, chat):
    monkeypatch.setenv("KIT_CHAT", chat)
    (row,) = run_grid(grid(collection, "dense+multi-query"), OutFolder(tmp_path / "out")).rows
    assert row.status == "not supported" and "set KIT_CHAT" in row.reason


def test_a_chat_model_that_cannot_be_reached_fails_its_rows_alone(collection, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    results = run_grid(grid(collection, f"dense,dense{NAME}"), OutFolder(tmp_path / "out"), timed=False)
    assert [row.status for row in results.rows] == ["measured", "failed"]
    assert "did not answer" in results.rows[1].reason and KEY not in results.dumps()

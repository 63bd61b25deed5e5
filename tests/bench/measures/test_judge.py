"""The judge: ragas' LLM metrics through the real OpenAI client, over HTTP, against a server on this machine."""

from __future__ import annotations

import json

import pytest

from kit.bench.measures.judge import _references, judged_scores
from kit.bench.measures.judge_model import Usage, load_judge
from kit.bench.records import Mean, Qrel, Query, ScoredDoc
from kit.errors import KitError
from tests.models.chat_server import KEY, asked_about, asked_for, chat_server

TEXTS = {"d1": "The cat sat on the mat.", "d2": "Rain fell all day.", "d3": "The cat ran."}
QUERIES = [Query("q1", "Where did the cat sit?", answer="On the mat."), Query("q2", "Was it wet?"), Query("q3", "?")]
QRELS = [Qrel("q1", "d1", 1), Qrel("q2", "d2", 1)]
RUN = [ScoredDoc("q1", "d2", 2.0), ScoredDoc("q1", "d1", 1.0), ScoredDoc("q3", "d3", 1.0)]


def brain(prompt: str) -> str:
    """A judge that takes a passage as useful when it holds the word mat, and a claim as true when it is about it."""
    wanted = asked_for(prompt)
    if not wanted:
        return "On the mat. It was a dog."
    given = asked_about(prompt)
    if wanted == "ContextPrecisionOutput":
        return json.dumps({"reason": "?", "verdict": int("mat" in given["context"])})
    if wanted == "ContextRecallOutput":
        return json.dumps({"classifications": [{"statement": given["answer"], "reason": "?", "attributed": 1}]})
    if wanted == "AnswerRelevanceOutput":
        return json.dumps({"question": "Where did the cat sit?", "noncommittal": 0})
    if wanted == "NLIStatementOutput":
        verdicts = [{"statement": s, "reason": "?", "verdict": int("mat" in s)} for s in given["statements"]]
        return json.dumps({"statements": verdicts})
    claims = [sentence for sentence in given.get("answer", given.get("response")).split(". ") if sentence]
    return (
        "```json\n" + json.dumps({{"StatementGeneratorOutput": "statements"}.get(wanted, "claims"): claims}) + "\n```"
    )


@pytest.fixture
def judged_by(monkeypatch, tmp_path):
    """Settings that name a judge at an address; the cache is empty."""
    monkeypatch.setenv("KIT_JUDGE", "openai:small-judge")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("KIT_JUDGE_PRICE", "1,10")
    monkeypatch.setenv("KIT_EMBEDDINGS", "wordllama")
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    return lambda server: monkeypatch.setenv("OPENAI_BASE_URL", server.url)


def test_the_judge_scores_the_judged_queries_and_one_without_hits_is_0(judged_by):
    with chat_server(brain) as server:
        judged_by(server)
        means = judged_scores(load_judge(), QUERIES, QRELS, RUN, TEXTS).means(of=3)
    # q1: its relevant text is second, one of two statements holds; q2 has no hits; q3 has no judgments.
    assert means["judge-context-precision@5"] == Mean(pytest.approx(0.5 / 2), over=2, of=3)
    assert means["judge-context-recall@5"].value == 0.5
    assert means["judge-faithfulness@5"].value == 0.25
    assert means["judge-answer-relevancy@5"].value == pytest.approx(0.5)
    assert means["judge-factual-correctness@5"].value == pytest.approx(0.67 / 2)


def test_a_second_run_asks_nothing_again_and_shows_the_same_tokens_and_money(judged_by):
    with chat_server(brain) as server:
        judged_by(server)
        first = judged_scores(load_judge(), QUERIES, QRELS, RUN, TEXTS)
        asked = len(server.prompts)
        second = judged_scores(load_judge(), QUERIES, QRELS, RUN, TEXTS)
    assert len(server.prompts) == asked == first.usage.calls == second.usage.cached
    assert second.scores == first.scores
    assert (first.usage.spent, second.usage.spent) == (110 * asked, 0)
    assert second.usage.tokens == first.usage.tokens == 110 * asked
    assert first.usage.money_usd == pytest.approx(asked * (100 * 1 + 10 * 10) / 1e6)
    assert str(second.usage).startswith(
        f"{asked} answers, {asked} of them from the cache, {110 * asked:,} tokens, 0.00"
    )


def test_without_a_judge_every_metric_reads_not_measured(monkeypatch):
    monkeypatch.delenv("KIT_JUDGE", raising=False)
    means = judged_scores(load_judge(), QUERIES, QRELS, RUN, TEXTS).means(of=3)
    assert set(means.values()) == {Mean(None, 0, 3, "KIT_JUDGE names no chat model")}
    assert len(means) == 5


def test_an_answer_that_is_no_json_is_asked_for_once_more(judged_by):
    def careless(prompt: str) -> str:
        return brain(prompt) if "It cannot be read" in prompt or not asked_for(prompt) else "I think so!"

    with chat_server(careless) as server:
        judged_by(server)
        again = judged_scores(load_judge(), QUERIES[:1], QRELS, RUN, TEXTS).means(of=1)
    assert again["judge-context-precision@5"].value == pytest.approx(0.5)


def test_a_query_whose_answers_cannot_be_used_stays_out_of_the_mean_and_is_counted(judged_by):
    def stubborn(prompt: str) -> str:
        return "no" if "It was a dog" in prompt and asked_for(prompt) == "AnswerRelevanceOutput" else brain(prompt)

    with chat_server(stubborn) as server:
        judged_by(server)
        means = judged_scores(load_judge(), QUERIES[:1], QRELS, RUN, TEXTS).means(of=1)
    assert means["judge-answer-relevancy@5"] == Mean(None, 0, 1, "no answer of the judge could be used")
    assert means["judge-faithfulness@5"].over == 1


def test_a_wrong_key_leaves_all_not_measured_and_is_not_shown(judged_by, monkeypatch):
    with chat_server(brain) as server:
        judged_by(server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-secret")
        means = judged_scores(load_judge(), QUERIES, QRELS, RUN, TEXTS).means(of=3)
    reason = means["judge-faithfulness@5"].reason
    assert {mean.value for mean in means.values()} == {None}
    assert '"openai:small-judge" did not answer: OpenAIAuthenticationError' in reason
    assert "sk-wrong-secret" not in reason


def test_nothing_in_the_cache_holds_the_key(judged_by, tmp_path):
    with chat_server(brain) as server:
        judged_by(server)
        judged_scores(load_judge(), QUERIES[:1], QRELS, RUN, TEXTS)
    files = [path for path in (tmp_path / "judge").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_more_queries_than_are_judged_leave_the_same_ones_in_every_condition(judged_by):
    queries = [Query(f"q{n}", f"Question {n}?") for n in range(9)]
    qrels = [Qrel(query.query_id, "d1", 1) for query in queries]
    nothing, everything = [], [ScoredDoc(query.query_id, "d1", 1.0) for query in queries]
    with chat_server(brain) as server:
        judged_by(server)
        runs = [judged_scores(load_judge(), queries, qrels, run, TEXTS, most=3) for run in (nothing, everything)]
    first, second = ({score.query_id for score in judged.scores} for judged in runs)
    assert first == second
    assert len(first) == 3


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ("gpt-4o-mini", 'The judge "gpt-4o-mini" needs OPENAI_API_KEY, which is not set.'),
        ("nobody:model", '"nobody:model" cannot be loaded:'),
        ("anthropic:claude", '"anthropic:claude" needs a package that is not installed:'),
        ("extractive", "KIT_JUDGE is extractive, which quotes and cannot judge."),
    ],
)
def test_a_judge_that_cannot_be_loaded_is_said(monkeypatch, judge, words):
    monkeypatch.setenv("KIT_JUDGE", judge)
    with pytest.raises(KitError) as raised:
        load_judge()
    assert str(raised.value).startswith(words)


def test_without_a_price_the_tokens_stand_alone():
    assert str(Usage(calls=2, cached=1, input_tokens=900, output_tokens=200)) == (
        "2 answers, 1 of them from the cache, 1,100 tokens, no KIT_JUDGE_PRICE given"
    )


def test_the_reference_answer_is_the_best_relevant_texts_and_no_other():
    queries = [Query("q1", "Who?"), Query("q2", "When?", answer="In May."), Query("q3", "Why?")]
    grades = {"a": 1, "b": 3, "c": 0, "d": -1, "e": 1, "f": 2}
    qrels = [Qrel("q1", doc, grade) for doc, grade in grades.items()] + [Qrel("q2", "a", 1), Qrel("q3", "c", 0)]
    references = _references(queries, qrels, {doc: f"text {doc}" for doc in grades})
    assert {query.query_id: answer for query, answer in references.items()} == {
        "q1": "text b\n\ntext f\n\ntext a",
        "q2": "In May.",
    }

"""The golden questions: labels that still hold, and the rule that turns them into judgments of chunks."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

from kit.errors import KitError
from kit.texts.golden import (
    CATEGORIES,
    FOLDER,
    PublishedScores,
    Question,
    Span,
    chunk_id,
    judge_chunks,
    load_questions,
    verify,
)
from kit.texts.speeches import load_speech

SPEECHES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("speech_id", SPEECHES)
def test_every_label_is_still_the_passage_that_was_labelled(speech_id):
    text = load_speech(int(speech_id[:4])).page_content
    questions = load_questions(speech_id)
    for question in questions:
        verify(question, text)
        assert question.category in CATEGORIES
        assert bool(question.spans) == (question.category != "unanswerable"), question.query_id
    assert len({q.query_id for q in questions}) == len({q.text for q in questions}) == len(questions)


def test_the_pages_speech_has_enough_questions_of_each_kind():
    kinds = Counter(question.category for question in load_questions())
    assert sum(kinds.values()) >= 40
    assert kinds["unanswerable"] >= 5
    assert min(kinds["plain"], kinds["paraphrase"], kinds["multi-passage"]) >= 5


def test_a_label_that_moved_is_noticed():
    question = load_questions()[0]
    with pytest.raises(KitError, match="2022-001: characters .* are not the labelled passage"):
        verify(question, "x" + load_speech().page_content)


def test_a_speech_without_questions_names_those_that_have_some():
    with pytest.raises(KitError, match='No golden questions on "2022-Biden-2". Did you mean "2022-Biden-1"'):
        load_questions("2022-Biden-2")


def chunk(start: int, end: int, speech_id: str = "s") -> Document:
    return Document("x" * (end - start), metadata={"speech_id": speech_id, "start_index": start})


def question(*spans: tuple[int, int]) -> Question:
    return Question("q", "plain", "s", "?", tuple(Span(start, end, "") for start, end in spans))


@pytest.mark.parametrize(
    ("spans", "chunks", "relevant"),
    [
        ([(100, 200)], [(0, 150), (150, 300)], ["s:0-150", "s:150-300"]),  # half each
        ([(100, 200)], [(0, 149), (149, 300)], ["s:149-300"]),  # 49 and 51 of 100 characters
        ([(100, 200)], [(100, 140), (140, 160), (160, 200)], ["s:100-140", "s:140-160", "s:160-200"]),  # all inside
        ([(100, 200)], [(0, 120), (120, 121), (190, 400)], ["s:120-121"]),  # a short chunk that lies wholly inside
        ([(0, 300)], [(0, 10), (280, 1000)], ["s:0-10"]),
        ([(100, 200)], [(0, 130), (190, 400)], ["s:0-130"]),  # no chunk holds half: the one that holds most
        ([(100, 200)], [(0, 50), (300, 400)], []),  # the passage was left out
        ([(10, 20), (110, 120)], [(0, 100), (100, 200)], ["s:0-100", "s:100-200"]),
        ([(10, 20), (30, 40)], [(0, 100)], ["s:0-100"]),  # judged once
        ([], [(0, 100)], []),
    ],
)
def test_a_chunk_is_relevant_when_it_holds_enough_of_a_span(spans, chunks, relevant):
    qrels = judge_chunks([chunk(*place) for place in chunks], [question(*spans)])
    assert list(qrels["doc_id"]) == relevant
    assert set(qrels["relevance"]) <= {1}


def test_a_chunk_of_another_speech_is_never_relevant():
    assert judge_chunks([chunk(0, 100, "other")], [question((0, 100))]).empty


@settings(max_examples=25, deadline=None)
@given(size=st.integers(40, 4000), overlap=st.floats(0, 0.5))
def test_however_a_speech_is_cut_every_answerable_question_has_a_relevant_chunk(size, overlap):
    splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=int(size * overlap), add_start_index=True)
    questions = load_questions()
    qrels = judge_chunks(splitter.split_documents([load_speech()]), questions)
    assert set(qrels["query_id"]) == {q.query_id for q in questions if q.spans}


def test_a_chunk_without_its_place_cannot_be_judged():
    with pytest.raises(KitError, match="add_start_index=True"):
        chunk_id(Document("text", metadata={"speech_id": "s"}))


def test_scores_are_shown_as_a_table_and_published_for_the_gate():
    scores = PublishedScores("milvus-lite.dense.minilm.character-1000", 43, {"nDCG@10": 0.84433})
    published = {"condition": scores.condition, "questions": 43, "scores": {"nDCG@10": 0.8443}}
    assert scores._repr_mimebundle_()["application/vnd.milvus-notebook-kit.scores+json"] == published
    assert "mean of 43 questions" in repr(scores)

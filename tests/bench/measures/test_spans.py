"""Coverage of labelled passages by chunks: by hand, by property, and as the chunking literature published it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.bench.measures.spans import characters, cl100k, precision_omega, span_scores, tokens
from kit.bench.records import Passage, Query, Score, ScoredDoc
from kit.errors import KitError

PLACES = {"a": Passage("doc", 0, 100), "b": Passage("doc", 80, 180), "c": Passage("doc", 180, 280)}
QUERY = Query("q", "?", passages=(Passage("doc", 90, 150),))


def scores(query: Query, *doc_ids: str, k: int = 5) -> dict[str, float]:
    run = [ScoredDoc(query.query_id, doc_id, -rank) for rank, doc_id in enumerate(doc_ids)]
    return {score.measure: score.value for score in span_scores([query], run, PLACES, k)}


def test_recall_precision_and_iou_are_as_computed_by_hand():
    assert scores(QUERY, "a") == {"span-recall@5": 10 / 60, "span-precision@5": 10 / 100, "span-IoU@5": 10 / 150}
    assert scores(QUERY, "b") == {"span-recall@5": 1, "span-precision@5": 60 / 100, "span-IoU@5": 60 / 100}


def test_what_two_chunks_share_is_found_once_but_paid_for_twice():
    assert scores(QUERY, "a", "b") == {"span-recall@5": 1, "span-precision@5": 60 / 200, "span-IoU@5": 60 / 200}


def test_only_the_first_k_hits_count():
    assert scores(QUERY, "c", "b", k=1) == {"span-recall@1": 0, "span-precision@1": 0, "span-IoU@1": 0}


def test_a_query_without_hits_scores_0_and_one_without_passages_stays_out():
    assert set(scores(QUERY).values()) == {0}
    assert scores(Query("q", "unanswerable")) == {}


def test_a_chunk_that_only_touches_a_passage_counts_for_precision_omega_as_published():
    touched = Query("q", "?", passages=(Passage("doc", 100, 180),))
    assert precision_omega([touched], PLACES) == [Score("q", "precision-omega", 80 / 280)]
    assert precision_omega([QUERY], PLACES) == [Score("q", "precision-omega", 60 / 180)]


def test_a_document_without_chunks_gives_precision_omega_0():
    assert precision_omega([Query("q", "?", passages=(Passage("other", 0, 5),))], PLACES)[0].value == 0


@pytest.mark.parametrize(
    ("run", "places", "words"),
    [
        ([ScoredDoc("q", "z", 1.0)], PLACES, "The run has the chunk 'z', whose place in its document is not known."),
        ([], {"a": Passage("doc", 5, 5)}, "A passage of doc goes from 5 to 5; wanted 0 <= start < end."),
    ],
)
def test_a_place_that_is_missing_or_empty_is_said(run, places, words):
    with pytest.raises(KitError) as raised:
        span_scores([QUERY], run, places)
        precision_omega([QUERY], places)
    assert str(raised.value) == words


def test_tokens_are_counted_in_the_range_that_holds_their_first_character():
    text = "Milvus finds vectors.\nLangChain splits texts."
    ruler = tokens({"doc": text})
    assert ruler("doc", [(0, len(text))]) == len(cl100k().encode(text))
    assert ruler("doc", [(0, 9), (9, len(text))]) == ruler("doc", [(0, len(text))])


places = st.tuples(st.integers(0, 60), st.integers(1, 40)).map(lambda at: Passage("doc", at[0], at[0] + at[1]))


@given(passages=st.lists(places, min_size=1, max_size=4), chunks=st.lists(places, max_size=6))
def test_scores_equal_those_of_sets_of_characters(passages, chunks):
    named = {str(number): chunk for number, chunk in enumerate(chunks)}
    run = [ScoredDoc("q", doc_id, 1.0) for doc_id in named]
    found = {s.measure: s.value for s in span_scores([Query("q", "?", passages=tuple(passages))], run, named, k=6)}
    wanted = {at for p in passages for at in range(p.start, p.end)}
    held = {at for c in chunks for at in range(c.start, c.end)}
    paid = sum(c.end - c.start for c in chunks)
    assert found["span-recall@6"] == pytest.approx(len(wanted & held) / len(wanted))
    assert found["span-precision@6"] == pytest.approx(len(wanted & held) / paid if paid else 0)
    assert found["span-IoU@6"] == pytest.approx(len(wanted & held) / (paid + len(wanted - held)))


@pytest.mark.parametrize(("size", "overlap"), [(800, 400), (400, 200), (400, 0), (200, 0)])
def test_precision_omega_of_the_golden_questions_is_what_its_authors_code_gives(size, overlap):
    from langchain_core.documents import Document

    import kit
    from kit.bench import open_collection
    from kit.bench.grid.chunkers import parse_chunker, place_of

    samples = json.loads((Path(__file__).parents[2] / "samples/precision_omega/2022.json").read_text())
    wanted = samples[f"{size}/{overlap}"]
    text = kit.load_speech(2022).page_content
    queries = [query for query in open_collection("golden:2022").queries if query.passages]
    theirs = [Passage("2022-Biden-1", start, end) for start, end in wanted["chunks"]]
    scores = [score.value for score in precision_omega(queries, theirs, characters)]
    assert scores == pytest.approx(wanted["precision_omega"], abs=1e-12)
    # Its chunks are the kit's; the authors' search for a chunk's place takes off the period at its end.
    own = map(place_of, parse_chunker(f"recursive-token-{size}-{overlap}").split([Document(text, id="2022-Biden-1")]))
    plain = [(place.start, place.end - (text[place.end - 1] == ".")) for place in own]
    assert plain == [(place.start, place.end) for place in theirs]


def published(shared) -> dict[tuple[int, int], tuple[float, float]]:
    rows = json.loads((shared / "datasets" / "reference_numbers.json").read_text())["chunking_evaluation"]
    recursive = [row for row in rows["text-embedding-3-large"] if row[0] == "Recursive"]
    return {(size, overlap): (mean, sd) for _, size, overlap, *_, mean, sd, _, _ in recursive}


@pytest.mark.parametrize(("size", "overlap"), [(800, 400), (400, 200), (400, 0), (200, 0)])
def test_precision_omega_of_the_recursive_splitter_is_the_published_one(shared, size, overlap):
    from statistics import mean, pstdev

    from langchain_core.documents import Document

    from kit.bench.grid.chunkers import parse_chunker, place_of

    folder = shared / "datasets" / "chunking_evaluation"
    corpora = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "corpora").glob("*.md")}
    documents = [Document(page_content=text, id=name) for name, text in corpora.items()]
    chunks = map(place_of, parse_chunker(f"recursive-token-{size}-{overlap}").split(documents))
    rows = map(json.loads, (folder / "spans.jsonl").read_text(encoding="utf-8").splitlines())
    queries = [
        Query(
            q["_id"], q["text"], passages=tuple(Passage(q["corpus_id"], r["start"], r["end"]) for r in q["references"])
        )
        for q in rows
    ]
    values = [100 * score.value for score in precision_omega(queries, list(chunks), characters)]
    assert len(values) == 472
    assert (round(mean(values), 1), round(pstdev(values), 1)) == published(shared)[size, overlap]

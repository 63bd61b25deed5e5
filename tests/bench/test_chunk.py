"""Chunkers: LangChain's pieces, at their true places."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter, TokenTextSplitter

from kit.bench.grid.chunkers import ENCODING, parse_chunker, place_of, stored_text
from kit.bench.records import Passage
from kit.errors import KitError
from kit.texts.speeches import load_speech

NAMES = ("recursive-40", "recursive-40-20", "recursive-token-12-6", "character-40", "sentence-60-30", "token-9-3")
TEXTS = st.lists(
    st.sampled_from(["Yes. ", "no ", "one two three", "\n\n", "\n", " ", "é", "猫犬", "🙂", "?", "aa"])
).map("".join)


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
@example(text="\n\nYes. no no \nno no no no \nYes. ")  # a chunk begins where the one before it does
@settings(max_examples=60, deadline=None)
def test_a_chunk_is_the_text_at_its_place_and_no_word_is_lost(name, text):
    chunks = list(parse_chunker(name).split([Document(page_content=text, id="d")]))
    covered = set()
    for chunk in chunks:
        start = chunk.metadata["start_index"]
        assert text[start : start + len(chunk.page_content)] == chunk.page_content
        assert chunk.id == f"d:{start}-{start + len(chunk.page_content)}"
        covered |= set(range(start, start + len(chunk.page_content)))
    assert all(place in covered or character.isspace() for place, character in enumerate(text))
    places = [(start := chunk.metadata["start_index"], start + len(chunk.page_content)) for chunk in chunks]
    assert places == sorted(set(places))


def test_the_pieces_are_langchains_own():
    speech = load_speech(2022)
    speech.id = "2022"
    for overlap in (0, 200):
        theirs = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=overlap).split_text(speech.page_content)
        ours = parse_chunker(f"recursive-1000-{overlap}").split([speech])
        assert [chunk.page_content for chunk in ours] == theirs
    theirs = TokenTextSplitter(encoding_name=ENCODING, chunk_size=128, chunk_overlap=16).split_text(speech.page_content)
    assert [chunk.page_content for chunk in parse_chunker("token-128-16").split([speech])] == theirs


def test_a_token_overlap_is_placed_where_langchain_loses_it():
    text = "".join(f"Sentence number {number} of the text is here. " for number in range(60))
    chunks = list(parse_chunker("recursive-token-40-20").split([Document(page_content=text, id="d")]))
    starts = [chunk.metadata["start_index"] for chunk in chunks]
    assert all(text[a:].startswith(chunk.page_content) for a, chunk in zip(starts, chunks, strict=True))
    overlaps = [a + len(chunk.page_content) - b for a, b, chunk in zip(starts, starts[1:], chunks, strict=False)]
    assert min(overlaps) > 0


def test_a_whole_document_keeps_its_id_and_metadata():
    chunk = next(parse_chunker("whole").split([Document(page_content="text", id="d1", metadata={"year": 1})]))
    assert (chunk.id, chunk.metadata) == ("d1", {"year": 1, "document_id": "d1", "start_index": 0})
    assert place_of(chunk) == Passage("d1", 0, 4)


@pytest.mark.parametrize("name", ["whole", "recursive-1000", "recursive-1000-200", "token-64", "recursive-token-200"])
def test_a_name_reads_back_as_itself(name):
    assert parse_chunker(name).name == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recursiv-100", 'No chunker is called "recursiv-100". Did you mean "recursive"?'),
        ("recursive", "wanted whole, recursive-SIZE"),
        ("whole-5", "wanted whole, recursive-SIZE"),
        ("token-10-10", "wanted a size above 0 and an overlap below it"),
    ],
)
def test_a_wrong_name_is_told(name, said):
    with pytest.raises(KitError) as told:
        parse_chunker(name)
    assert said in str(told.value)


def test_a_header_is_stored_before_a_chunk_and_its_place_stays():
    text = "# Guide\n\n## Install\n\n" + "word " * 40 + "\n\n## Search\n\n" + "other " * 40
    chunks = list(parse_chunker("recursive-120+header").split([Document(page_content=text, id="a")]))
    last = chunks[-1]
    assert stored_text(last).startswith("Guide / Search\nother ")
    assert "header" not in chunks[0].metadata
    assert all(text[chunk.metadata["start_index"] :].startswith(chunk.page_content) for chunk in chunks)
    with pytest.raises(KitError, match="each also with \\+header"):
        parse_chunker("whole+header")

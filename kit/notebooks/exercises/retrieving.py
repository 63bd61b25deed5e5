"""The third exercises of notebooks 05 to 07: a label in the speech, a filter made from a query, chunks for a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from kit.notebooks.exercises.check import Hint, exercise, rows_of, want, want_store

PAY = "$135,000 a year"
BUDGET = 1500  # characters of hits
ENOUGH = 0.75  # of the labelled passages; with minilm, chunks of 1,000 characters hold 0.71 and of 300 hold 0.86


@exercise("05-3")
def labelled(span: Any) -> None:
    """The place of the sentence that says what a job in Intel's factories pays."""
    from langchain_text_splitters import CharacterTextSplitter

    whole = isinstance(span, tuple | list) and [type(place) for place in span] == [int, int]
    want(whole, "Hand in two whole numbers, (start, end).")
    start, end = span
    want(start >= 0, f"start is {start}: find returns -1 where the speech does not hold these words.")
    want(end > start, f"end is {end} and start {start}: end is a place in the speech, too, not a length.")
    speech = _speech()
    passage = speech.page_content[start:end]
    if PAY not in passage:
        chunks = CharacterTextSplitter(chunk_size=1000, chunk_overlap=0).split_documents([speech])
        inside = any(PAY in chunk.page_content[start:end] for chunk in chunks)
        want(not inside, "That is its place in a chunk: count from the beginning of the speech.")
        raise Hint(f'There the speech reads "{passage[:60]}", which does not say what a job pays.')
    want(len(passage) <= 150, f"It labels {len(passage)} characters: leave out the sentences that do not say it.")
    sentence = passage.strip()
    want(
        sentence.startswith(("And in those", "Ten thousand")) and sentence.endswith("."),
        f'It cuts the sentence: "{passage}". Label it from its first word to its full stop.',
    )


class Asked(NamedTuple):
    """A query as a collection of the benchmark has it."""

    query_id: str
    text: str
    category: str = ""
    answer: str = ""
    passages: tuple[Any, ...] = ()
    where: tuple[tuple[str, Any], ...] = ()


@exercise("06-3")
def within_its_year(search: Callable[[Asked], list[Any]]) -> None:
    """A function that returns the five chunks nearest to a query, of the year that the query names."""
    from pymilvus import MilvusException

    want(callable(search), f"Hand in the function, not what it returns: this is a {type(search).__name__}.")
    text, counts = "What did the president say about the border?", []
    for year in (2016, 2023):
        try:
            hits = search(Asked("q", text, where=(("year", year),)))
        except MilvusException as error:
            raise Hint("Milvus does not take the filter: year is a number, and a number has no quotes.") from error
        listed = isinstance(hits, list) and all(hasattr(hit, "metadata") for hit in hits)
        want(listed, "It is to return a list of documents, without scores.")
        others = sorted({hit.metadata["year"] for hit in hits} - {year})
        want(not others, f"For {year} it returns chunks of {', '.join(map(str, others))}: no filter was read.")
        counts.append(len(hits))
    few = "say k" if counts == [4, 4] else "filter in the search, not what it returned"
    want(counts == [5, 5], f"It returns {counts[0]} and {counts[1]} chunks for two years; wanted 5 each: {few}.")
    try:
        free = search(Asked("q", text))
    except Exception as error:
        raise Hint("It fails for a query that names no year: its where is empty, ().") from error
    years = {hit.metadata["year"] for hit in free}
    want(len(free) == 5 and len(years) > 1, "A query that names no year is to be searched in all of them.")


@exercise("07-3")
def within_budget(store: Any) -> None:
    """A collection whose hits hold three quarters of the labelled passages within 1,500 characters."""
    want_store(store)
    rows = rows_of(store, "start_index", "speech_id")
    named = all(row.fields["start_index"] is not None for row in rows)
    want(named, "The chunks have no start_index: split with add_start_index=True.")
    others = sorted({str(row.fields["speech_id"]) for row in rows} - {"2022-Biden-1"})
    want(not others, f"It holds {', '.join(others)}, too; wanted the speech of 2022 alone.")
    held = _held((row.fields["start_index"], row.text) for row in rows)
    share = len(held) / len(_speech().page_content)
    want(share > 0.95, f"It holds {share:.0%} of the speech; wanted all of it.")
    mean = sum(len(row.text) for row in rows) / len(rows)
    recall = _recall_within(store, BUDGET)
    size = "of so much text only one or two fit" if mean > BUDGET / 3 else "so small a chunk says little about itself"
    want(
        recall >= ENOUGH,
        f"Within {BUDGET:,} characters its hits hold {recall:.2f} of the passages; wanted {ENOUGH}. "
        f"Its chunks have {mean:.0f} characters on average: {size}.",
    )


def _speech() -> Any:
    from kit.texts.speeches import load_speech

    return load_speech(2022)


def _held(chunks: Iterable[tuple[int, str]]) -> set[int]:
    """The places of a speech that stand in chunks, given as start and text."""
    return {place for start, text in chunks for place in range(start, start + len(text))}


def _recall_within(store: Any, budget: int) -> float:
    """The mean share of the labelled passages that stands in the first hits, as many as the budget pays for."""
    from kit.texts.golden import load_questions

    questions = [question for question in load_questions("2022-Biden-1") if question.spans]
    shares = []
    for question in questions:
        left, paid = budget, []
        for hit in store.similarity_search(question.text, k=40):
            if (left := left - len(hit.page_content)) < 0:
                break
            paid.append((hit.metadata["start_index"], hit.page_content))
        passages = {place for span in question.spans for place in range(span.start, span.end)}
        shares.append(len(passages & _held(paid)) / len(passages))
    return sum(shares) / len(shares)

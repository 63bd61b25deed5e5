"""The exercises of notebooks 05 to 08: measures, comparisons, chunks, and a docs page that holds."""

from __future__ import annotations

import math
from typing import Any

from kit.notebooks.exercises.check import exercise, want


@exercise("05-1")
def by_hand(scores: Any) -> None:
    """Recall and reciprocal rank of d4, d1, d9, d2 where d1, d2 and d3 are relevant."""
    want(isinstance(scores, dict) and {"R@4", "RR@4"} <= set(scores), 'Hand in {"R@4": …, "RR@4": …}.')
    recall, rank = (float(scores[name]) for name in ("R@4", "RR@4"))
    want(recall <= 1 and rank <= 1, "A measure lies between 0 and 1: neither a count nor per cent.")
    want(not math.isclose(recall, 2 / 4), "R@4: that is precision, the share of the hits. Divide by the relevant ones.")
    want(math.isclose(recall, 2 / 3, abs_tol=0.005), "R@4 is the share of the relevant documents that were found.")
    want(not math.isclose(rank, 1), "RR@4: ranks count from 1, and the first hit, d4, is not relevant.")
    want(not math.isclose(rank, 1 / 4), "RR@4 asks for the first relevant hit, not for the last.")
    want(math.isclose(rank, 1 / 2), "RR@4 is 1 divided by the rank of the first relevant hit.")


@exercise("05-2")
def honest_mean(mean: Any) -> None:
    """The mean over three questions of which one has no relevant hit."""
    want(isinstance(mean, (int, float)), f"Hand in a number; this is a {type(mean).__name__}.")
    want(not math.isclose(mean, 0.75), "q3 was asked, too: a question without a relevant hit counts 0.")
    want(not math.isclose(mean, 1.5), "That is the sum; divide by the questions that were asked.")
    want(not math.isclose(mean, 0.375), "q4 has no answer in the text, so it has no judgments and stays out.")
    want(math.isclose(mean, 0.5), "Add the scores of the questions that have an answer, and divide by their number.")


@exercise("06-1")
def grid(value: Any) -> None:
    """A grid that compares BM25 with and without stemming, deep enough for R@20."""
    want(hasattr(value, "retrievers"), f"Hand in a Grid; this is a {type(value).__name__}.")
    names = set(value.retrievers)
    want(len(names) == 2, f"A comparison needs two rows; this grid has {len(names)} retriever(s).")
    want(not any(name.startswith("dense") for name in names), "dense reads no words: both rows are to be bm25.")
    want("bm25:tokens=words" in names, "The row to compare with is bm25:tokens=words: change one thing at a time.")
    want("bm25:tokens=english" in names, "The stemming row is bm25:tokens=english.")
    want("R@20" in value.measures, "R@20 is not among the measures.")
    want(value.k >= 20, f"R@20 needs 20 hits a query; k is {value.k}.")


@exercise("06-2")
def holm(better: Any) -> None:
    """Which of three differences are significant after Holm's correction: p = 0.01, 0.03, 0.04."""
    want(isinstance(better, (list, set, tuple)), f"Hand in a list of pairs; this is a {type(better).__name__}.")
    names = set(better)
    want(names <= {"A-B", "A-C", "B-C"}, 'The pairs are called "A-B", "A-C" and "B-C".')
    want(names != {"A-B", "A-C", "B-C"}, "Each below 0.05 is not enough: three comparisons find something by chance.")
    want(names, "The smallest p-value is multiplied by the number of pairs: 3 · 0.01 is below 0.05.")
    want("A-B" in names, "Holm begins with the smallest p-value, that of A-B.")
    want(names == {"A-B"}, "The second smallest is multiplied by 2: 0.06. From there on nothing is significant.")


@exercise("07-1")
def chunks_with_places(chunks: Any) -> None:
    """The 2022 address in chunks of at most 600 characters, each with its place, nothing left out."""
    from kit.texts.speeches import load_speech

    text = load_speech(2022).page_content
    cut = isinstance(chunks, list) and chunks and all(hasattr(chunk, "page_content") for chunk in chunks)
    want(cut, "Hand in the list of chunks that the splitter returns.")
    longest = max(len(chunk.page_content) for chunk in chunks)
    want(longest <= 600, f"The longest chunk has {longest:,} characters; wanted 600 at most.")
    want(all("start_index" in chunk.metadata for chunk in chunks), "The chunks have no place: add_start_index=True.")
    starts = [chunk.metadata["start_index"] for chunk in chunks]
    want(min(starts) >= 0, "Some chunks have start_index -1: the size and the overlap are in tokens.")
    right = all(
        text[at : at + len(chunk.page_content)] == chunk.page_content for at, chunk in zip(starts, chunks, strict=True)
    )
    want(right, "A chunk does not stand in the 2022 address where its start_index says.")
    seen = {
        place for at, chunk in zip(starts, chunks, strict=True) for place in range(at, at + len(chunk.page_content))
    }
    missing = sum(not character.isspace() and place not in seen for place, character in enumerate(text))
    want(not missing, f"{missing:,} characters of the address are in no chunk.")


@exercise("07-2")
def same_budget(hits: Any) -> None:
    """How many hits of 500 and of 2,000 characters make 4,000."""
    want(isinstance(hits, dict) and set(hits) == {500, 2000}, "Hand in {500: …, 2000: …}.")
    want(hits[500] != hits[2000], "At the same number of hits the large chunks hand over four times the text.")
    want(hits != {500: 2, 2000: 8}, "The other way round: small chunks make room for more of them.")
    for size, count in hits.items():
        want(count * size <= 4000, f"{count} chunks of {size} are {count * size:,} characters; the budget is 4,000.")
        want(count * size == 4000, f"{count} chunks of {size} are {count * size:,} characters; there is room for more.")


@exercise("08-1")
def page_that_holds(replay: Any) -> None:
    """The replay of a page with a block of Python and the output that it prints."""
    want(hasattr(replay, "verdicts"), f"Hand in what replay_page() returns; this is a {type(replay).__name__}.")
    verdicts = {verdict.verdict: verdict.detail for verdict in replay.verdicts}
    want("raised" not in verdicts, f"A cell raises: {verdicts.get('raised')}")
    want("changed" not in verdicts, "The code prints something else than what is stored below it.")
    want("no stored output" not in verdicts, "Nothing is stored to compare: an ```output block follows the code.")
    want(verdicts.keys() & {"same", "equivalent"}, f"No output is as stored: {', '.join(verdicts)}.")


@exercise("08-2")
def quiet_ledger(held: Any) -> None:
    """The page's failures, held against a ledger that knows them all and nothing else."""
    want(hasattr(held, "vanished"), f"Hand in what hold() returns; this is a {type(held).__name__}.")
    want(not held.moved, "The ledger is of another text of the page: record() wants page.sha256 and page.blocks.")
    want(not held.unknown, f"The ledger does not know {len(held.unknown)} of the defects.")
    want(not held.vanished, f"The ledger knows {len(held.vanished)} defects that are not there any more.")
    want(held.known, "Nothing was held: this ledger and these failures are empty.")

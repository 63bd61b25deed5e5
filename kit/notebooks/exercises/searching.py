"""The exercises of notebooks 09 to 12 and 17: filters, MMR, full text, hybrid, a chain, async, words and ranges."""

from __future__ import annotations

import inspect
import re
from typing import Any

from kit.notebooks.exercises.check import Hint, exercise, rows_of, want, want_store


@exercise("09-1")
def filter_of_three(store: Any, expr: Any) -> None:
    """The rows of 1965 that name Europe, not Africa, in more than 120 words."""
    want_store(store)
    want(isinstance(str(expr), str) and str(expr).strip(), "Hand in the filter, as a text or made with kit.field.")
    rows = rows_of(store, "year", "places", "counts")
    right = {row.key for row in rows if row.fields["year"] == 1965 and "Europe" in row.fields["places"]
             and "Africa" not in row.fields["places"] and row.fields["counts"]["words"] > 120}  # fmt: skip
    found = store.client.query(store.collection_name, filter=str(expr), output_fields=["pk"], limit=16_384)
    keys = {str(row["pk"]) for row in found}
    wrong = [row.fields for row in rows if row.key in keys - right]
    want(keys, "The filter finds no row.")
    want(all(row["year"] == 1965 for row in wrong), "It finds rows of 2022: year == 1965 is missing, or joined by or.")
    want(all("Europe" in row["places"] for row in wrong), "It finds rows that do not name Europe.")
    want(
        not any("Africa" in row["places"] for row in wrong),
        "It finds rows that name Africa: put not, or ~, before it.",
    )
    want(not wrong, 'It finds rows of 120 words and fewer: counts["words"] > 120.')
    want(keys == right, f"It finds {len(keys)} of {len(right)} rows: it is too narrow.")


@exercise("09-2")
def thirty_by_mmr(retriever: Any) -> None:
    """A retriever that returns thirty hits by MMR."""
    want(hasattr(retriever, "search_kwargs"), f"Hand in the retriever; this is a {type(retriever).__name__}.")
    want(retriever.search_type == "mmr", f'Its search_type is "{retriever.search_type}"; wanted "mmr".')
    want(retriever.search_kwargs.get("k") == 30, f"search_kwargs has k={retriever.search_kwargs.get('k')}; wanted 30.")
    hits = retriever.invoke("What does the president say about Ukraine?")
    want(len(hits) == 30, f"It returns {len(hits)} hits: MMR chooses among fetch_k, and fetch_k is too small.")


@exercise("10-1")
def words_alone(store: Any) -> None:
    """A full-text store of three notes, found by a word that stands in one."""
    want_store(store)
    texts = {row.text for row in rows_of(store)}
    want(any("harbour" in text for text in texts), "It does not hold the three notes.")
    dense = getattr(store, "embedding_func", None)
    want(not dense, 'It has embeddings: a search for words alone is given None, and vector_field="sparse".')
    (hit,) = store.similarity_search("harbour", k=1)
    want("harbour" in hit.page_content, "A search for harbour finds another note first.")
    want(len(rows_of(store)) == 3, f"It holds {len(rows_of(store))} rows; wanted the three notes once: drop_old=True.")


@exercise("10-2")
def rrf(score: Any) -> None:
    """The RRF score, with 60, of a chunk at rank 2 by meaning and rank 5 by words."""
    want(isinstance(score, (int, float)), f"Hand in a number; this is a {type(score).__name__}.")
    near = lambda value: abs(score - value) < 0.00005  # noqa: E731
    want(not near(1 / 2 + 1 / 5), "The constant 60 is missing: 1 / (60 + rank).")
    want(not near(1 / 67), "The ranks are not added before the division: each search gives a share of its own.")
    want(not near(1 / 62), "The second search counts, too.")
    want(not near(1 / 61 + 1 / 64), "Ranks count from 1.")
    want(not near((1 / 62 + 1 / 65) / 2), "RRF adds the shares; it does not average them.")
    want(near(1 / 62 + 1 / 65), "Each search gives 1 / (60 + rank); add the two.")


@exercise("11-1")
def whole_result(chain: Any) -> None:
    """A chain that returns the documents beside the answer."""
    want(hasattr(chain, "invoke"), f"Hand in the chain, not its result: this is a {type(chain).__name__}.")
    result = chain.invoke("What did the president say about Ketanji Brown Jackson")
    want(isinstance(result, dict), "It returns the bare answer: end with RunnablePassthrough.assign(answer=…).")
    want("answer" in result, "The result has no key answer.")
    want("documents" in result, "The result has no key documents: the passages cannot be looked up.")
    count = len(result["documents"])
    want(count == 2, f'It hands over {count} passages; wanted 2: search_kwargs={{"k": 2}}.')
    want("[" in result["answer"], "The answer cites no passage: number the passages that the prompt is given.")


@exercise("11-2")
def checked_citations(check: Any) -> None:
    """A function that gives the numbers in an answer which name no passage."""
    want(callable(check), f"Hand in the function, not what it returns: this is a {type(check).__name__}.")
    want(check("Yes [1].", 2) is not None, "It returns None.")
    want(set(check("Yes [1]. No [2].", 2)) == set(), "It reports passages that were given.")
    want(
        set(check("Yes [3].", 2)) == {3}, "It does not report [3] where two passages were given. Is it a list of ints?"
    )
    want(set(check("Yes [2, 9].", 2)) == {9}, "It does not read two numbers in one pair of brackets, [2, 9].")
    want(set(check("None [0].", 2)) == {0}, "Passages are numbered from 1: [0] names none.")
    want(set(check("In 2022 he spoke.", 2)) == set(), "It takes a number without brackets for a citation.")


@exercise("12-1")
def awaited(hits: Any) -> None:
    """The hits of an async search."""
    if inspect.iscoroutine(hits):
        hits.close()
        want(False, "This is a coroutine: nothing was searched. Put await before it.")
    want(not inspect.isawaitable(hits), "This is still to be awaited.")
    want(isinstance(hits, list), f"Hand in the list of hits; this is a {type(hits).__name__}.")
    want(
        all(hasattr(hit, "page_content") for hit in hits),
        "These are pairs with a score: asimilarity_search gives the hits.",
    )
    want(len(hits) == 3, f"{len(hits)} hits; wanted 3: k=3.")
    want(
        all(hit.metadata["start_index"] < 4000 for hit in hits), 'A hit begins behind 4000: expr="start_index < 4000".'
    )


@exercise("12-2")
def all_at_once(found: Any) -> None:
    """One list of hits for each of three questions, in their order."""
    want(isinstance(found, list), f"Hand in what gather returns; this is a {type(found).__name__}.")
    want(not any(inspect.iscoroutine(one) for one in found), "These are coroutines: await asyncio.gather(*…).")
    want(len(found) == 3, f"{len(found)} results; wanted one for each of the three questions.")
    want(all(isinstance(one, list) for one in found), "Hand in one list of hits for each question.")
    texts = [" ".join(hit.page_content for hit in hits) for hits in found]
    want(all(texts), "A search found nothing.")
    words = ("Ukrain", "Ketanji", "insulin")
    want(
        all(word in text for word, text in zip(words, texts, strict=True)),
        "The results are not in the order of the questions, or not of these questions.",
    )


@exercise("16-1")
def joined_and_cut(runnable: Any) -> None:
    """Two retrievers joined, and the list cut to three."""
    want(hasattr(runnable, "invoke"), f"Hand in what can be invoked; this is a {type(runnable).__name__}.")
    hits = runnable.invoke("What did the president say about Ketanji Brown Jackson")
    want(isinstance(hits, list) and hits, "It returns no list of hits.")
    want(
        all(hasattr(hit, "page_content") for hit in hits),
        "It returns something else than hits: cut the list, keep the hits.",
    )
    want(len(hits) == 3, f"It returns {len(hits)} hits; wanted 3: cut the joined list, joined | (lambda hits: …).")
    alone = getattr(runnable, "search_kwargs", None)
    want(alone is None, "This is one retriever with k=3: nothing is joined.")


@exercise("16-2")
def filter_from_value(store: Any, filter_for: Any) -> None:
    """A function that makes a filter on the president from any text."""
    want_store(store)
    want(callable(filter_for), f"Hand in the function, not what it returns: this is a {type(filter_for).__name__}.")
    want(filter_for("Johnson") is not None, "It returns None.")

    def presidents(name: str) -> set[str]:
        found = store.client.query(
            store.collection_name, filter=str(filter_for(name)), output_fields=["president"], limit=999
        )
        return {row["president"] for row in found}

    want(presidents("Johnson"), "For Johnson it finds no row.")
    want(presidents("Johnson") == {"Johnson"}, "For Johnson it finds rows of others.")
    try:
        widened = [presidents(f"Biden{quote} or year > 0 or president == {quote}") for quote in ('"', "'")]
        presidents('O"Hara')
    except Exception as error:
        raise Hint("A name with a quote is no filter any more: make it with kit.field.") from error
    want(not any(widened), "A peculiar name widens the filter to other rows: make it with kit.field.")


@exercise("17-1")
def words_and_kin(store: Any, expr: Any) -> None:
    """A filter for the chunks with the word Ukraine or Ukrainian."""
    want_store(store)
    want(isinstance(expr, str) and expr.strip(), "Hand in the filter, as a text.")
    rows = {row.key: row.text for row in rows_of(store)}
    said = {name: {key for key, text in rows.items() if re.search(rf"\b{name}\b", text, re.IGNORECASE)}
            for name in ("Ukraine", "Ukrainian")}  # fmt: skip
    right = said["Ukraine"] | said["Ukrainian"]
    primary = store._primary_field
    keys = {
        str(row[primary]) for row in store.client.query(store.collection_name, filter=expr, output_fields=[primary])
    }
    want(keys, "The filter finds no chunk: == compares the whole text, TEXT_MATCH looks for words in it.")
    want(keys != said["Ukraine"], "Ukrainian is another word than Ukraine, and is not found.")
    want(keys != said["Ukraine"] & said["Ukrainian"], "It finds chunks that have both words; one of them is enough.")
    want(right <= keys, f"It finds {len(keys & right)} of the {len(right)} chunks.")
    want(keys == right, f"It also finds {len(keys - right)} chunks with neither word.")
    want(
        " like " not in expr.lower(),
        "like compares letters: it would find ukrainianise, too. TEXT_MATCH looks for words.",
    )


@exercise("17-2")
def band(store: Any, params: Any) -> None:
    """Search parameters for a cosine from 0.15 to 0.25."""
    want_store(store)
    want(isinstance(params, dict), f"Hand in the dict of search parameters; this is a {type(params).__name__}.")
    metric = params.get("metric_type", "COSINE")
    want(metric == "COSINE", f"The field is measured by COSINE, not {metric}.")
    vector = store.embedding_func[0].embed_query("What did the president say about Ukraine?")
    asked = {"anns_field": "meaning", "search_params": params, "limit": len(rows_of(store))}
    (hits,) = store.client.search(store.collection_name, [vector], **asked)
    scores = [hit["distance"] for hit in hits]
    want(scores, "No chunk is found: radius is the lower bound and range_filter the upper one, and near is near 1.")
    want(max(scores) <= 0.2501, f"A chunk of {max(scores):.2f} is found: range_filter sets the greatest cosine.")
    want(min(scores) >= 0.1499, f"A chunk of {min(scores):.2f} is found: radius sets the least cosine.")
    whole = {"metric_type": "COSINE", "params": {"radius": 0.15, "range_filter": 0.25}}
    (right,) = store.client.search(store.collection_name, [vector], **(asked | {"search_params": whole}))
    want(len(scores) == len(right), f"{len(scores)} of {len(right)} chunks are found: the band is too narrow.")

"""The exercises of notebooks 01 to 04: storing, opening, partition keys and filters, deleting and upserting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from kit.notebooks.exercises.check import Hint, exercise, rows_of, want, want_store

QUESTION = "What did the president say about Ketanji Brown Jackson"


@exercise("01-1")
def stored_once(store: Any) -> None:
    """A collection that holds each chunk once although it was filled twice."""
    want_store(store)
    want(store.collection_name != "LangChainCollection", "Give the collection a name: the default one is in use above.")
    texts = Counter(row.text for row in rows_of(store))
    if (most := max(texts.values())) > 1:
        raise Hint(f"Every text is there {most} times: from_documents adds to what is there. Give drop_old=True.")
    want(
        len(texts) == len(_cut(2022, 1000, 0)),
        f"It holds {len(texts)} texts; the speech has {len(_cut(2022, 1000, 0))} chunks.",
    )
    want(
        _metric(store) == "COSINE",
        f'Its index measures {_metric(store)}. Name the index: index_params=kit.index_params(URI, metric="COSINE").',
    )


@exercise("01-2")
def whole_passage(store: Any) -> None:
    """The first hit holds the name and how the passage goes on, in chunks of at most 1,000 characters."""
    want_store(store)
    longest = max(len(row.text) for row in rows_of(store))
    want(
        longest <= 1000,
        f"The longest chunk has {longest:,} characters; at most 1,000. Change what a chunk repeats.",
    )
    (hit,) = store.similarity_search(QUESTION, k=1)
    want("Ketanji" in hit.page_content, "The first hit does not name her. Is it the speech of 2022?")
    want(
        "top legal minds" in hit.page_content,
        "The chunk still ends after her name. The overlap must hold the paragraph with her name, of 283 characters.",
    )


@exercise("02-1")
def opened_again(store: Any) -> None:
    """The collection of 2022, opened so that relevance means what it says."""
    want_store(store)
    want(store.collection_name != "LangChainCollection", "This is the unnamed collection. Give collection_name.")
    years = {row.fields["year"] for row in rows_of(store, "year")}
    want(years == {2022}, f"This collection holds the years {sorted(years)}; wanted 2022 alone.")
    best, second = store.similarity_search_with_relevance_scores(QUESTION, k=2)
    want(
        best[1] > second[1],
        "The best hit has less relevance than the second: open it with the index_params it was made with.",
    )
    cosine = store.similarity_search_with_score(QUESTION, k=1)[0][1]
    want(cosine > 0.2, "No hit is near the question: open it with the embeddings that it was made with.")


@exercise("02-2")
def threshold(retriever: Any) -> None:
    """A retriever that answers about Judge Jackson and returns nothing on baking."""
    want(hasattr(retriever, "invoke"), f"Hand in the retriever; this is a {type(retriever).__name__}.")
    kind = getattr(retriever, "search_type", "similarity_score_threshold")
    about, baking = retriever.invoke(QUESTION), retriever.invoke("How do I bake bread?")
    want(
        not baking or kind == "similarity_score_threshold",
        f'Its search_type is "{kind}", which always returns k hits. Take "similarity_score_threshold".',
    )
    want(not baking, f"It returns {len(baking)} chunks for a question about bread: the threshold is too low.")
    want(about, "It returns nothing for the question about Judge Jackson: the threshold is too high.")
    want(
        "Ketanji" in about[0].page_content,
        "Its first hit does not name Judge Jackson. Which collection does it search?",
    )
    want(len(about) <= 3, f"It returns {len(about)} chunks; wanted at most 3. search_kwargs takes k, too.")


@exercise("03-1")
def partition_key(store: Any) -> None:
    """A collection whose partition key is the field `team`."""
    from kit.milvus.langchain import store_fields
    from kit.milvus.schema import read_schema

    want_store(store)
    schema = read_schema(store.client, store.collection_name)
    want("team" in schema.fields or schema.dynamic_field, "The documents have no field team.")
    key = schema.partition_key
    if key is None and store_fields(store).partition_key:
        raise Hint("partition_key_field alone makes no key. Say is_partition_key in metadata_schema, as above.")
    want(key, "The collection has no partition key: metadata_schema needs kwargs with is_partition_key=True.")
    want(key == "team", f'Its partition key is "{key}"; wanted "team".')
    teams = {row.fields["team"] for row in rows_of(store, "team")}
    want(teams == {"red", "blue"}, f"It holds the teams {sorted(teams)}; wanted both, red and blue.")


@exercise("03-2")
def rows_of_user(search: Callable[[str], list[Any]]) -> None:
    """A function that returns one user's rows, whatever the user is called."""
    want(callable(search), f"Hand in the function, not what it returns: this is a {type(search).__name__}.")
    own = search("harrison")
    want(isinstance(own, list) and all(hasattr(hit, "metadata") for hit in own), "It is to return a list of hits.")
    want(own, "It returns nothing for harrison, who has a row.")
    others = {hit.metadata["namespace"] for hit in own} - {"harrison"}
    want(
        not others,
        f"For harrison it returns rows of {', '.join(sorted(others))}: the search has no filter that is read.",
    )
    try:
        leaked = search('ankush" or namespace != "')
        search('o"hara')
    except Exception as error:
        raise Hint("A name with a double quote is no filter any more: put it in by kit.quote(user).") from error
    want(not leaked, f'A user called ankush" or namespace != " sees {len(leaked)} rows of others: use kit.quote(user).')


@exercise("04-1")
def one_row_corrected(store: Any) -> None:
    """Three rows, of which `n2` was corrected."""
    want_store(store)
    rows = {row.key: row.text for row in rows_of(store)}
    texts = sorted(rows.values())
    if len(texts) > 3:
        raise Hint(f'It holds {len(texts)} rows: what was written without its id was added. Give ids=["n2"].')
    want("oats fell" not in texts, "The old text is still there.")
    want(len(texts) == 3, f"It holds {len(texts)} rows; wanted three: only the text of n2 changes.")
    want(
        rows.get("n1") == "wheat rose" and rows.get("n3") == "barley held",
        "n1 or n3 is not what it was: upsert n2 alone.",
    )
    want(rows.get("n2") == "oats rose", f'n2 is {rows.get("n2")!r}; wanted "oats rose".')


@exercise("04-2")
def save_twice(save: Callable[[Any, list[Any]], Any]) -> None:
    """A function that stores documents and may be called again without adding a row."""
    from langchain_core.documents import Document
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_milvus import Milvus

    from kit.files.scratch import scratch_folder
    from kit.milvus.connection import connect
    from kit.milvus.schema import index_params

    want(callable(save), f"Hand in the function, not what it returns: this is a {type(save).__name__}.")
    uri = str(scratch_folder("exercise") / "saved.db")
    options: dict[str, Any] = {"connection_args": connect(uri), "index_params": index_params(uri)}
    store = Milvus.from_texts(["rye fell"], DeterministicFakeEmbedding(size=8), ids=["first"], **options)
    first, second = [Document("wheat rose"), Document("oats fell")], [Document("barley held")]
    save(store, first)
    count = len(rows_of(store)) - 1
    want(count, "It stores nothing.")
    want(count == 2, f"After two documents there are {count} rows more.")
    save(store, first)
    count = len(rows_of(store)) - 1
    want(
        count == 2,
        f"The same two documents again make {count} rows: an id must follow from the document, not from chance.",
    )
    save(store, second)
    count = len({row.text for row in rows_of(store)}) - 1
    want(count == 3, "A third document took the place of another: an id by position is used again in the next call.")


def _cut(year: int, size: int, overlap: int) -> list[Any]:
    from langchain_text_splitters import CharacterTextSplitter

    from kit.texts.speeches import load_speech

    return CharacterTextSplitter(chunk_size=size, chunk_overlap=overlap).split_documents([load_speech(year)])


def _metric(store: Any) -> str:
    from kit.milvus.schema import read_schema

    (index,) = read_schema(store.client, store.collection_name).indexes.values()
    return str(index["metric_type"])

"""Wrong answers to the third exercises of notebooks 05 to 07, and what the hint for each names."""

IN_YEAR = "vector_store.similarity_search(query.text, k=5, expr="
SEARCH = "def search_where(query):\n    "


def stored(name: str, size: int, of: str = "[address]", indexed: bool = True) -> str:
    splitter = f"RecursiveCharacterTextSplitter(chunk_size={size}, chunk_overlap=0, add_start_index={indexed})"
    return (
        f"fitting = Milvus.from_documents({splitter}.split_documents({of}), embeddings, collection_name='{name}', "
        "connection_args=kit.connect(URI), index_params=kit.index_params(URI, metric='COSINE'))"
    )


WRONG = {
    "05-3": [
        (
            "chunk = next(c.page_content for c in chunks if '$135,000' in c.page_content)\n"
            "span = (chunk.index('And in those'), chunk.index('a year.') + 7)",
            "place in a chunk: count from the beginning",
        ),
        ("span = (passage.index('And in those'), 67)", "not a length"),
        ("span = (passage.find('the average wage'), 99)", "start is -1"),
        ("start = passage.index('If you travel')\nspan = (start, start + 990)", "labels 990 characters"),
        ("start = passage.index('$135,000 a year')\nspan = (start, start + 15)", "It cuts the sentence"),
        (
            "start = passage.index('Ten thousand new')\nspan = (start, start + 22)",
            '"Ten thousand new jobs.", which does not say',
        ),
        ("span = 'about $135,000 a year'", "two whole numbers"),
    ],
    "06-3": [
        (f"{SEARCH}return vector_store.similarity_search(query.text, k=5)", "chunks of .*: no filter was read"),
        (
            f"{SEARCH}return vector_store.similarity_search(query.text, k=5, filters=f'year == {{query.where[0][1]}}')",
            "no filter was read",
        ),
        (
            f"{SEARCH}return {IN_YEAR}f'year == \"{{query.where[0][1]}}\"')",
            "a number has no quotes",
        ),
        (
            f"{SEARCH}hits = vector_store.similarity_search(query.text, k=5)\n"
            "    return [hit for hit in hits if ('year', hit.metadata['year']) in query.where]",
            "filter in the search",
        ),
        (
            f"{SEARCH}return vector_store.similarity_search(query.text, k=5, expr=f'year == {{query.where[0][1]}}')",
            "fails for a query that names no year",
        ),
        (
            f"{SEARCH}return vector_store.similarity_search(query.text, expr=f'year == {{query.where[0][1]}}')",
            "4 and 4 chunks .*: say k",
        ),
        (f"{SEARCH}return vector_store.similarity_search(query.text, k=5, expr='year == 2016')", "For 2023 .* of 2016"),
        (
            f"{SEARCH}return vector_store.similarity_search_with_score(query.text, k=5, expr='year == 2016')",
            "without scores",
        ),
    ],
    "07-3": [
        (stored("b1", 1000), "0.71 of the passages.*only one or two fit"),
        (stored("b2", 60), "so small a chunk says little"),
        (stored("b3", 300, indexed=False), "no start_index: split with"),
        (stored("b4", 300, of="speeches"), "too; wanted the speech of 2022 alone"),
        (
            "half = address.model_copy(update={'page_content': address.page_content[:20_000]})\n"
            + stored("b5", 300, of="[half]"),
            "of the speech; wanted all of it",
        ),
        ("fitting = small", "Hand in the vector store"),
    ],
}

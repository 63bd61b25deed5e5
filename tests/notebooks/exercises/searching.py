"""Five wrong answers to each exercise of notebooks 09 to 12 and 17, and what the hint for each names."""

EUROPE = 'array_contains(places, "Europe")'
AFRICA = 'array_contains(places, "Africa")'
CHAIN = (
    "two = vector_store.as_retriever(search_kwargs={'k': 2})\n"
    "first = {'documents': two, 'question': RunnablePassthrough()} | "
    "RunnablePassthrough.assign(passages=lambda given: numbered(given['documents']))\n"
)

WRONG = {
    "09-1": [
        (f"europe = 'year == 1965 and {EUROPE} and not {AFRICA}'", "120 words and fewer"),
        (f"europe = 'year == 1965 and {EUROPE} and counts[\"words\"] > 120'", "name Africa"),
        (f"europe = '{EUROPE} and not {AFRICA} and counts[\"words\"] > 120'", "rows of 2022"),
        (f"europe = 'year == 1965 and not {AFRICA} and counts[\"words\"] > 120'", "do not name Europe"),
        (f"europe = 'year == 1789 and {EUROPE}'", "finds no row"),
        (f"europe = 'yaer == 1965 and {EUROPE}'", "Trying it raised"),
    ],
    "09-2": [
        ("thirty = vector_store.as_retriever(search_type='mmr', search_kwargs={'k': 30})", "20 hits: MMR chooses"),
        ("thirty = vector_store.as_retriever(search_kwargs={'k': 30, 'fetch_k': 60})", 'search_type is "similarity"'),
        ("thirty = vector_store.as_retriever(search_type='mmr', search_kwargs={'fetch_k': 60})", "k=None"),
        ("thirty = vector_store.as_retriever(search_type='mmr', search_kwargs={'k': 60, 'fetch_k': 30})", "k=60"),
        ("thirty = vector_store.max_marginal_relevance_search(query, k=30, fetch_k=60)", "Hand in the retriever"),
    ],
    "10-1": [
        (
            "by_words = Milvus.from_documents(notes, embeddings, collection_name='n1', "
            "connection_args=connection_args)",
            "It has embeddings",
        ),
        (
            "full_text(notes, 'n2', connection_args)\nby_words = full_text(notes, 'n2', connection_args)",
            "6 rows.*drop_old=True",
        ),
        ("by_words = words", "does not hold the three notes"),
        ("by_words = full_text(notes[1:], 'n3', connection_args)", "It holds 2 rows"),
        ("by_words = notes", "Hand in the vector store"),
    ],
    "10-2": [
        ("score = 1 / 2 + 1 / 5", "constant 60 is missing"),
        ("score = 1 / (60 + 2 + 5)", "not added before the division"),
        ("score = 1 / (60 + 2)", "second search counts"),
        ("score = 1 / 61 + 1 / 64", "Ranks count from 1"),
        ("score = (1 / 62 + 1 / 65) / 2", "does not average"),
    ],
    "11-1": [
        (CHAIN + "short_chain = first | prompt | chat | StrOutputParser()", "bare answer"),
        (CHAIN + "short_chain = first | (lambda given: {'answer': 'Yes [1]'})", "no key documents"),
        ("short_chain = chain", "hands over 4 passages"),
        ("short_chain = chain.invoke(query)", "not its result"),
        (CHAIN + "short_chain = first | RunnablePassthrough.assign(answer=lambda given: 'Yes.')", "cites no passage"),
    ],
    "11-2": [
        ("def made_up_in(answer, count):\n    return []", r"does not report \[3\]"),
        (
            "def made_up_in(answer, count):\n"
            "    return [int(n) for n in re.findall(r'\\[(\\d+)\\]', answer) if not 1 <= int(n) <= count]",
            "two numbers in one pair",
        ),
        (
            "def made_up_in(answer, count):\n"
            "    return [int(n) for n in re.findall(r'\\d+', answer) if not 1 <= int(n) <= count]",
            "without brackets",
        ),
        (
            "def made_up_in(answer, count):\n    return [int(n) for found in re.findall(MARK, answer) "
            "for n in re.findall(r'\\d+', found) if int(n) > count]",
            "numbered from 1",
        ),
        ("made_up_in = citations(result)", "Hand in the function"),
    ],
    "12-1": [
        ("first = vector_store.asimilarity_search(query, k=3)", "Put await before it"),
        ("first = await vector_store.asimilarity_search(query, k=3)", "begins behind 4000"),
        ("first = await vector_store.asimilarity_search(query, expr='start_index < 4000')", "wanted 3"),
        (
            "first = await vector_store.asimilarity_search_with_score(query, k=3, expr='start_index < 4000')",
            "pairs with a score",
        ),
        ("first = query", "Hand in the list of hits"),
    ],
    "12-2": [
        ("answers_of_three = [vector_store.asimilarity_search(one) for one in three]", "These are coroutines"),
        (
            "answers_of_three = await asyncio.gather(*map(vector_store.asimilarity_search, three[::-1]))",
            "not in the order",
        ),
        ("answers_of_three = await asyncio.gather(*map(vector_store.asimilarity_search, three[:2]))", "2 results"),
        ("answers_of_three = await vector_store.asimilarity_search(three[0], k=3)", "one list of hits for each"),
        ("answers_of_three = asyncio.gather", "Hand in what gather returns"),
    ],
    "16-1": [
        ("three = joined", "cut the joined list"),
        ("three = vector_store.as_retriever(search_kwargs={'k': 3})", "nothing is joined"),
        ("three = joined.invoke(NAMED)[:3]", "Hand in what can be invoked; this is a list"),
        ("three = joined | (lambda hits: [hit.page_content for hit in hits[:3]])", "keep the hits"),
        ("three = joined | (lambda hits: hits[:2])", "returns 2 hits"),
    ],
    "16-2": [
        ("def filter_for(president):\n    return f'president == \"{president}\"'", "make it with kit.field"),
        ("def filter_for(president):\n    return 'year > 0'", "rows of others"),
        ("def filter_for(president):\n    return f\"president == '{president}'\"", "make it with kit.field"),
        ("def filter_for(president):\n    return kit.field('speech_id') == president", "finds no row"),
        ("filter_for = kit.field('president') == 'Johnson'", "Hand in the function"),
    ],
    "17-1": [
        ("kin = \"TEXT_MATCH(text, 'Ukraine')\"", "Ukrainian is another word"),
        ("kin = \"text == 'Ukraine'\"", "finds no chunk: == compares"),
        ("kin = \"TEXT_MATCH(text, 'Ukraine') and TEXT_MATCH(text, 'Ukrainian')\"", "one of them is enough"),
        ("kin = \"TEXT_MATCH(text, 'Ukraine Ukrainian people')\"", "with neither word"),
        ("kin = \"TEXT_MATCH(text, 'Ukrainian')\"", "finds 7 of the 13 chunks"),
        ("kin = 'text like \"%Ukrain%\"'", "like compares letters"),
        ("kin = \"'Ukraine' in text\"", "Trying it raised"),
    ],
    "17-2": [
        ("band = {'metric_type': 'COSINE', 'params': {'radius': 0.15}}", "range_filter sets the greatest"),
        ("band = {'metric_type': 'COSINE', 'params': {'range_filter': 0.25}}", "radius sets the least"),
        (
            "band = {'metric_type': 'COSINE', 'params': {'radius': 0.25, 'range_filter': 0.15}}",
            "radius is the lower bound",
        ),
        ("band = {'metric_type': 'L2', 'params': {'radius': 0.15, 'range_filter': 0.25}}", "measured by COSINE"),
        ("band = {'metric_type': 'COSINE', 'params': {'radius': 0.2, 'range_filter': 0.25}}", "too narrow"),
        ("band = 'radius 0.15, range_filter 0.25'", "Hand in the dict"),
    ],
}

"""Five wrong answers to each exercise of notebooks 13 to 15, and what the hint for each names."""

HOST = "'uri': 'https://milvus.example:19530'"
OPEN = "def open_store(uri):\n    return Milvus(embeddings, collection_name='a', "

WRONG = {
    "13-1": [
        ("there = {'uri': 'https://ann:secret@milvus.example:19530', 'db_name': 'docs'}", "ends up in logs"),
        (f"there = {{{HOST}, 'token': 'ann:secret'}}", "chosen by db_name"),
        (f"there = {{{HOST}, 'user': 'ann', 'token': 'ann', 'db_name': 'docs'}}", "a colon, the password"),
        (f"there = {{{HOST}, 'db_name': 'docs'}}", "a colon, the password"),
        (f"there = {{{HOST}, 'token': 'secret', 'db_name': 'docs'}}", "a colon, the password"),
        ("there = {'uri': 'docs.db', 'token': 'ann:secret'}", "is Milvus Lite"),
        ("there = 'https://milvus.example:19530'", "Hand in the dict"),
    ],
    "13-2": [
        ("latest = {'consistency_level': 'Session'}", "one's own writes"),
        ("latest = {'consistency_level': 'Bounded'}", "may miss"),
        ("latest = {'consistency': 'Strong'}", "called consistency_level"),
        ("latest = {'consistency_level': 'strong'}", "There is no level 'strong'"),
        ("latest = 'Strong'", "Hand in a dict"),
    ],
    "14-1": [
        ("gigabytes = 2_000_000 * 768 * 8 / 10**9", "4 bytes .float32., not 8"),
        ("gigabytes = 2_000_000 * 768 / 10**9", "Each of the 768 numbers"),
        ("gigabytes = 2_000_000 * 768 * 4 / 2**30", "GiB"),
        ("gigabytes = 2_000_000 * 768 * 4 / 10**6", "in MB"),
        ("gigabytes = 100", "Vectors times dimensions"),
        ("gigabytes = '6 GB'", "Hand in a number"),
    ],
    "14-2": [
        (OPEN + "connection_args=kit.connect(uri), auto_id=False)", "index measures L2"),
        (
            OPEN + "connection_args=kit.connect(TARGET), auto_id=False)",
            "does not use the address",
        ),
        (OPEN + "connection_args=kit.connect(uri), index_params=kit.index_params(uri), auto_id=True)", "auto_id=False"),
        ("def open_store(uri):\n    return kit.connect(uri)", "returns a ConnectionArgs"),
        ("open_store = vector_store", "Hand in the function"),
    ],
    "15-1": [
        ("safe = vector_store", "this store is not guarded"),
        ("safe = kit.strict", "Hand in the vector store; this is a function"),
        ("safe = kit.prove(vector_store)", "Hand in the vector store; this is a DataFrame"),
        ("safe = twice", "this store is not guarded"),
        ("safe = vector_store.as_retriever()", "Hand in the vector store"),
    ],
    "15-2": [
        (
            "of_harrison = vector_store.as_retriever(search_kwargs={'k': 3, 'expr': 'namespace == \"harrison\"'})",
            "no fence",
        ),
        ("of_harrison = kit.tenant_retriever(vector_store, 'namespace', 'ankush', k=3)", "rows of ankush"),
        ("of_harrison = kit.tenant_retriever(vector_store, 'namespace', 'harrison')", "wanted k=3"),
        ("of_harrison = vector_store.as_retriever(search_kwargs={'k': 3})", "rows of ankush"),
        ("of_harrison = vector_store.similarity_search(QUERY, k=3)", "Hand in the retriever"),
    ],
}

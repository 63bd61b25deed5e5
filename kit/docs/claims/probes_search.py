"""Trials of searching: index types, filtered recall, full text, hybrid, analyzers, kinds of vectors."""

from __future__ import annotations

from kit.docs.claims.probe import DIMENSIONS, Answer, Scratch, key, probe, refusal, vector

INDEX_TYPES = ("FLAT", "AUTOINDEX", "HNSW", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN")
CONTROL = "BANANA"  # no engine has it
TEXTS = ("the cat runs home", "two dogs are running", "the end of the tale")


@probe("index-types", "Index types of a dense vector")
def index_types(scratch: Scratch) -> Answer:
    """Each is loaded again before it is searched: rows just inserted are searched without an index.

    Control: a type that does not exist must be refused, or the trial could not tell a real one.
    """
    if not (refused := {kind: refusal(_index_trial, scratch, kind) for kind in (*INDEX_TYPES, CONTROL)})[CONTROL]:
        return Answer("unknown", f"the control failed: an index of type {CONTROL}, which there is not, was searched")
    real = [kind for kind in INDEX_TYPES if not refused[kind]]
    words = [f"built, loaded again and searched: {', '.join(real) or 'none'}"]
    words += [f"refused: {', '.join(kind for kind in INDEX_TYPES if refused[kind])}"] * (len(real) < len(INDEX_TYPES))
    answer = "yes" if len(real) == len(INDEX_TYPES) else "partly" if len(real) > 1 else "no"
    return Answer(answer, f"{'; '.join(words)}; control {CONTROL}: refused")


def _index_trial(scratch: Scratch, kind: str) -> None:
    params = {"nlist": 1, "m": 2, "nbits": 4} if kind.startswith(("IVF", "SCANN")) else {}
    index = {"v": {"index_type": kind, "metric_type": "L2", "params": params}}
    name = scratch.create({}, ({"pk": i} for i in range(64)), index)
    scratch.client.flush(name)
    scratch.client.release_collection(name)
    scratch.client.load_collection(name)
    if key(scratch.client.search(name, data=[vector(9)], limit=1)[0][0]) != 9:
        raise ValueError("the nearest row was not found")


@probe("filtered-search-complete", "AUTOINDEX: a filtered search returns as many rows as there are")
def filtered_search_complete(scratch: Scratch) -> Answer:
    """500 tenants with 4 rows each, 40 searches that have 4 rows to find; a graph index may lose some of them."""
    import numpy as np
    from pymilvus import DataType

    points = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    fields = {"tenant": {"datatype": DataType.INT64}, "v": {"datatype": DataType.FLOAT_VECTOR, "dim": 16}}
    found = {}
    for kind in ("AUTOINDEX", "FLAT"):
        rows = ({"pk": i, "tenant": i % 500, "v": point} for i, point in enumerate(points))
        name = scratch.create(fields, rows, {"v": {"index_type": kind, "metric_type": "L2"}})
        scratch.client.flush(name)
        scratch.client.release_collection(name)
        scratch.client.load_collection(name)  # as after reopening: rows just inserted are searched without an index
        searches = (
            scratch.client.search(name, data=[points[3 * tenant]], limit=4, filter=f"tenant == {tenant}")[0]
            for tenant in range(40)
        )
        found[kind] = sum(map(len, searches))
    evidence = f"of 160 rows {found['AUTOINDEX']} were found with AUTOINDEX, {found['FLAT']} with FLAT"
    return Answer("yes" if found["AUTOINDEX"] == 160 else "no", evidence)


@probe("bm25", "Full-text search (BM25 function)")
def bm25(scratch: Scratch) -> Answer:
    hits = _text_search(scratch, {"type": "standard"}, "dogs")
    if [text for text, _ in hits] != [TEXTS[1]]:
        return Answer("no", f"a search for dogs found {[text for text, _ in hits]}")
    sign = "negative, the best is the lowest" if hits[0][1] < 0 else "positive"
    return Answer("yes", f"a search for dogs finds the text about dogs and no other; scores are {sign}")


@probe("hybrid", "Hybrid search (dense and BM25, fused)")
def hybrid(scratch: Scratch) -> Answer:
    from pymilvus import AnnSearchRequest, RRFRanker

    name = _text_collection(scratch, {"type": "standard"})
    dense = AnnSearchRequest([vector(2)], "v", {"metric_type": "COSINE"}, limit=3)
    sparse = AnnSearchRequest(["dogs"], "sparse", {"metric_type": "BM25"}, limit=3)
    hits = scratch.client.hybrid_search(name, [dense, sparse], RRFRanker(), limit=3, output_fields=["text"])[0]
    found = [hit["entity"]["text"] for hit in hits]
    both = {TEXTS[1], TEXTS[2]} <= set(found)
    return Answer("yes" if both else "no", f"{len(found)} fused hits; of both legs: {'yes' if both else 'no'}")


@probe("analyzers", "Text analyzers: tokenizers, stemmer, stop words")
def analyzers(scratch: Scratch) -> Answer:
    stem = {"tokenizer": "standard", "filter": ["lowercase", {"type": "stemmer", "language": "english"}]}
    stop = {"tokenizer": "standard", "filter": ["lowercase", {"type": "stop", "stop_words": ["the"]}]}
    if not refusal(_text_search, scratch, {"type": CONTROL}, "dogs"):
        return Answer("unknown", f"the control failed: an analyzer {CONTROL}, which there is not, was taken")
    found, taken = {}, {}
    for kind in ("standard", "english", "chinese"):
        taken[kind] = not refusal(_text_search, scratch, {"type": kind}, "dogs")
    taken["jieba"] = not refusal(_text_search, scratch, {"tokenizer": "jieba"}, "dogs")
    # "running" reaches "runs" through its stem; "the" reaches nothing once it is a stop word.
    found["stemmer"] = len(_text_search(scratch, stem, "running")) == 2
    found["stop words"] = _text_search(scratch, stop, "the") == []
    words = [f"accepted: {', '.join(k for k, ok in taken.items() if ok)}"]
    words += [f"refused: {', '.join(k for k, ok in taken.items() if not ok)}"] * (not all(taken.values()))
    words += [f"{name} {'works' if ok else 'has no effect'}" for name, ok in found.items()]
    everything = [*taken.values(), *found.values()]
    return Answer("yes" if all(everything) else "partly" if any(everything) else "no", "; ".join(words))


@probe("sparse-vectors", "Sparse vectors")
def sparse_vectors(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    index = {"s": {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"}}
    rows = ({"pk": i, "s": {i: 1.0, 50: 0.1}} for i in range(3))
    name = scratch.create({"s": {"datatype": DataType.SPARSE_FLOAT_VECTOR}}, rows, index)
    hit = scratch.client.search(name, data=[{2: 1.0}], anns_field="s", limit=1, search_params={"metric_type": "IP"})
    found = key(hit[0][0])
    return Answer("yes" if found == 2 else "no", f"the row that shares a term was {'' if found == 2 else 'not '}found")


@probe("vector-types", "Vector types beside float32: float16, bfloat16, int8, binary")
def vector_types(scratch: Scratch) -> Answer:
    import numpy as np
    from pymilvus import DataType

    samples = {
        "FLOAT16": np.ones(8, np.float16), "BFLOAT16": np.ones(8, np.float16).tobytes(),
        "INT8": np.ones(8, np.int8), "BINARY": bytes([1]),
    }  # fmt: skip
    taken: list[str] = []
    refused: list[str] = []
    for kind, value in samples.items():
        index = {"v": {"index_type": "AUTOINDEX", "metric_type": "HAMMING" if kind == "BINARY" else "L2"}}
        field = {"datatype": getattr(DataType, f"{kind}_VECTOR"), "dim": 2 * DIMENSIONS}
        said = refusal(_found_again, scratch, {"v": field}, value, index)
        (refused if said else taken).append(kind)
    words = [f"searched: {', '.join(taken)}"] * bool(taken) + [f"refused: {', '.join(refused)}"] * bool(refused)
    return Answer("yes" if not refused else "partly" if taken else "no", "; ".join(words))


def _found_again(scratch: Scratch, fields: dict, value: object, index: dict) -> None:
    """A row is found by its own vector, once loaded again."""
    name = scratch.create(fields, [{"pk": 1, "v": value}], index)
    scratch.client.flush(name)
    scratch.client.release_collection(name)
    scratch.client.load_collection(name)
    if [key(hit) for hit in scratch.client.search(name, data=[value], limit=1)[0]] != [1]:
        raise ValueError("the row was not found by its own vector")


def _text_collection(scratch: Scratch, analyzer: dict) -> str:
    from pymilvus import DataType, Function, FunctionType

    text = {"datatype": DataType.VARCHAR, "max_length": 200, "enable_analyzer": True, "analyzer_params": analyzer}
    function = Function(
        name="bm25", input_field_names=["text"], output_field_names=["sparse"], function_type=FunctionType.BM25
    )
    fields = {"text": text, "sparse": {"datatype": DataType.SPARSE_FLOAT_VECTOR}}
    index = {"sparse": {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"}}
    rows = ({"pk": position, "text": line} for position, line in enumerate(TEXTS))
    return scratch.create(fields, rows, index, functions=[function])


def _text_search(scratch: Scratch, analyzer: dict, words: str) -> list[tuple[str, float]]:
    name = _text_collection(scratch, analyzer)
    hits = scratch.client.search(
        name, data=[words], anns_field="sparse", limit=3, output_fields=["text"], search_params={"metric_type": "BM25"}
    )[0]
    return [(hit["entity"]["text"], hit["distance"]) for hit in hits]

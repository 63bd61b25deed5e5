"""Trials of what can be done with a collection: partitions, another name, loading, and searches of other kinds.

Each has a control: something that must fail, or must make a difference. Where it does not, the trial cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kit.docs.claims.probe import Answer, Scratch, key, probe, refusal, vector

TEXTS = ("the cat runs home", "two dogs are running", "the end of the tale")


def no_control(what: str) -> Answer:
    """The answer of a trial whose control did not fail."""
    return Answer("unknown", f"the control failed: {what}")


@probe("partitions", "Partitions: made, filled, searched alone, dropped")
def partitions(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"pk": 1}])
    scratch.client.create_partition(name, "own")
    scratch.client.insert(name, [{"pk": 2, "v": vector(2)}, {"pk": 3, "v": vector(3)}], partition_name="own")
    if not refusal(_keys, scratch, name, ["none_of_this_name"]) and _keys(scratch, name, ["none_of_this_name"]):
        return no_control("a partition that does not exist gave rows")
    own, rest, whole = _keys(scratch, name, ["own"]), _keys(scratch, name, ["_default"]), _keys(scratch, name, None)
    scratch.client.release_collection(name)
    scratch.client.drop_partition(name, "own")
    left = scratch.client.list_partitions(name)
    right = (own, rest, whole) == ([2, 3], [1], [1, 2, 3]) and "own" not in left
    words = f"searched alone it gives rows {own}, the default one {rest}, both {whole}; after drop_partition: {left}"
    return Answer("yes" if right else "no", words)


def _keys(scratch: Scratch, name: str, partition_names: list[str] | None) -> list[int]:
    options: dict[str, Any] = {"partition_names": partition_names} if partition_names else {}
    return sorted(map(key, scratch.client.search(name, data=[vector(1)], limit=9, **options)[0]))


@probe("rename", "A collection is renamed")
def rename(scratch: Scratch) -> Answer:
    old, new = scratch.create({}, [{"pk": 1}]), scratch.name()
    if not refusal(scratch.client.rename_collection, scratch.name(), scratch.name()):
        return no_control("a collection that does not exist was renamed")
    scratch.client.rename_collection(old, new)
    rows, gone = scratch.count(new), not scratch.client.has_collection(old)
    words = f"{rows} of 1 row under the new name; the old one is {'gone' if gone else 'still there'}"
    return Answer("yes" if rows == 1 and gone else "partly", words)


@probe("load-state", "Load state: a collection is released and loaded, and says so")
def load_state(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"pk": 1}])
    scratch.client.flush(name)
    scratch.client.release_collection(name)
    released, refused = _state(scratch, name), refusal(_keys, scratch, name, None)
    scratch.client.load_collection(name)
    loaded, found = _state(scratch, name), _keys(scratch, name, None)
    if released == loaded:
        return Answer("no", f"released and loaded it says the same: {loaded}")
    words = f"released: {released}, a search is {'refused' if refused else 'answered'}; loaded: {loaded}"
    return Answer("yes" if refused and found == [1] else "partly", words)


def _state(scratch: Scratch, name: str) -> str:
    state = scratch.client.get_load_state(name)["state"]
    return getattr(state, "name", str(state))


@probe("text-match", "TEXT_MATCH: a filter on the words of a text")
def text_match(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    field = {"datatype": DataType.VARCHAR, "max_length": 200, "enable_analyzer": True, "enable_match": True}
    name = scratch.create({"text": field}, ({"pk": i, "text": text} for i, text in enumerate(TEXTS)))
    scratch.client.flush(name)
    counts = [scratch.count(name, f"TEXT_MATCH(text, '{word}')") for word in ("dogs", "the", "absent")]
    if counts[2]:
        return no_control("a word that no text has was matched")
    words = f"dogs: {counts[0]} of 1 row, the: {counts[1]} of 2, a word that no text has: {counts[2]}"
    return Answer("yes" if counts[:2] == [1, 2] else "partly" if any(counts) else "no", words)


@probe("range-search", "Range search (radius)")
def range_search(scratch: Scratch) -> Answer:
    name = scratch.create({}, ({"pk": i} for i in range(400)))
    whole, near, none = (_hits(scratch, name, radius) for radius in (None, 0.9, 1.5))
    if len(whole) != 400 or none:
        return no_control(f"without a radius {len(whole)} of 400 rows, beyond every distance {len(none)}")
    right = 0 < len(near) < 400 and all(distance > 0.9 for distance in near)
    return Answer("yes" if right else "no", f"{len(near)} of 400 rows within the radius, {len(none)} beyond all")


def _hits(scratch: Scratch, name: str, radius: float | None) -> list[float]:
    options: dict[str, Any] = {"search_params": {"params": {"radius": radius}}} if radius else {}
    return [hit["distance"] for hit in scratch.client.search(name, data=[vector(0)], limit=400, **options)[0]]


@probe("group-by", "Group by: one hit of each value of a field")
def group_by(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    rows = ({"pk": i, "g": i // 10} for i in range(30))
    name = scratch.create({"g": {"datatype": DataType.INT64}}, rows)
    plain, grouped = (_groups(scratch, name, options) for options in ({}, {"group_by_field": "g"}))
    if len(set(plain)) > 1:
        return no_control("without it the nearest hits were of several groups already")
    words = f"the groups of the nearest three hits: {plain} without it, {grouped} with it"
    return Answer("yes" if sorted(grouped) == [0, 1, 2] else "no", words)


def _groups(scratch: Scratch, name: str, options: dict[str, Any]) -> list[int]:
    hits = scratch.client.search(name, data=[vector(0)], limit=3, output_fields=["g"], **options)[0]
    return [hit["entity"]["g"] for hit in hits]


@probe("hybrid-filter", "Hybrid search: its own filter holds for the fused hits")
def hybrid_filter(scratch: Scratch) -> Answer:
    """Control: the same filter in each leg must hold."""
    from pymilvus import AnnSearchRequest, DataType, RRFRanker

    field = {"datatype": DataType.FLOAT_VECTOR, "dim": 4}
    index = {"w": {"index_type": "FLAT", "metric_type": "COSINE"}}
    rows = ({"pk": i, "w": vector(i + 1)} for i in range(20))
    name = scratch.create({"w": field}, rows, index)

    def hits(leg: str, whole: str) -> list[int]:
        legs = [AnnSearchRequest([vector(0)], v, {"metric_type": "COSINE"}, limit=5, expr=leg) for v in ("v", "w")]
        options = {"filter": whole} if whole else {}
        return sorted(map(key, scratch.client.hybrid_search(name, legs, RRFRanker(), limit=5, **options)[0]))

    wanted, plain = hits("pk >= 10", ""), hits("", "")
    if not wanted or min(wanted) < 10 or min(plain) >= 10:
        return no_control(f"a filter in each leg gave rows {wanted}, none {plain}")
    said, found = "", plain
    try:
        found = hits("", "pk >= 10")
    except (TypeError, ValueError) as error:
        said = f"it is refused: {error}"
    right = bool(found) and min(found) >= 10
    return Answer("yes" if right else "no", said or f"filter='pk >= 10' gives rows {found}; in each leg {wanted}")


@probe("server-side-embedding", "Server-side embedding: a text is embedded by the engine")
def server_side_embedding(scratch: Scratch) -> Answer:
    """An address on loopback answers for OpenAI. Control: an address where nothing answers must be refused."""
    from kit.models.openai_server import OpenAIServer

    with OpenAIServer(_by_length) as server:
        if not refusal(_embedded, scratch, "http://127.0.0.1:9/v1", server.token):
            return no_control("a text was embedded by an address where nothing answers")
        name = _embedded(scratch, server.base_url, server.token)
        hits = scratch.client.search(name, data=["three"], anns_field="e", limit=1, output_fields=["text"])[0]
        found, asked = [hit["entity"]["text"] for hit in hits], server.answered
    right = found == ["abcde"] and asked > 1
    return Answer("yes" if right else "no", f"{asked} requests of the engine; the nearest text is {found}")


def _by_length(texts: list[str]) -> list[list[float]]:
    return [[*vector(100 * len(text)), *[0.0] * 1532] for text in texts]


def _embedded(scratch: Scratch, address: str, token: str) -> str:
    """A collection with two texts that the engine embeds at an address."""
    from pymilvus import DataType, Function, FunctionType

    text = {"datatype": DataType.VARCHAR, "max_length": 100}
    params = {"provider": "openai", "model_name": "text-embedding-3-small", "api_key": token, "base_url": address}
    kind: Callable[..., Any] = Function
    function = kind(
        name="embed", input_field_names=["text"], output_field_names=["e"],
        function_type=FunctionType.TEXTEMBEDDING, params=params,
    )  # fmt: skip
    fields = {"text": text, "e": {"datatype": DataType.FLOAT_VECTOR, "dim": 1536}}
    index = {"e": {"index_type": "FLAT", "metric_type": "COSINE"}}
    rows = ({"pk": i, "text": words} for i, words in enumerate(("a", "abcde")))
    return scratch.create(fields, rows, index, functions=[function])

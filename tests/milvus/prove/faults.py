"""Faults as users reported them of Milvus, planted between a client and a real engine."""

from __future__ import annotations

import re
from collections.abc import Callable

from pymilvus.grpc_gen import common_pb2, milvus_pb2

from tests.milvus.faults.proxy import Forward, Hook

HIDDEN = "id in [{}]".format(", ".join(map(str, range(0, 300, 3))))


def _rewritten(method: str, kind, change: Callable) -> Hook:
    """Requests of one method are changed on their way."""

    def hook(called: str, request: bytes, forward: Forward) -> bytes:
        if called != method:
            return forward(request)
        message = kind.FromString(request)
        change(message)
        return forward(message.SerializeToString())

    return hook


def _hide(message) -> None:
    message.dsl = f"({message.dsl}) and (not ({HIDDEN}))" if message.dsl else f"not ({HIDDEN})"


def _loose_filter_misses(message) -> None:
    if message.dsl.startswith("year >=") and " and " not in message.dsl:
        _hide(message)


def _limit(message) -> int:
    return int(next(pair.value for pair in message.search_params if pair.key == "topk"))


def _large_limit_misses(message) -> None:
    if _limit(message) >= 2 and _limit(message) % 2 == 0 and not message.dsl and _limit(message) != 10:
        _hide(message)


def _queries_reversed(message) -> None:
    group = common_pb2.PlaceholderGroup.FromString(message.placeholder_group)
    for placeholder in group.placeholders:
        values = list(placeholder.values)
        if len(values) == 8:
            placeholder.values[:] = values[::-1]
    message.placeholder_group = group.SerializeToString()


def _other_tenants(message) -> None:
    message.dsl = re.sub(r'^tenant == "t\d+"$', 'tenant like "t%"', message.dsl)


def _one_less(message) -> None:
    for pair in message.search_params:
        if pair.key == "topk" and int(pair.value) > 1:
            pair.value = str(int(pair.value) - 1)


def _hybrid_filter_ignored(message) -> None:
    for request in message.requests:
        request.dsl = ""


def _weights_swapped(message) -> None:
    for pair in message.rank_params:
        pair.value = pair.value.replace("[1.0,0.0]", "[0.0,1.0]")


def _pages_skip(message) -> None:
    message.expr = re.sub(r"^\(?id > (\d+)\)?", lambda found: f"id > {int(found[1]) + 2}", message.expr)


def _count_too_many(method: str, request: bytes, forward: Forward) -> bytes:
    response = forward(request)
    if method == "Query" and b"count(*)" in request:
        results = milvus_pb2.QueryResults.FromString(response)
        results.fields_data[0].scalars.long_data.data[0] += 1
        return results.SerializeToString()
    return response


def _deleted_row_found(method: str, request: bytes, forward: Forward) -> bytes:
    response = forward(request)
    if method == "Search":
        results = milvus_pb2.SearchResults.FromString(response)
        if results.results.ids.int_id.data:
            results.results.ids.int_id.data[0] = 1_000_000
            return results.SerializeToString()
    return response


class _AfterReload:
    """Rows are missing once the collection was loaded again."""

    def __init__(self) -> None:
        self.released = False

    def __call__(self, method: str, request: bytes, forward: Forward) -> bytes:
        self.released |= method == "ReleaseCollection"
        hide = _rewritten("Search", milvus_pb2.SearchRequest, _hide)
        return hide(method, request, forward) if self.released else forward(request)


def search(change: Callable) -> Hook:
    """A fault in a search's request."""
    return _rewritten("Search", milvus_pb2.SearchRequest, change)


# What is planted, the report it is modelled on, and the relation that must notice it.
PLANTED: dict[str, tuple[Callable[[], Hook], str]] = {
    "a looser filter misses what a stricter one finds (milvus 46160)": (
        lambda: search(_loose_filter_misses),
        "a stricter filter's hits lie within a looser one's",
    ),
    "a hybrid search's filter is ignored (pymilvus 3407, milvus 48578)": (
        lambda: _rewritten("HybridSearch", milvus_pb2.HybridSearchRequest, _hybrid_filter_ignored),
        "a filter holds in every mode",
    ),
    "another tenant's rows are searched, too (milvus 50398)": (
        lambda: search(_other_tenants),
        "a filter holds in every mode",
    ),
    "another limit gives other hits (milvus 42848)": (
        lambda: search(_large_limit_misses),
        "the top k begin the top 2k",
    ),
    "queries of one call are mixed up (milvus 4797)": (
        lambda: search(_queries_reversed),
        "a batch gives what single searches give",
    ),
    "fewer hits than asked for (milvus 28603, 33933)": (
        lambda: search(_one_less),
        "the hits are the nearest rows",
    ),
    "rows cannot be reached (milvus 51821)": (
        lambda: search(_hide),
        "each row finds itself",
    ),
    "a deleted row is still found (milvus 43160)": (
        lambda: _deleted_row_found,
        "a filter holds in every mode",
    ),
    "a hybrid search mixes its weights up (milvus 43160)": (
        lambda: _rewritten("HybridSearch", milvus_pb2.HybridSearchRequest, _weights_swapped),
        "weights (1, 0) rank as the first leg",
    ),
    "an iterator leaves rows out between its pages (milvus-lite 366, milvus 33774)": (
        lambda: _rewritten("Query", milvus_pb2.QueryRequest, _pages_skip),
        "every way of counting agrees",
    ),
    "count(*) counts a row too many (milvus 28434, 37789)": (
        lambda: _count_too_many,
        "every way of counting agrees",
    ),
    "other hits after a reload (milvus 42038)": (
        _AfterReload,
        "searches give the same after a reload",
    ),
}

"""What a call to Milvus answers, and whether answers fit together: pymilvus and numpy only, so that scripts carry it.

A search's answer is a list of hits for each of its queries, a hit is (key, score); a scan's and a query's is a dict of
columns. A judge gives the share of a try that holds, 1.0 for all of it, and in words what does not.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.milvus.scan import pages_by_key

Hits = list[list[tuple[Any, float]]]  # of each query of a search
Columns = dict[str, Any]
Conditions = list[tuple[str, tuple[str, ...], str, Any]]  # (field, keys inside it, operator, value)
Judged = tuple[float, str]  # the share that holds, and what does not
TIE = 1e-4  # scores nearer than this are a tie: engines add up in another order


def answer(client: Any, collection: str, primary: str, method: str, options: dict[str, Any]) -> Any:
    """Make one call, in the form that the judges read."""
    from pymilvus import AnnSearchRequest, WeightedRanker

    options = {"consistency_level": "Strong", **options}
    if method == "search":
        answered = client.search(collection, output_fields=[primary], **options)
        return [[(hit.get(primary, hit.get("id")), float(hit["distance"])) for hit in hits] for hits in answered]
    if method == "hybrid_search":
        legs = [AnnSearchRequest(param={}, **leg) for leg in options.pop("legs")]
        ranker = WeightedRanker(*options.pop("weights"))
        answered = client.hybrid_search(collection, legs, ranker, output_fields=[primary], **options)
        return [[(hit.get(primary, hit.get("id")), float(hit["distance"])) for hit in hits] for hits in answered]
    if method == "count":
        return int(client.query(collection, output_fields=["count(*)"], **options)[0]["count(*)"])
    if method == "stats":
        return int(client.get_collection_stats(collection)["row_count"])
    if method == "pages":
        return columns(pages(client, collection, primary, **options))
    if method == "reload":
        if options.get("flush"):
            client.flush(collection)
        client.release_collection(collection)
        return client.load_collection(collection)
    if method == "scan":
        return columns([row for page in pages_by_key(client, collection, primary, **options) for row in page])
    if method == "query":
        return columns(client.query(collection, **options))
    iterator = client.query_iterator(collection, **options)
    rows = []
    while batch := iterator.next():
        rows += batch
    iterator.close()
    return columns(rows)


def pages(client: Any, collection: str, primary: str, size: int, **options: Any) -> list[dict[str, Any]]:
    """All rows by query, page after page."""
    rows: list[dict[str, Any]] = []
    while not len(rows) % size:
        page = client.query(collection, filter="", limit=size, offset=len(rows), output_fields=[primary], **options)
        if not page:
            break
        rows += page
    return rows


def columns(rows: list[dict[str, Any]]) -> Columns:
    """Rows as a dict of columns."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def matches(value: Any, operator: str, wanted: Any) -> bool:
    """Whether a stored value meets a condition; no value meets none."""
    if value is None:
        return False
    if operator == "in":
        return value in wanted
    if operator == "contains":
        return wanted in value
    if isinstance(value, str) != isinstance(wanted, str):
        return False
    return bool({"==": value == wanted, ">=": value >= wanted, "<": value < wanted}[operator])


def matching(rows: Columns, conditions: Conditions) -> npt.NDArray[np.bool_]:
    """Which rows meet all conditions: (field, keys inside it, operator, value)."""
    size = len(next(iter(rows.values()), []))
    chosen = np.ones(size, dtype=bool)
    for name, keys, operator, wanted in conditions:
        values = rows.get(name, [None] * size)
        for key in keys:
            values = [value.get(key) if isinstance(value, dict) else None for value in values]
        chosen &= np.array([matches(value, operator, wanted) for value in values], dtype=bool)
    return chosen


def better(score: float, other: float, lower: bool) -> bool:
    """Whether a score is better than another one, and no tie."""
    margin = TIE * max(1.0, abs(score), abs(other))
    return (other - score if lower else score - other) > margin


def alike(
    hits: list[tuple[Any, float]], others: list[tuple[Any, float]], lower: bool, names: tuple[str, str]
) -> Judged:
    """Whether two rankings are the same apart from ties."""
    if len(hits) != len(others):
        return 0.0, f"{names[0]} gives {len(hits)} hits, {names[1]} {len(others)}"
    for place, ((key, score), (other_key, other_score)) in enumerate(zip(hits, others, strict=True), start=1):
        if better(score, other_score, lower) or better(other_score, score, lower):
            return 0.0, (
                f"hit {place} of {names[0]} is {key!r} ({score:.6g}), of {names[1]} {other_key!r} ({other_score:.6g})"
            )
    for key, score in [hit for hit in hits if hit[0] not in dict(others)]:
        if better(score, others[-1][1], lower):
            return 0.0, f"{key!r} ({score:.6g}) is a hit of {names[0]} and not of {names[1]}"
    return 1.0, ""


def judge_prefix(short: Hits, long: Hits, limit: int, lower: bool) -> Judged:
    """The first k hits are the first k of twice as many."""
    return alike(short[0], long[0][:limit], lower, (f"limit={limit}", f"limit={2 * limit}"))


def judge_batch(batch: Hits, single: Hits, place: int, lower: bool) -> Judged:
    """A query in a batch gets what it gets alone."""
    return alike(batch[place], single[0], lower, (f"query {place + 1} of {len(batch)} in one call", "the same alone"))


def judge_same(before: Hits, after: Hits, lower: bool, reloaded: None = None) -> Judged:
    """A search gives the same before and after: the share of the hits that it gives again."""
    del reloaded
    judged = alike(after[0], before[0], lower, ("the search after the reload", "the search before"))
    if judged[0] == 1.0 or not before[0]:
        return judged
    again = dict(after[0])
    last = before[0][-1][1]
    lost = [key for key, score in before[0] if key not in again and better(score, last, lower)]
    more = max(0, len(before[0]) - len(after[0]))
    return 1 - max(len(lost), more) / len(before[0]), judged[1]


def judge_narrower(stricter: Hits, looser: Hits, limit: int, lower: bool) -> Judged:
    """What a stricter filter finds, a looser one finds too, unless it has better hits."""
    hits = dict(looser[0])
    for key, score in stricter[0]:
        if key in hits:
            if better(score, hits[key], lower) or better(hits[key], score, lower):
                return 0.0, (
                    f"{key!r} has the score {score:.6g} under the stricter filter and {hits[key]:.6g} under the looser "
                    "one: scores depend on the filter"
                )
            continue
        if len(looser[0]) < limit:
            return 0.0, (
                f"{key!r} is found under the stricter filter and not under the looser one, which gives only "
                f"{len(looser[0])} of {limit} hits"
            )
        if better(score, looser[0][-1][1], lower):
            return 0.0, (
                f"{key!r} ({score:.6g}) is found under the stricter filter and not under the looser one, "
                f"whose last hit has {looser[0][-1][1]:.6g}"
            )
    return 1.0, ""


def judge_itself(hits: Hits, key: Any, score: float | None, limit: int, lower: bool) -> Judged:
    """The row whose vector is searched for is found, unless there are enough as near."""
    if key in dict(hits[0]):
        return 1.0, ""
    if len(hits[0]) < limit:
        return 0.0, f"the search for the vector of {key!r} gives {len(hits[0])} of {limit} hits, and not {key!r}"
    if score is not None and better(score, hits[0][-1][1], lower):
        return 0.0, f"the search for the vector of {key!r} does not give {key!r}; its first hit is {hits[0][0][0]!r}"
    return 1.0, ""


def judge_hits(hits: Hits, rows: Columns, conditions: Conditions, primary: str, place: int = 0) -> Judged:
    """Each hit is a stored row that the filter admits."""
    admitted = matching(rows, conditions)
    where = {key: number for number, key in enumerate(rows[primary])}
    for key, _ in hits[place]:
        if key not in where:
            return 0.0, f"the hit {key!r} is no row of the collection"
        if not admitted[where[key]]:
            name = conditions[0][0]
            return 0.0, f"the hit {key!r} does not meet the filter: its {name} is {rows[name][where[key]]!r}"
    if len(dict(hits[place])) < len(hits[place]):
        return 0.0, "the same row is a hit twice"
    return 1.0, ""


def judge_rows(rows: Columns, selected: Columns, conditions: Conditions, primary: str) -> Judged:
    """A query gives the rows that the filter admits, all and no others."""
    admitted = {key for key, yes in zip(rows[primary], matching(rows, conditions), strict=True) if yes}
    keys = selected.get(primary, [])
    if len(set(keys)) < len(keys):
        return 0.0, f"{len(keys) - len(set(keys))} rows are given twice"
    if wrong := [key for key in keys if key not in admitted]:
        return 0.0, f"{len(wrong)} rows do not meet the filter, such as {wrong[0]!r}"
    if missing := sorted(admitted - set(keys)):
        return 0.0, f"{len(missing)} of {len(admitted)} rows that meet the filter are missing, such as {missing[0]!r}"
    return 1.0, ""


def judge_number(rows: Columns, count: int, conditions: Conditions) -> Judged:
    """Milvus counts as many rows under a filter as there are."""
    real = int(matching(rows, conditions).sum())
    return (1.0, "") if count == real else (0.0, f"count(*) under the filter is {count}, the rows that meet it {real}")


def judge_counts(primary: str, **ways: Any) -> Judged:
    """Every way of counting gives the same; of rows, each key once."""
    numbers: dict[str, int] = {}
    for name, way in ways.items():
        if isinstance(way, int):
            numbers[name] = way
        else:
            keys = way.get(primary, [])
            numbers[name] = len(keys)
            numbers[f"different keys of {name}"] = len(set(keys))
    if len(set(numbers.values())) == 1:
        return 1.0, ""
    return 0.0, ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in numbers.items())


def judge_partitions(whole: int, **parts: int) -> Judged:
    """The rows of the partitions are the rows of the collection."""
    total = sum(parts.values())
    return (1.0, "") if total == whole else (0.0, f"the partitions hold {total} rows, the collection {whole}")


def judge_leg(hybrid: Hits, leg: Hits, lower: bool) -> Judged:
    """With all weight on one leg, the hybrid search ranks as that leg alone."""
    hits, alone = hybrid[0], leg[0]
    if len({round(score, 6) for _, score in hits[: len(alone)]}) < len({round(score, 4) for _, score in alone}):
        return 1.0, ""  # the weighted scores are too close to tell
    scores = dict(alone)
    outside = [key for key, _ in hits[: len(alone)] if key not in scores]
    ties = [key for key, score in alone if not better(score, alone[-1][1], lower)]
    if len(hits) < len(alone) or len(outside) > len(ties) - 1:
        missing = next((key for key in scores if key not in dict(hits)), None)
        return 0.0, f"{missing!r} is a hit of the leg alone and not of the hybrid search with weights (1, 0)"
    ranked = [scores[key] for key, _ in hits[: len(alone)] if key in scores]
    for score, following in pairwise(ranked):
        if better(following, score, lower):
            return 0.0, f"the hybrid search with weights (1, 0) ranks {score:.6g} before {following:.6g}"
    return 1.0, ""


def distances(rows: Columns, field: str, metric: str, query: Any) -> npt.NDArray[np.float64]:
    """How far each row is from the query, nearest lowest, as Milvus defines the metric; NaN where it does not."""
    if isinstance(query, dict):  # a sparse vector
        return -np.array([sum(weight * row.get(place, 0.0) for place, weight in query.items()) for row in rows[field]])
    if isinstance(query, bytes):
        stored = np.frombuffer(b"".join(as_bytes(row) for row in rows[field]), dtype=np.uint8)
        bits = np.unpackbits(stored.reshape(len(rows[field]), -1), axis=1)
        asked = np.unpackbits(np.frombuffer(query, dtype=np.uint8))
        if metric == "HAMMING":
            return np.asarray((bits != asked).sum(axis=1), dtype=np.float64)
        return np.asarray(1 - (bits & asked).sum(axis=1) / np.maximum((bits | asked).sum(axis=1), 1))
    vectors, sought = np.asarray(rows[field], dtype=np.float64), np.asarray(query, dtype=np.float64)
    if metric == "L2":
        return np.asarray(((vectors - sought) ** 2).sum(axis=1))
    products = vectors @ sought
    if metric == "IP":
        return np.asarray(-products)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(sought)
    return np.asarray(np.where(lengths > 0, -products / np.maximum(lengths, 1e-300), np.nan))


def as_bytes(row: Any) -> bytes:
    """A binary vector as bytes, however the client gives it."""
    return row if isinstance(row, bytes) else row[0] if isinstance(row[0], bytes) else bytes(row)


def judge_exact(
    hits: Hits,
    rows: Columns,
    field: str,
    metric: str,
    conditions: Conditions,
    query: Any,
    limit: int,
    primary: str,
) -> Judged:
    """How many of the nearest rows, computed one by one from the stored vectors, are hits."""
    far = np.where(matching(rows, conditions), distances(rows, field, metric, query), np.inf)
    where = {key: number for number, key in enumerate(rows[primary])}
    undefined = {place for place in range(len(far)) if np.isnan(far[place])}
    limit -= sum(1 for key, _ in hits[0] if where.get(key) in undefined)  # they may take a place, and need not
    ranked = np.argsort(far, kind="stable")[:limit]  # what is undefined comes last
    nearest = [place for place in ranked if np.isfinite(far[place]) and findable(metric, far[place])]
    if not nearest:
        return 1.0, ""
    last = far[nearest[-1]] + TIE * max(1.0, abs(far[nearest[-1]]))
    right = sum(1 for key, _ in hits[0] if key in where and far[where[key]] <= last)
    share = min(1.0, right / len(nearest))
    if share == 1.0:
        return 1.0, ""
    found = dict(hits[0])
    missing = next(rows[primary][place] for place in nearest if rows[primary][place] not in found)
    return share, f"{len(nearest) - right} of the {len(nearest)} nearest rows are no hits, such as {missing!r}"


def findable(metric: str, distance: float) -> bool:
    """Whether a row at that distance is to be found: of a sparse vector, one that shares an entry."""
    return metric != "SPARSE" or distance < 0

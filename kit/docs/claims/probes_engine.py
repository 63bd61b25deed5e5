"""Trials of what the engine keeps and how: partition keys, schemas, the life of rows, databases, processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid

from kit.docs.claims.probe import Answer, Scratch, key, probe, refusal, vector
from kit.milvus.connection import is_lite

LEVELS = ("Strong", "Session", "Bounded", "Eventually")


@probe("partition-key", "Partition key: declared on a field, it routes rows")
def partition_key(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    tenants = {"datatype": DataType.VARCHAR, "max_length": 32, "is_partition_key": True}
    name = scratch.create({"tenant": tenants}, ({"pk": i, "tenant": f"u{i % 20}"} for i in range(60)))
    scratch.client.flush(name)
    schema = scratch.client.describe_collection(name)
    if not any(field.get("is_partition_key") for field in schema["fields"]):
        return Answer("no", "accepted, but the collection that was made has no partition key")
    own = scratch.count(name, 'tenant == "u7"')
    partitions = scratch.client.list_partitions(name)
    filled = sum(scratch.client.get_partition_stats(name, p)["row_count"] > 0 for p in partitions)
    words = f"20 tenants' rows lie in {filled} of {schema.get('num_partitions', len(partitions))} partitions"
    return Answer("yes" if own == 3 and filled > 1 else "partly", f"{words}; a filter finds {own} of a tenant's 3 rows")


@probe("partition-pruning", "Partition key: a filtered search reads only its tenant's partition", timed=True)
def partition_pruning(scratch: Scratch) -> Answer:
    """Timed: with 16 partitions the same search under the same filter must become several times faster."""
    from pymilvus import DataType

    names, fastest = {}, {True: 1e9, False: 1e9}
    for keyed in (False, True):
        field = {"datatype": DataType.VARCHAR, "max_length": 32, "is_partition_key": keyed}
        names[keyed] = scratch.create({"tenant": field}, ({"pk": i, "tenant": f"u{i % 64}"} for i in range(20_000)))
        scratch.client.flush(names[keyed])
    # In turns, and the fastest of many counts: other work on the machine slows both.
    for repeat in range(25):
        for keyed, name in names.items():
            began = time.perf_counter()
            scratch.client.search(name, data=[vector(repeat)], limit=4, filter=f'tenant == "u{repeat}"')
            fastest[keyed] = min(fastest[keyed], time.perf_counter() - began)
    ratio = fastest[False] / fastest[True]
    answer = "yes" if ratio > 4 else "no" if ratio < 2.5 else "unknown"
    with_key, without = (f"{1000 * fastest[keyed]:.1f} ms" for keyed in (True, False))
    return Answer(answer, f"20,000 rows, 64 tenants: {with_key} a search with a partition key, {without} without")


@probe("dynamic-field", "Dynamic field: keys outside the schema are kept and filtered")
def dynamic_field(scratch: Scratch) -> Answer:
    name = scratch.create({}, ({"pk": i, "colour": f"c{i}"} for i in range(3)), dynamic=True)
    kept = scratch.client.query(name, filter='colour == "c1"', output_fields=["colour"])
    right = [row["colour"] for row in kept] == ["c1"]
    return Answer("yes" if right else "no", f"a filter on a key outside the schema finds {len(kept)} of 1 row")


@probe("nullable-fields", "Nullable fields and default values")
def nullable(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    fields = {
        "n": {"datatype": DataType.INT64, "nullable": True},
        "d": {"datatype": DataType.INT64, "default_value": 7},
    }
    name = scratch.create(fields, [{"pk": 0, "n": None}, {"pk": 1, "n": 5}])
    rows = scratch.client.query(name, filter="pk >= 0", output_fields=["n", "d"])
    right = [(row["n"], row["d"]) for row in rows] == [(None, 7), (5, 7)]
    return Answer("yes" if right else "no", f"None and a default came back as {[(r['n'], r['d']) for r in rows]}")


@probe("upsert-own-ids", "Upsert with primary keys of one's own")
def upsert_own_ids(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"pk": 1, "text": "old"}], dynamic=True)
    scratch.client.upsert(name, [{"pk": 1, "v": vector(1), "text": "new"}])
    rows = scratch.client.query(name, filter="pk == 1", output_fields=["text"])
    texts = [row["text"] for row in rows]
    return Answer("yes" if texts == ["new"] else "no", f"the row with that key now says {texts}")


@probe("upsert-auto-id", "Upsert where the engine gives the keys (auto_id)")
def upsert_auto_id(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"text": "old"}], auto_id=True, dynamic=True)
    key = scratch.client.query(name, filter='text == "old"', output_fields=["pk"])[0]["pk"]
    scratch.client.upsert(name, [{"pk": key, "v": vector(1), "text": "new"}])
    texts = [row["text"] for row in scratch.client.query(name, filter="pk >= 0", output_fields=["text"])]
    return Answer("yes" if texts == ["new"] else "no", f"one row was upserted; the collection now says {texts}")


@probe("insert-existing-key", "Inserting an existing primary key leaves two rows")
def insert_existing_key(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"pk": 1}])
    said = refusal(scratch.client.insert, name, [{"pk": 1, "v": vector(1)}])
    rows = scratch.count(name)
    return Answer("yes" if rows == 2 else "no", said or f"{rows} row{'s' * (rows != 1)} after two inserts of one key")


@probe("json", "JSON fields, filtered by path")
def json_field(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    rows = ({"pk": i, "j": {"a": {"b": i}, "tags": [i, 9]}} for i in range(3))
    name = scratch.create({"j": {"datatype": DataType.JSON}}, rows)
    path, member = scratch.count(name, 'j["a"]["b"] == 1'), scratch.count(name, 'json_contains(j["tags"], 9)')
    right = (path, member) == (1, 3)
    return Answer("yes" if right else "partly", f"by path {path} of 1 rows, by json_contains {member} of 3")


@probe("arrays", "Array fields, filtered by member and length")
def arrays(scratch: Scratch) -> Answer:
    from pymilvus import DataType

    field = {"datatype": DataType.ARRAY, "element_type": DataType.INT64, "max_capacity": 4}
    name = scratch.create({"a": field}, ({"pk": i, "a": [9, *range(i)]} for i in range(3)))
    found = scratch.count(name, "array_contains(a, 0)"), scratch.count(name, "array_length(a) == 1")
    evidence = f"array_contains {found[0]} of 2 rows, array_length {found[1]} of 1"
    return Answer("yes" if found == (2, 1) else "partly", evidence)


@probe("ttl", "Time to live: rows expire (collection.ttl.seconds)")
def time_to_live(scratch: Scratch) -> Answer:
    name = scratch.create({}, [{"pk": 1}], properties={"collection.ttl.seconds": 1})
    before, waited = scratch.count(name), 0.0
    while (after := scratch.count(name)) and waited < 4:
        time.sleep(0.5)
        waited += 0.5
    evidence = f"the property was accepted; {after} of {before} rows were there {waited:.1f} s after a life of 1 s"
    return Answer("yes" if before and not after else "no", evidence)


@probe("aliases", "Aliases: a second name for a collection")
def aliases(scratch: Scratch) -> Answer:
    """Control: a name that is no alias must be refused."""
    collection, alias, stranger = scratch.create({}, [{"pk": 1}]), f"kit_alias_{uuid.uuid4().hex[:10]}", scratch.name()
    if not refusal(scratch.count, stranger):
        return Answer("unknown", "the control failed: a name that is no collection and no alias was searched")
    scratch.client.create_alias(collection, alias)
    try:
        rows = scratch.count(alias)
    finally:
        scratch.client.drop_alias(alias)
    after = "refused" if refusal(scratch.count, alias) else "still answered"
    words = f"{rows} of 1 row through the alias; after drop_alias it is {after}"
    return Answer("yes" if rows == 1 and after == "refused" else "partly", words)


@probe("databases", "More than one database")
def databases(scratch: Scratch) -> Answer:
    from pymilvus import MilvusClient

    name, collection, other = scratch.name(), scratch.create({}, [{"pk": 1}]), MilvusClient(**scratch.connection)
    other.create_database(name)
    try:
        other.use_database(name)
        apart = collection not in other.list_collections()
        return Answer("yes" if apart else "no", f"a new database shows {'no' if apart else 'the'} other's collection")
    finally:
        other.drop_database(name)


@probe("async", "Async client")
def async_client(scratch: Scratch) -> Answer:
    from pymilvus import AsyncMilvusClient

    name = scratch.create({}, ({"pk": i} for i in range(3)))

    async def search() -> list:
        client = AsyncMilvusClient(**scratch.connection)
        try:
            searches = (client.search(name, data=[vector(i)], limit=1) for i in range(3))
            return [key(hits[0][0]) for hits in await asyncio.gather(*searches)]
        finally:
            await client.close()

    found = asyncio.run(asyncio.wait_for(search(), 20))
    return Answer("yes" if found == [0, 1, 2] else "no", f"three searches at once found rows {found}")


@probe("consistency-levels", "Consistency levels: accepted, kept, and a write is read at once")
def consistency_levels(scratch: Scratch) -> Answer:
    from pymilvus.client.types import ConsistencyLevel

    if not refusal(scratch.create, {}, [{"pk": 1}], consistency_level="Banana"):
        return Answer("unknown", "the control failed: a level Banana, which there is not, was taken")
    kept, unseen = {}, []
    for level in LEVELS:
        name = scratch.create({}, [{"pk": 1}], consistency_level=level)
        found = scratch.client.describe_collection(name)["consistency_level"]
        kept[level] = ConsistencyLevel.Name(found) if isinstance(found, int) else found
        if not scratch.client.query(name, filter="pk == 1"):
            unseen.append(level)
    changed = [f"{level} is kept as {found}" for level, found in kept.items() if level != found]
    words = [*changed, f"own write not seen at once under {', '.join(unseen)}" if unseen else "own write seen at once"]
    return Answer("partly" if changed or unseen else "yes", "; ".join(words))


@probe("multi-process", "Two processes on one database at once")
def multi_process(scratch: Scratch) -> Answer:
    """The other process gets the address and the token on standard input: nothing of it shows in a process list."""
    name = scratch.create({}, [{"pk": 1}])
    code = (
        "import json, sys, logging, pymilvus\nlogging.disable(50)\narguments, name = json.load(sys.stdin)\n"
        "try:\n    print('rows', len(pymilvus.MilvusClient(**arguments).query(name, filter='pk == 1')))\n"
        "except Exception as error:\n    print('refused', type(error).__name__, getattr(error, 'message', error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps([dict(scratch.connection), name]),
        text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    told = next((line for line in done.stdout.splitlines() if line.startswith(("rows", "refused"))), "")
    if not told:
        return Answer("unknown", f"the second process said nothing and ended with {done.returncode}")
    if told == "rows 1":
        return Answer("yes", "a second process reads the row that the first one wrote")
    why = "a Milvus Lite file is held by one process" if is_lite(scratch.uri) else "the server refused it"
    return Answer("no", f"a second process is refused: {why} ({told.split()[1]})")

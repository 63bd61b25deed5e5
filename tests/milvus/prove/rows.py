"""Collections to prove, of kinds that users have."""

from __future__ import annotations

from random import Random

import numpy as np
from pymilvus import DataType, MilvusClient

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]


def notes(client: MilvusClient, index: str = "FLAT", rows: int = 300, flush: bool = True) -> None:
    """The collection "notes": a year, a tenant and a vector of 16 dimensions near one of eight centres; loaded."""
    name = "notes"
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=16)
    schema.add_field("year", DataType.INT64)
    schema.add_field("tenant", DataType.VARCHAR, max_length=40)
    params = client.prepare_index_params()
    options = {"HNSW": {"M": 16, "efConstruction": 200}, "IVF_FLAT": {"nlist": 64}}.get(index, {})
    params.add_index("vector", index_type=index, metric_type="L2", params=options)
    client.create_collection(name, schema=schema, index_params=params, consistency_level="Strong")
    random = np.random.default_rng(0)
    vectors = random.normal(size=(8, 16))[random.integers(0, 8, rows)] + random.normal(size=(rows, 16)) / 2
    client.insert(
        name,
        [
            {
                "id": number,
                "vector": vectors[number].astype("f4").tolist(),
                "year": int(random.integers(1990, 2020)),
                "tenant": f"t{int(random.integers(0, 9))}",
            }
            for number in range(rows)
        ],
    )
    if flush:
        client.flush(name)
    client.load_collection(name)


def any_collection(client: MilvusClient, seed: int, lite: bool, name: str = "anything") -> None:
    """A healthy collection of a kind drawn from the seed: keys, metric, fields, dynamic keys, ties, hostile texts."""
    draw = Random(seed)
    text_key, dynamic, sparse = draw.random() < 0.5, draw.random() < 0.5, lite and draw.random() < 0.4
    metric, dim, rows = draw.choice(["L2", "IP", "COSINE"]), draw.choice([2, 8, 33]), draw.choice([1, 7, 90, 400])
    kinds = draw.sample(sorted(VALUES), k=draw.randint(0, 5))
    schema = client.create_schema(auto_id=False, enable_dynamic_field=dynamic)
    if text_key:
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=60)
    else:
        schema.add_field("key", DataType.INT64, is_primary=True)
    if keyed := draw.random() < 0.3:
        schema.add_field("tenant", DataType.VARCHAR, is_partition_key=True, max_length=60)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    params = client.prepare_index_params()
    params.add_index("vector", index_type="FLAT", metric_type=metric)
    if sparse:
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        params.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    for kind in kinds:
        options = {"max_length": 200} if kind in ("VARCHAR", "ARRAY") else {}
        options |= {"element_type": DataType.VARCHAR, "max_capacity": 9} if kind == "ARRAY" else {}
        schema.add_field(f"a_{kind.lower()}", DataType[kind], **options)
    client.create_collection(name, schema=schema, index_params=params, consistency_level="Strong")
    ties = draw.random() < 0.3
    given = []
    for number in range(rows):
        vector = [float(draw.randint(-2, 2)) if ties else draw.gauss(0, 1) for _ in range(dim)]
        # No quotation mark, backslash or break in a key: pymilvus' query_iterator cannot read on from such a one.
        row = {"key": f"{draw.choice(HOSTILE[6:])}{number}".replace("\t", "") if text_key else number * 7**9}
        row |= {"vector": vector} | {f"a_{kind.lower()}": VALUES[kind](draw, number) for kind in kinds}
        if keyed:
            row["tenant"] = draw.choice(HOSTILE)
        if sparse:
            row["sparse"] = {draw.randrange(50): draw.random() + 0.1 for _ in range(draw.randint(1, 9))}
        if dynamic:
            row |= draw.choice([{}, {"tag": draw.choice(HOSTILE)}, {"tag": "b", "an odd key": number}])
        given.append(row)
    client.insert(name, given)
    if draw.random() < 0.5:
        client.flush(name)
    client.load_collection(name)


HOSTILE = [
    "",
    " ",
    "a",
    'quote" or 1 == 1',
    "back\\slash",
    "line\nbreak",
    "tab\t",
    "%like_",
    "äöü",
    "漢字",
    "🙂",
    "'",
    "{x}",
]
VALUES = {
    "INT8": lambda draw, number: draw.randint(-128, 127),
    "INT16": lambda draw, number: draw.randint(-3, 3),
    "INT32": lambda draw, number: number,
    "INT64": lambda draw, number: draw.choice([-(2**62), 0, 2**62, number]),
    "FLOAT": lambda draw, number: draw.choice([0.1, 1e30, -1e-30, draw.random()]),
    "DOUBLE": lambda draw, number: draw.choice([0.1, 1e300, draw.random()]),
    "BOOL": lambda draw, number: draw.random() < 0.3,
    "VARCHAR": lambda draw, number: draw.choice(HOSTILE),
    "ARRAY": lambda draw, number: draw.sample(HOSTILE[2:], k=draw.randint(0, 4)),
    "JSON": lambda draw, number: draw.choice([{}, {"a": draw.choice(HOSTILE)}, {"a": "x", "n": number, "b": [1]}]),
}

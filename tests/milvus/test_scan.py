"""Every row is read once, whatever its key is and however the rows are spread over partitions."""

from pymilvus import DataType

from kit.milvus.connection import connect, open_client
from kit.milvus.scan import literal, pages_by_key

HOSTILE = ["", 'b" or key != "', "back\\slash", "line\nbreak", "tab\t", "漢字", "🙂", "'", "%", "key > 3"]


def test_each_key_is_met_once(database):
    client = open_client(connect(database))
    schema = client.create_schema()
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=100)
    schema.add_field("tenant", DataType.VARCHAR, is_partition_key=True, max_length=100)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection("keys", schema=schema, index_params=index, consistency_level="Strong")
    keys = HOSTILE + [f"k{number}" for number in range(190)]
    rows = [{"key": key, "tenant": f"t{place % 30}", "vector": [1.0, 2.0]} for place, key in enumerate(keys)]
    client.insert("keys", rows)
    client.load_collection("keys")
    options = {"output_fields": ["key"], "consistency_level": "Strong"}
    for size in (40, 200):
        met = [row["key"] for page in pages_by_key(client, "keys", "key", size, **options) for row in page]
        assert sorted(met) == sorted(keys)
    some = [row["key"] for page in pages_by_key(client, "keys", "key", 4, 'tenant == "t1"', **options) for row in page]
    assert sorted(some) == sorted(row["key"] for row in rows if row["tenant"] == "t1")
    client.close()


def test_a_literal_is_a_filters():
    assert (literal('a"b'), literal(-7)) == (r'"a\"b"', "-7")

"""What a collection is, what code may count on, and index parameters that lose nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError
from kit.files.scratch import scratch_folder
from kit.milvus.connection import address, engine, is_lite, serves_lite
from kit.milvus.scratch import scratch_database
from kit.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd
    from langchain_milvus import Milvus
    from pymilvus import MilvusClient

METRICS = ("COSINE", "IP", "L2")


def scratch_uri() -> str:
    """The address of a new empty database of this process, gone when it ends.

    A Milvus Lite file in a temporary folder; with MILVUS_URI set, a database of its own on that server. Where the
    server makes no databases, name one in MILVUS_URI (`https://host/database`): it is then used as it is.
    """
    uri = load_settings().milvus_uri
    return str(scratch_folder("db") / "milvus.db") if uri is None or is_lite(uri) else scratch_database(uri)


def index_params(uri: str | os.PathLike[str], metric: str = "COSINE") -> dict[str, Any]:
    """Index parameters that lose no rows on the engine in hand; give the same ones again on reopening.

    On Lite FLAT: its AUTOINDEX is an HNSW that returns too few rows under a filter. On a server AUTOINDEX.
    """
    if metric not in METRICS:
        raise KitError(f"The metric is {metric!r}", wanted=", ".join(METRICS))
    return {"index_type": "FLAT" if serves_lite(address(uri)) else "AUTOINDEX", "metric_type": metric, "params": {}}


class Schema(NamedTuple):
    """What the engine says of a collection: its fields as they are described, by name, and its indexes by field."""

    fields: dict[str, dict[str, Any]]
    indexes: dict[str, dict[str, Any]]
    primary_key: str
    auto_id: bool
    dynamic_field: bool
    partition_key: str | None
    consistency: str

    @property
    def vectors(self) -> list[str]:
        """The vector fields, in the schema's order."""
        return [name for name, field in self.fields.items() if "VECTOR" in field["type"].name]


def read_schema(client: MilvusClient, collection: str) -> Schema:
    """The schema and indexes of a collection that is there."""
    described = client.describe_collection(collection)
    fields = {field["name"]: field for field in described["fields"]}
    primary = next(field for field in fields.values() if field.get("is_primary"))
    indexes = [client.describe_index(collection, index) for index in client.list_indexes(collection)]
    return Schema(
        fields=fields,
        indexes={index["field_name"]: index for index in indexes},
        primary_key=primary["name"],
        auto_id=bool(primary.get("auto_id", described.get("auto_id"))),
        dynamic_field=bool(described.get("enable_dynamic_field")),
        partition_key=next((name for name, field in fields.items() if field.get("is_partition_key")), None),
        consistency=consistency_name(described["consistency_level"]),
    )


def describe(vector_store: Milvus) -> pd.DataFrame:
    """What the collection behind a vector store really is, as asked of the engine: one row a property.

    engine, collection, rows, fields, primary key, auto_id, dynamic field, partition key, partitions, one row an
    index (type and metric), consistency level.
    """
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name):
        return _properties({"engine": engine(client), "collection": f"{name} (does not exist)"})
    schema = read_schema(client, name)
    partitions = client.list_partitions(name)
    if schema.partition_key:  # the rows go to the numbered ones
        partitions = [partition for partition in partitions if partition != "_default"]
    return _properties(
        {
            "engine": engine(client),
            "collection": name,
            "rows": client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"],
            "fields": ", ".join(map(_field, schema.fields.values())),
            "primary key": schema.primary_key,
            "auto_id": schema.auto_id,
            "dynamic field": schema.dynamic_field,
            "partition key": schema.partition_key or "none",
            "partitions": len(partitions),
            **{f"index on {field}": f"{i['index_type']}, {i['metric_type']}" for field, i in schema.indexes.items()},
            "consistency": schema.consistency,
        }
    )


def consistency_name(level: int | str) -> str:
    """The consistency level by its name, however the client gives it."""
    from pymilvus.client.types import ConsistencyLevel

    return str(ConsistencyLevel.Name(level)) if isinstance(level, int) else level


def _properties(values: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"value": values.values()}, index=pd.Index(values, name="property"), dtype=object)


def _field(field: dict[str, Any]) -> str:
    size = field["params"].get("dim") or field["params"].get("max_length")
    return f"{field['name']}: {field['type'].name}" + (f"({size})" if size else "")

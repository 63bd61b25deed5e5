"""A vector store that keeps what it is given: a scratch place, index defaults, what its collection really is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.errors import KitError
from kit.files.scratch import scratch_folder
from kit.milvus.connection import engine, is_lite, serves_lite
from kit.milvus.ingest import ingest
from kit.milvus.require import consistency_name, require
from kit.milvus.scratch import scratch_database
from kit.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd
    from langchain_milvus import Milvus

__all__ = ["describe", "index_params", "ingest", "require", "scratch_uri"]

METRICS = ("COSINE", "IP", "L2")


def scratch_uri() -> str:
    """The address of a new empty database of this process, gone when it ends.

    A Milvus Lite file in a temporary folder; with MILVUS_URI set, a database of its own on that server. Where the
    server makes no databases, name one in MILVUS_URI (`https://host/database`): it is then used as it is.
    """
    uri = load_settings().milvus_uri
    return str(scratch_folder("db") / "milvus.db") if uri is None or is_lite(uri) else scratch_database(uri)


def index_params(uri: str, metric: str = "COSINE") -> dict[str, Any]:
    """Index parameters that lose no rows on the engine in hand; give the same ones again on reopening.

    On Lite FLAT: its AUTOINDEX is an HNSW that returns too few rows under a filter. On a server AUTOINDEX.
    """
    if metric not in METRICS:
        raise KitError(f"Wanted a metric of {', '.join(METRICS)}; found {metric!r}.")
    return {"index_type": "FLAT" if serves_lite(uri) else "AUTOINDEX", "metric_type": metric, "params": {}}


def describe(vector_store: Milvus) -> pd.DataFrame:
    """What the collection behind a vector store really is, as asked of the engine: one row a property.

    engine, collection, rows, fields, primary key, auto_id, dynamic field, partition key, partitions, one row an
    index (type and metric), consistency level.
    """
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name):
        return _properties({"engine": engine(client), "collection": f"{name} (does not exist)"})
    schema = client.describe_collection(name)
    fields = schema["fields"]
    primary = next(field for field in fields if field.get("is_primary"))
    partition_key = next((f["name"] for f in fields if f.get("is_partition_key")), "none")
    partitions = client.list_partitions(name)
    if partition_key != "none":  # the rows go to the numbered ones
        partitions = [partition for partition in partitions if partition != "_default"]
    indexes = [client.describe_index(name, index) for index in client.list_indexes(name)]
    return _properties(
        {
            "engine": engine(client),
            "collection": name,
            "rows": client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"],
            "fields": ", ".join(map(_field, fields)),
            "primary key": primary["name"],
            "auto_id": bool(primary.get("auto_id", schema.get("auto_id"))),
            "dynamic field": bool(schema.get("enable_dynamic_field")),
            "partition key": partition_key,
            "partitions": len(partitions),
            **{f"index on {i['field_name']}": f"{i['index_type']}, {i['metric_type']}" for i in indexes},
            "consistency": consistency_name(schema["consistency_level"]),
        }
    )


def _properties(values: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"value": values.values()}, index=pd.Index(values, name="property"), dtype=object)


def _field(field: dict[str, Any]) -> str:
    size = field["params"].get("dim") or field["params"].get("max_length")
    return f"{field['name']}: {field['type'].name}" + (f"({size})" if size else "")

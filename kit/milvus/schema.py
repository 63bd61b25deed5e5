"""What a collection is, what code may count on, and index parameters that lose nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError, nearest
from kit.files.scratch import scratch_folder
from kit.milvus.connection import address, engine, in_words, is_lite, serves_lite
from kit.milvus.same_model import compare_model
from kit.milvus.scratch import scratch_database
from kit.models.embeddings import embeddings_name
from kit.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd
    from langchain_core.embeddings import Embeddings
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


def require(vector_store: Milvus, embeddings: Embeddings | None = None, **wanted: object) -> None:
    """Make sure that the collection behind a vector store is what the code counts on.

    `require(vector_store, partition_key="namespace", metric="COSINE")`; the names: metric, index_type, dimension (of
    the first vector field), partition_key, primary_key, auto_id, dynamic_field, consistency, and fields, a list of
    names or a dict of names to types such as {"year": "INT64"}. With `embeddings`, that they are what its vectors were
    made with: a sample of rows is embedded anew, in about a second (kit.milvus.same_model). Raises KitError with each
    thing wanted and found; of vectors that is another model, not normalised, another prefix or truncation, text changed
    after embedding, vectors of other texts, mixed, or another version.
    """
    with in_words(vector_store):
        schema = _schema(vector_store)
        found = _contract(schema)
        verdict = None if embeddings is None else compare_model(vector_store, embeddings, schema)
    for name in wanted:
        if name not in found:
            known = ["embeddings", *found]
            raise KitError(f"require() knows {', '.join(known)}; found {name!r}.{nearest(name, known)}")
    broken = []
    if embeddings is not None and verdict is not None and verdict.finding != "same model":
        broken.append(f"embeddings wanted {embeddings_name(embeddings)}, found {verdict}")
    for name, value in wanted.items():
        if name == "fields":
            broken += _broken_fields(value, found["fields"])
        elif value != found[name]:
            broken.append(f"{name} wanted {value!r}, found {found[name]!r}")
    if broken:
        raise KitError(
            f'The collection "{vector_store.collection_name}" is not what the code counts on: {"; ".join(broken)}. '
            "Open another collection, or make this one anew with the wanted options."
        )


def _schema(vector_store: Milvus) -> Schema:
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name):
        raise KitError(
            f'There is no collection "{name}" to require anything of.', mend="Ingest documents, or mend the name."
        )
    return read_schema(client, name)


def _contract(schema: Schema) -> dict[str, Any]:
    vector = schema.vectors[0] if schema.vectors else ""
    index = schema.indexes.get(vector, {})
    return {
        "metric": index.get("metric_type"),
        "index_type": index.get("index_type"),
        "dimension": int(schema.fields[vector]["params"].get("dim", 0)) or None if vector else None,
        "partition_key": schema.partition_key,
        "primary_key": schema.primary_key,
        "auto_id": schema.auto_id,
        "dynamic_field": schema.dynamic_field,
        "consistency": schema.consistency,
        "fields": {field: one["type"].name for field, one in schema.fields.items()},
    }


def _broken_fields(wanted: object, found: dict[str, str]) -> list[str]:
    if isinstance(wanted, str) or not hasattr(wanted, "__iter__"):
        raise KitError(f"fields wants a list of names or a dict of names to types; found {wanted!r}.")
    kinds = wanted if isinstance(wanted, dict) else dict.fromkeys(wanted)
    broken = [f"field {name!r} wanted, found {', '.join(found)}" for name in kinds if name not in found]
    return broken + [
        f"field {name!r} wanted as {kind}, found {found[name]}"
        for name, kind in kinds.items()
        if kind is not None and found.get(name, kind) != kind
    ]


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

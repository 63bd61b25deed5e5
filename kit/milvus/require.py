"""What code counts on in a collection, checked against what the engine has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.errors import KitError, nearest
from kit.milvus.connection import in_words

if TYPE_CHECKING:
    from langchain_milvus import Milvus


def require(vector_store: Milvus, **wanted: object) -> None:
    """Make sure that the collection behind a vector store is what the code counts on.

    `require(vector_store, partition_key="namespace", metric="COSINE")`; the names: metric, index_type, dimension (of
    the first vector field), partition_key, primary_key, auto_id, dynamic_field, consistency, and fields, a list of
    names or a dict of names to types such as {"year": "INT64"}. Raises KitError with each thing wanted and found.
    """
    with in_words(vector_store):
        found = _contract(vector_store)
    for name in wanted:
        if name not in found:
            raise KitError(f"require() knows {', '.join(found)}; found {name!r}.{nearest(name, list(found))}")
    broken = []
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


def _contract(vector_store: Milvus) -> dict[str, Any]:
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name):
        raise KitError(f'There is no collection "{name}" to require anything of. Ingest documents, or mend the name.')
    schema = client.describe_collection(name)
    fields = schema["fields"]
    primary = next(field for field in fields if field.get("is_primary"))
    vector = next((field for field in fields if "VECTOR" in field["type"].name), {"name": None, "params": {}})
    indexes = [client.describe_index(name, index) for index in client.list_indexes(name)]
    index = next((index for index in indexes if index["field_name"] == vector["name"]), {})
    return {
        "metric": index.get("metric_type"),
        "index_type": index.get("index_type"),
        "dimension": int(vector["params"].get("dim", 0)) or None,
        "partition_key": next((field["name"] for field in fields if field.get("is_partition_key")), None),
        "primary_key": primary["name"],
        "auto_id": bool(primary.get("auto_id", schema.get("auto_id"))),
        "dynamic_field": bool(schema.get("enable_dynamic_field")),
        "consistency": consistency_name(schema["consistency_level"]),
        "fields": {field["name"]: field["type"].name for field in fields},
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

    return ConsistencyLevel.Name(level) if isinstance(level, int) else level

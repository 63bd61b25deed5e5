"""What code counts on of a collection, made sure of before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.errors import KitError, nearest
from kit.milvus.connection import in_words
from kit.milvus.same_model import compare_model
from kit.milvus.schema import Schema, read_schema
from kit.models.embeddings import embeddings_name

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_milvus import Milvus


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

"""What a vector store was told on opening and its collection, made before, does not have."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from kit.errors import KitError
from kit.milvus.connection import in_words
from kit.milvus.langchain import store_fields
from kit.milvus.schema import Schema, read_schema

if TYPE_CHECKING:
    from langchain_milvus import Milvus


def check_reopened(vector_store: Milvus) -> None:
    """Raise KitError for the first option that the opened collection drops; a collection yet to be made has none."""
    with in_words(vector_store):
        if not vector_store.client.has_collection(vector_store.collection_name):
            return
        schema = read_schema(vector_store.client, vector_store.collection_name)
    _check_dynamic_field(vector_store, schema)
    _check_partition_key(vector_store, schema)
    _check_consistency(vector_store, schema)
    _check_metrics(vector_store, schema)


def _check_dynamic_field(store: Milvus, schema: Schema) -> None:
    if schema.dynamic_field and not store.enable_dynamic_field and not store_fields(store).metadata:
        raise KitError(
            f'The collection "{store.collection_name}" keeps metadata in a dynamic field; opened without '
            "enable_dynamic_field=True, every hit comes back without it.",
            mend="Open it with enable_dynamic_field=True.",
        )
    if store.enable_dynamic_field and not schema.dynamic_field:
        raise KitError(
            f'enable_dynamic_field=True is dropped: the collection "{store.collection_name}" was made without a '
            "dynamic field.",
            mend="Open it without, or make the collection anew.",
        )


def _check_partition_key(store: Milvus, schema: Schema) -> None:
    asked = store_fields(store).partition_key
    if asked and schema.partition_key != asked:
        raise KitError(
            f'partition_key_field="{asked}" is dropped: the collection "{store.collection_name}" has '
            f"{schema.partition_key or 'no partition key'}.",
            mend="Make the collection with enable_dynamic_field=True beside it, or say is_partition_key in "
            "metadata_schema.",
        )


def _check_consistency(store: Milvus, schema: Schema) -> None:
    usual = inspect.signature(type(store).__init__).parameters["consistency_level"].default
    if store.consistency_level not in (usual, schema.consistency):
        raise KitError(
            f'consistency_level="{store.consistency_level}" is dropped: the collection "{store.collection_name}" was '
            f"made with {schema.consistency}, and opening it again changes nothing.",
            mend=f'Give it to the searches: similarity_search(…, consistency_level="{store.consistency_level}").',
        )


def _check_metrics(store: Milvus, schema: Schema) -> None:
    """langchain-milvus turns scores into relevance by the metric of `index_params`, and by L2 where it has none."""
    given = store.index_params or {}
    by_place = given if isinstance(given, list) else [given]
    vectors = store_fields(store).vectors
    for place, name in enumerate(vectors):
        index = schema.indexes.get(name)
        if index is None or schema.fields[name]["type"].name != "FLOAT_VECTOR":
            continue
        asked = _metric(by_place[place] if place < len(by_place) else {})
        actual = str(index["metric_type"])
        if (asked or "L2") != actual:
            raise KitError(
                f'The index on "{name}" of the collection "{store.collection_name}" measures {actual}; the store was '
                f"opened {f'with {asked}' if asked else 'without index_params'}, and relevance scores would be "
                f"computed as for {asked or 'L2'}.",
                mend=f'Open it with index_params=kit.index_params(uri, "{actual}").',
            )


def _metric(params: dict[str, Any]) -> str | None:
    value = params.get("metric_type")
    return str(value) if value else None

"""Whether documents fit a collection, told before the first write: what Milvus would refuse half-way, or drop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus

CALL_SECONDS = 30  # one call to a server
LONGEST = 65_535  # bytes, in Milvus' longest VARCHAR
BITS = {"INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64}
KINDS = {bool: "BOOL", int: "INT64", float: "DOUBLE", str: "VARCHAR", dict: "JSON"}
WANTED = {"BOOL": "True or False", "FLOAT": "a number", "DOUBLE": "a number", "ARRAY": "a list"}


class _Field(NamedTuple):
    """What a field holds: Milvus' type, the longest text in bytes, and whether it may be empty."""

    kind: str
    longest: int = LONGEST
    optional: bool = False


def check_documents(vector_store: Milvus, documents: Sequence[Document]) -> None:
    """Make sure that each document can be written into the vector store's collection, or into the one it will make.

    Raises KitError with the document's number and beginning, what was found and what was wanted.
    """
    if vector_store.builtin_func and not vector_store.embeddings:
        raise KitError("ingest() wants a vector store with embeddings; this one has only a built-in function.")
    names = vector_store._vector_field
    reserved = {vector_store._primary_field, vector_store._text_field, "$meta"}
    reserved |= {*names} if isinstance(names, list) else {names}
    free = bool(vector_store.enable_dynamic_field or vector_store._metadata_field)
    fields = _stored_fields(vector_store)
    text = _Field("VARCHAR") if fields is None else fields.get(vector_store._text_field, _Field("VARCHAR"))
    if fields is None:
        fields = _fields_to_be(vector_store, documents[:1], free)
    fields = {name: one for name, one in fields.items() if name not in {*reserved, vector_store._metadata_field}}
    for number, document in enumerate(documents, start=1):
        about = f"Document {number} of {len(documents)} ({document.page_content[:30]!a})"
        if wrong := _misfit(text, document.page_content):
            raise KitError(f"{about} has as text {wrong}")
        _check_keys(about, document.metadata, fields, reserved, free)
        for key, value in document.metadata.items():
            if wrong := _misfit(fields.get(key, _Field("JSON")), value):
                raise KitError(f"{about} has as {key!r} {wrong}")


def _stored_fields(vector_store: Milvus) -> dict[str, _Field] | None:
    """The fields of the collection that is there, once its keys are texts of one's own; None before the first write."""
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name, timeout=CALL_SECONDS):
        if vector_store.auto_id:
            raise KitError(
                "ingest() wants own text ids; this vector store has auto_id=True. Open it with auto_id=False."
            )
        return None
    described = client.describe_collection(name, timeout=CALL_SECONDS)["fields"]
    primary = next(one for one in described if one.get("is_primary"))
    if primary.get("auto_id") or primary["type"].name != "VARCHAR":
        raise KitError(
            f'ingest() wants own text ids; "{name}" has {primary["name"]}: {primary["type"].name}'
            f"{', made by Milvus' if primary.get('auto_id') else ''}. Ingest into a new collection, opened with "
            "Milvus(embeddings, auto_id=False, …)."
        )
    return {
        one["name"]: _Field(
            one["type"].name,
            int(one["params"].get("max_length", LONGEST)),
            bool(one.get("nullable") or one.get("default_value") is not None),
        )
        for one in described
        if not one.get("is_function_output")
    }


def _fields_to_be(vector_store: Milvus, first: Sequence[Document], free: bool) -> dict[str, _Field]:
    """The fields that langchain-milvus makes: from the first document, unless its options leave the metadata free."""
    if free:
        partition_key = vector_store._partition_key_field if vector_store.enable_dynamic_field else None
        return {partition_key: _Field("VARCHAR")} if partition_key else {}
    given = vector_store.metadata_schema or {}
    fields = {}
    for key, value in ((key, value) for document in first for key, value in document.metadata.items()):
        kind = KINDS.get(type(value))
        if key in given:
            kind = getattr(given[key].get("dtype"), "name", "UNKNOWN")
        elif kind is None and value is not None:
            raise KitError(
                f"Document 1 ({first[0].page_content[:30]!a}) has as {key!r} {_found(value)}, for which LangChain "
                "makes no field. Wanted a text, a number, True or False, or a dict; for a list open the vector "
                "store with enable_dynamic_field=True or give its type in metadata_schema."
            )
        fields[key] = _Field(kind or "UNKNOWN")
    return fields


def _check_keys(about: str, metadata: dict, fields: dict[str, _Field], reserved: set[str], free: bool) -> None:
    keys = set(metadata)
    optional = {name for name, one in fields.items() if one.optional}
    if odd := [key for key in keys if not isinstance(key, str)]:
        raise KitError(f"{about} has the metadata key {odd[0]!r}; wanted texts as keys.")
    if taken := keys & reserved:
        raise KitError(f"{about} has the metadata {_list(taken)}, which Milvus uses itself. Rename it.")
    if empty := {key for key in keys - optional if metadata[key] is None}:
        raise KitError(
            f"{about} has None as {_list(empty)}; a field holds a value. Leave it out everywhere or fill it."
        )
    if not free and (extra := keys - set(fields)):
        raise KitError(
            f"{about} has the metadata {_list(extra)}, for which the collection has no field: it would be dropped. "
            "Give every document the same keys, or open the vector store with enable_dynamic_field=True."
        )
    if missing := set(fields) - keys - optional:
        raise KitError(f"{about} lacks the metadata {_list(missing)}, for which the collection has a field.")


def _misfit(field: _Field, value: Any) -> str | None:
    """What is wrong with the value of a field, as the rest of a sentence; None when it fits."""
    kind = field.kind
    if value is None and field.optional:
        return None
    if kind == "VARCHAR":
        return _misfit_text(value, field.longest)
    if kind in BITS:
        limit = 2 ** (BITS[kind] - 1)
        fits = isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        return None if fits else f"{_found(value)}; wanted an integer of {BITS[kind]} bits."
    fits = {
        "BOOL": isinstance(value, bool),
        "FLOAT": isinstance(value, int | float) and not isinstance(value, bool),
        "ARRAY": isinstance(value, list),
    }
    if kind == "JSON":
        try:
            json.dumps(value, ensure_ascii=False).encode()
            return None
        except (TypeError, ValueError) as error:
            return f"{_found(value)}, which is no JSON: {error}. Wanted texts, numbers, lists and dicts of them."
    known = "FLOAT" if kind == "DOUBLE" else kind
    return None if fits.get(known, True) else f"{_found(value)}; wanted {WANTED[kind]}."


def _misfit_text(value: Any, longest: int) -> str | None:
    if not isinstance(value, str):
        return f"{_found(value)}; wanted a text."
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "a text with half a surrogate pair, which cannot be stored. Replace it."
    return None if size <= longest else f"a text of {size:,} bytes; wanted {longest:,} at most. Split it."


def _found(value: Any) -> str:
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    shown = ascii(value)
    return f"{shown if len(shown) <= 30 else shown[:29] + '…'} ({name})"


def _list(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))

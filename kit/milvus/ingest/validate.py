"""Whether documents fit a collection, told before the first write: what Milvus would refuse half-way, or drop."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError
from kit.milvus.filters import can_name
from kit.milvus.ingest.identity import LONGEST, Numbered
from kit.milvus.langchain import StoreFields, store_fields
from kit.milvus.retry import CALL_SECONDS

if TYPE_CHECKING:
    from langchain_milvus import Milvus

COLLECTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # what a server takes
BITS = {"INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64}
KINDS = {bool: "BOOL", int: "INT64", float: "DOUBLE", str: "VARCHAR", dict: "JSON"}
WANTED = {"BOOL": "True or False", "FLOAT": "a finite number", "DOUBLE": "a finite number"}


class _Field(NamedTuple):
    """What a field holds: Milvus' type, the longest text in bytes, whether it may be empty; of an array its members."""

    kind: str
    longest: int = LONGEST
    optional: bool = False
    capacity: int = 0
    member: str = ""


def check_documents(vector_store: Milvus, documents: Iterable[Numbered], count: int) -> None:
    """Make sure that each document can be written into the vector store's collection, or into the one it will make.

    Raises KitError with the document's number among `count` and its beginning, what was found and what was wanted.
    """
    documents = list(documents)
    if vector_store.builtin_func and not vector_store.embeddings:
        raise KitError("ingest() wants a vector store with embeddings; this one has only a built-in function.")
    check_collection_name(vector_store.collection_name)
    names = store_fields(vector_store)
    free = bool(vector_store.enable_dynamic_field or names.metadata)
    fields = _stored_fields(vector_store)
    text = _Field("VARCHAR") if fields is None else fields.get(names.text, _Field("VARCHAR"))
    if fields is None:
        fields = _fields_to_be(vector_store, names, documents[:1], free)
    fields = {name: field for name, field in fields.items() if name not in {*names.reserved, names.metadata}}
    for document, number, _ in documents:
        about = f"Document {number} of {count} ({document.page_content[:30]!a})"
        if wrong := _misfit(text, document.page_content):
            raise KitError(f"{about} has as text {wrong}")
        if not document.page_content.strip():
            raise KitError(
                f"{about} is blank, of which embeddings make nothing that can be found.", mend="Leave it out."
            )
        _check_keys(about, document.metadata, fields, names, free, vector_store.enable_dynamic_field)
        for key, value in document.metadata.items():
            if wrong := _misfit(fields.get(key, _Field("JSON")), value):
                raise KitError(f"{about} has as {key!r} {wrong}")


def check_collection_name(name: object) -> None:
    """Refuse a name that a server refuses, on Milvus Lite too, where it would work until the collection moves."""
    if not isinstance(name, str) or not COLLECTION_NAME.fullmatch(name):
        raise KitError(
            f"A Milvus server takes no collection of the name {ascii(name)[:60]}",
            wanted="a letter or _, then letters, digits or _, 255 at most",
        )


def _stored_fields(vector_store: Milvus) -> dict[str, _Field] | None:
    """The fields of the collection that is there, once its keys are texts of one's own; None before the first write."""
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name, timeout=CALL_SECONDS):
        if vector_store.auto_id:
            raise KitError(
                "ingest() wants own text ids; this vector store has auto_id=True", mend="Open it with auto_id=False."
            )
        return None
    described = client.describe_collection(name, timeout=CALL_SECONDS)["fields"]
    primary = next(field for field in described if field.get("is_primary"))
    if primary.get("auto_id") or primary["type"].name != "VARCHAR":
        raise KitError(
            f'ingest() wants own text ids; "{name}" has {primary["name"]}: {primary["type"].name}'
            f"{', made by Milvus' if primary.get('auto_id') else ''}. Ingest into a new collection, opened with "
            "Milvus(embeddings, auto_id=False, …)."
        )
    return {
        field["name"]: _Field(
            field["type"].name,
            int(field["params"].get("max_length", LONGEST)),
            bool(field.get("nullable") or field.get("default_value") is not None),
            int(field["params"].get("max_capacity", 0)),
            _type_name(field.get("element_type")),
        )
        for field in described
        if not field.get("is_function_output")
    }


def _fields_to_be(vector_store: Milvus, names: StoreFields, first: list[Numbered], free: bool) -> dict[str, _Field]:
    """The fields that langchain-milvus makes: from the first document, unless its options leave the metadata free."""
    if free:
        partition_key = names.partition_key if vector_store.enable_dynamic_field else None
        return {partition_key: _Field("VARCHAR")} if partition_key else {}
    given = vector_store.metadata_schema or {}
    fields = {}
    for document, number, _ in first:
        for key, value in document.metadata.items():
            if key in given:
                options = {**given[key].get("kwargs", {}), **given[key]}
                fields[key] = _Field(
                    _type_name(options.get("dtype")) or "UNKNOWN",
                    int(options.get("max_length", LONGEST)),
                    bool(options.get("nullable") or options.get("default_value") is not None),
                    int(options.get("max_capacity", 0)),
                    _type_name(options.get("element_type")),
                )
                continue
            kind = KINDS.get(type(value))
            if kind is None and value is not None:
                raise KitError(
                    f"Document {number} ({document.page_content[:30]!a}) has as {key!r} {_found(value)}, for "
                    "which LangChain makes no field",
                    wanted="a text, a number, True or False, or a dict; for a list open the vector store with "
                    "enable_dynamic_field=True or give its type in metadata_schema",
                )
            fields[key] = _Field(kind or "UNKNOWN")
    return fields


def _type_name(kind: object) -> str:
    """The name of a Milvus type, given as such or by its number."""
    from pymilvus import DataType

    try:
        return DataType(kind).name if kind is not None else ""
    except ValueError:
        return "UNKNOWN"


def _check_keys(
    about: str, metadata: dict[Any, Any], fields: dict[str, _Field], names: StoreFields, free: bool, dynamic: bool
) -> None:
    keys = set(metadata)
    optional = {name for name, one in fields.items() if one.optional}
    inside = bool(names.metadata and not dynamic)
    if odd := [key for key in keys if not isinstance(key, str)]:
        raise KitError(f"{about} has the metadata key {odd[0]!r}", wanted="texts as keys")
    if taken := keys & names.reserved:
        raise KitError(f"{about} has the metadata {_list(taken)}, which Milvus uses itself", mend="Rename it.")
    inside = bool(names.metadata and not dynamic)
    if odd := [key for key in keys if not (can_name(key, in_json=inside))]:
        raise KitError(
            f"{about} has the metadata key {ascii(odd[0])[:60]}, which no filter can name.",
            mend="Rename it: a letter or _, then letters, digits or _.",
        )
    if empty := {key for key in keys - optional if metadata[key] is None}:
        raise KitError(
            f"{about} has None as {_list(empty)}; a field holds a value", mend="Leave it out everywhere or fill it."
        )
    if not free and (extra := keys - set(fields)):
        raise KitError(
            f"{about} has the metadata {_list(extra)}, for which the collection has no field: it would be dropped",
            mend="Give every document the same keys, or open the vector store with enable_dynamic_field=True.",
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
    if kind == "ARRAY":
        return _misfit_array(field, value)
    if kind == "JSON":
        return _misfit_json(value)
    if kind in ("FLOAT", "DOUBLE"):
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        fits = kind != "BOOL" or isinstance(value, bool)
    return None if fits else f"{_found(value)}; wanted {WANTED[kind]}."


def _misfit_array(field: _Field, value: Any) -> str | None:
    if not isinstance(value, list):
        return f"{_found(value)}; wanted a list."
    if field.capacity and len(value) > field.capacity:
        return f"a list of {len(value):,} values; wanted {field.capacity:,} at most, the array's capacity."
    wrong = (_misfit(_Field(field.member, field.longest), inner) for inner in value if field.member)
    return next((f"a list that holds {words}" for words in wrong if words), None)


def _misfit_json(value: Any) -> str | None:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"{_found(value)}, which is no JSON: {error}. Wanted texts, numbers, lists and dicts of them."
    big = next((inner for inner in _numbers(value) if not -(2**63) <= inner < 2**63), None)
    return None if big is None else f"{_found(big)}; wanted integers of 64 bits."


def _numbers(value: Any) -> Iterator[int]:
    """Every integer inside a JSON value."""
    if isinstance(value, int):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _numbers(inner)


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

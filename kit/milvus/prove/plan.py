"""What it takes to make a collection anew: its schema and indexes as plain values, and its rows."""

from __future__ import annotations

from typing import Any

from kit.milvus.prove.copy import DEFAULTS
from kit.milvus.prove.subject import Subject

KEPT = ("max_length", "max_capacity", "dim", "enable_analyzer", "analyzer_params", "enable_match")
ABOUT = ("field_name", "index_name", "index_type", "metric_type", "total_rows", "indexed_rows", "pending_index_rows",
         "state")  # fmt: skip


def plan_of(subject: Subject, names: set[str] | None = None) -> dict[str, Any]:
    """The collection's plan for `copy.build`; only with the fields of these names, where they are given."""
    legs = [leg for leg in subject.legs if names is None or leg.field in names]
    used = set(subject.schema.fields) if names is None else {subject.primary, *names}
    used |= {leg.text for leg in legs if leg.text}
    fields = {name: field for name, field in subject.schema.fields.items() if name in used}
    functions = [
        (function["name"], function["input_field_names"][0], function["output_field_names"][0])
        for function in subject.described.get("functions", [])
        if function["output_field_names"][0] in fields
    ]
    return {
        "dynamic": subject.schema.dynamic_field,
        "fields": [_field(field) for field in fields.values()],
        "bm25": functions,
        "indexes": [_index(subject.schema.indexes[leg.field]) for leg in legs],
    }


def rows_of(subject: Subject, names: set[str] | None = None, places: list[int] | None = None) -> list[dict[str, Any]]:
    """The stored rows, those at these places; a dynamic key that a row lacks is left out of it."""
    fields = subject.schema.fields
    kept = [name for name in subject.columns if names is None or name in names or name == subject.primary]
    chosen = range(len(subject.columns[subject.primary])) if places is None else places
    return [
        {
            name: _plain(subject.columns[name][place])
            for name in kept
            if name in fields or subject.columns[name][place] is not None
        }
        for place in chosen
    ]


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _field(field: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `add_field`."""
    options: dict[str, Any] = {"name": field["name"], "type": field["type"].name}
    options |= {name: _number(value) for name, value in field["params"].items() if name in KEPT}
    if field.get("is_primary"):
        options["is_primary"] = True
    for flag in ("is_partition_key", "nullable"):
        if field.get(flag):
            options[flag] = True
    if field["type"].name == "ARRAY":
        options["element_type"] = _name(field["element_type"])
    return options


def _number(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _name(kind: Any) -> str:
    from pymilvus import DataType

    return str(DataType(kind).name)


def _index(index: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `add_index`; of parameters that the engine does not tell, the usual ones."""
    asked = {name: _number(value) for name, value in index.items() if name not in ABOUT and name != "params"}
    asked |= {name: _number(value) for name, value in dict(index.get("params") or {}).items()}
    kind = str(index["index_type"])
    usual = [name for name in DEFAULTS if (name == "nlist") == kind.startswith("IVF")]
    if kind.startswith(("IVF", "HNSW")):
        asked = {name: DEFAULTS[name] for name in usual} | asked
    return {
        "field_name": index["field_name"],
        "index_type": kind,
        "metric_type": str(index["metric_type"]),
        "params": asked,
    }

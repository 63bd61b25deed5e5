"""A collection made anew from a plan and rows: pymilvus only, so that scripts carry it."""

from __future__ import annotations

from typing import Any

DEFAULTS = {"nlist": 128, "M": 16, "efConstruction": 200}  # where Milvus does not say what was asked for
INSERTED = 500  # rows in one call


def build(client: Any, collection: str, plan: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Make the collection, its indexes and its rows, and load it; nothing is flushed yet."""
    from pymilvus import DataType, Function, FunctionType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=plan["dynamic"])
    for field in plan["fields"]:
        options = {name: value for name, value in field.items() if name not in ("name", "type")}
        if "element_type" in options:
            options["element_type"] = DataType[options["element_type"]]
        schema.add_field(field["name"], DataType[field["type"]], **options)
    for name, text, output in plan["bm25"]:
        bm25 = Function(name=name, input_field_names=[text], output_field_names=[output],
                        function_type=FunctionType.BM25)  # fmt: skip
        schema.add_function(bm25)
    index_params = client.prepare_index_params()
    for index in plan["indexes"]:
        index_params.add_index(**index)
    client.create_collection(collection, schema=schema, index_params=index_params, consistency_level="Strong")
    for start in range(0, len(rows), INSERTED):
        client.insert(collection, rows[start : start + INSERTED])
    client.load_collection(collection)

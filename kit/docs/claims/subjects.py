"""What a page's code is about: which of its names are stores of Milvus, and which are another store's."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Literal

from kit.pages.code import parse

Store = Literal["milvus", "other"]
MILVUS = ("langchain_milvus", "pymilvus", "milvus_lite")
# Modules whose classes are stores; a name that comes from one of them and is no Milvus is another store.
STORES = ("vectorstores", "chroma", "faiss", "pinecone", "qdrant", "weaviate", "postgres", "elasticsearch", "mongodb",
          "redis", "lancedb", "pgvector")  # fmt: skip


class Subjects:
    """The stores of a page: `store_of` a name, and whether the page is another store's."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._names: dict[str, Store] = {}
        for source in sources:
            for node in ast.walk(parse(source) or ast.Module([], [])):
                if isinstance(node, ast.ImportFrom) and node.module:
                    self._imported(node.module, [alias.asname or alias.name for alias in node.names])
                elif isinstance(node, ast.Import):
                    for alias in node.names:
                        self._imported(alias.name, [alias.asname or alias.name.partition(".")[0]])
                elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.Await):
                    self._assigned(node)

    @property
    def another_store(self) -> bool:
        """Whether the page's code uses stores, and none of them is a Milvus."""
        kinds = set(self._names.values())
        return "other" in kinds and "milvus" not in kinds

    def store_of(self, name: str) -> Store | None:
        """What a name of the page is: `milvus`, `other`, or None where its code does not tell."""
        return self._names.get(name.partition(".")[0])

    def may_be_milvus(self, receiver: str) -> bool:
        """Whether a call on this name may be one on a Milvus: it is one, or nothing says that it is another's."""
        kind = self.store_of(receiver)
        return kind == "milvus" or (kind is None and "other" not in self._names.values())

    def _imported(self, module: str, names: Iterable[str]) -> None:
        for name in names:
            if module.partition(".")[0] in MILVUS or name in ("Milvus", "Zilliz"):
                self._names[name] = "milvus"
            elif name != "VectorStore" and any(word in module for word in STORES):
                self._names[name] = "other"

    def _assigned(self, node: ast.Assign) -> None:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        kind = self.store_of(first_name(call))
        for target in node.targets:
            if kind and isinstance(target, ast.Name):
                self._names[target.id] = kind


def first_name(node: ast.AST) -> str:
    """`Milvus` for the tree of `Milvus(e).as_retriever()`: the name that a chain of calls begins with."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""

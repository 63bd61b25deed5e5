"""What the kit knows of langchain-milvus' private members; nothing else in the kit touches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus


class StoreFields(NamedTuple):
    """The names that a vector store gives its fields; `metadata` is the JSON field that holds all metadata, if any."""

    primary: str
    text: str
    vectors: tuple[str, ...]
    embedded: tuple[str, ...]  # those vectors that an embedding of the store makes, in the order of its embeddings
    metadata: str | None
    partition_key: str | None

    @property
    def reserved(self) -> set[str]:
        """What metadata cannot be called."""
        return {self.primary, self.text, *self.vectors, "$meta"}


def store_fields(vector_store: Milvus) -> StoreFields:
    """The names of a vector store's fields."""
    return StoreFields(
        vector_store._primary_field,
        vector_store._text_field,
        tuple(vector_store.vector_fields),
        tuple(vector_store._vector_fields_from_embedding),
        vector_store._metadata_field,
        vector_store._partition_key_field,
    )


def connection_of(vector_store: Milvus) -> dict[str, Any]:
    """The `connection_args` that a vector store was opened with."""
    return vector_store._connection_args


def finish_creation(vector_store: Milvus) -> None:
    """Read the fields of a collection that another object made, build the indexes it lacks, and load it."""
    vector_store._init()


def as_document(vector_store: Milvus, row: dict[str, Any]) -> Document:
    """A row of the client as the document that a search would give; takes the row's values out of it."""
    return vector_store._parse_document(row)

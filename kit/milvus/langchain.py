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


def is_hybrid(vector_store: Milvus) -> bool:
    """Whether a search of the store is a hybrid search: it has several vector fields."""
    return bool(vector_store._is_multi_vector)


def searches_not_run(vector_store: Milvus) -> frozenset[str]:
    """The private searches that a store of this kind never comes through."""
    kind = "_collection_search" if is_hybrid(vector_store) else "_collection_hybrid_search"
    return frozenset((kind, kind.replace("_", "_a", 1)))


def output_fields(vector_store: Milvus) -> list[str]:
    """What a search asks the engine for."""
    return vector_store._get_output_fields()


def ranker_source(store_class: type[Milvus]) -> Any:
    """The method that reads `ranker_type` and `ranker_params`."""
    return store_class._create_ranker


def upsert_embedded(
    vector_store: Milvus,
    texts: list[str],
    embeddings: list[Any],
    metadatas: list[dict[str, Any]] | None,
    ids: list[str],
    batch_size: int,
    timeout: float | None,
    **options: Any,
) -> None:
    """Write rows that take the place of those with the same ids; one embedding a text, or one of each field a text."""
    several = len(vector_store._vector_fields_from_embedding) > 1
    by_field = [list(field) for field in zip(*embeddings, strict=True)] if several else [embeddings]
    if not embeddings or not vector_store._vector_fields_from_embedding:
        by_field = []
    rows = vector_store._prepare_insert_list(texts, by_field, metadatas, ids, force_ids=True)
    for first in range(0, len(rows), batch_size):
        vector_store.client.upsert(
            vector_store.collection_name, rows[first : first + batch_size], timeout=timeout, **options
        )


class DocumentsWithIds:
    """Hits as LangChain wants them: the primary key is the document's id and no part of its metadata."""

    _primary_field: str
    _vector_field: Any

    def _remove_forbidden_fields(self, fields: list[str]) -> list[str]:
        """On a copy: langchain-milvus adds to the store's own list, and its next hybrid search fails."""
        before = self._vector_field
        if isinstance(before, list):
            self._vector_field = list(before)
        try:
            kept: list[str] = super()._remove_forbidden_fields(fields)  # type: ignore[misc]  # a mixin before Milvus
            return kept
        finally:
            self._vector_field = before

    def _parse_document(self, data: dict[str, Any]) -> Document:
        key = data.pop(self._primary_field, None)
        document: Document = super()._parse_document(data)  # type: ignore[misc]  # a mixin before Milvus
        document.id = None if key is None else str(key)
        return document

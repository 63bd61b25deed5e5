"""LangChain's contract for documents and their ids, which its standard tests hold a vector store to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.documents import Document
from langchain_core.runnables import run_in_executor

from kit.errors import KitError, nearest
from kit.milvus import filters
from kit.milvus.ingest.turns import turn
from kit.milvus.langchain import as_document, output_fields, store_fields, upsert_embedded
from kit.milvus.schema import Schema, read_schema

if TYPE_CHECKING:
    from langchain_milvus import Milvus as _Base
else:
    _Base = object


class StandardDocuments(_Base):
    """A mixin before langchain-milvus' store: ids are kept, the same id replaces, nothing fails in silence."""

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Store documents, each under the id given, else under its own `id`, else under a new one; the ids."""
        ids = kwargs.pop("ids", None)
        if ids is None and any(document.id for document in documents):
            self._refuse_ids_that_are_not_kept("The document's id")
            ids = [document.id or str(uuid4()) for document in documents]
        texts, metadatas = [each.page_content for each in documents], [each.metadata for each in documents]
        return self.add_texts(texts, metadatas, ids=ids, **kwargs)

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        timeout: float | None = None,
        batch_size: int = 1000,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts; one id a text, and a text of the same id takes the place of the one before."""
        texts = list(texts)
        self._check_metadata(metadatas or [])
        if self._makes_ids():
            if ids:
                self._refuse_ids_that_are_not_kept("ids=")
            ids = None
        else:
            ids = _checked_ids(ids, len(texts))
        with turn(self, "write"):
            stored = super().add_texts(texts, metadatas, timeout, batch_size, ids=ids, **kwargs)
        return [str(key) for key in stored]

    def add_embeddings(
        self,
        texts: list[str],
        embeddings: list[Any],
        metadatas: list[dict[str, Any]] | None = None,
        timeout: float | None = None,
        batch_size: int = 1000,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts with their vectors, by the rules of `add_texts`."""
        self._check_metadata(metadatas or [])
        with turn(self, "write"):
            if ids and self.client.has_collection(self.collection_name) and self.fields:
                upsert_embedded(self, texts, embeddings, metadatas, ids, batch_size, self.timeout or timeout, **kwargs)
                return ids
            stored = super().add_embeddings(texts, embeddings, metadatas, timeout, batch_size, ids=ids, **kwargs)
        return [str(key) for key in stored]

    def upsert(  # type: ignore[override]  # the ids are what a caller wants to know
        self,
        ids: list[str] | None = None,
        documents: list[Document] | None = None,
        batch_size: int = 1000,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store documents in the place of those with the same ids; the ids."""
        if ids is not None and not ids and documents:
            raise KitError(
                f"upsert() was given no id for {len(documents)} documents: they would be added once more.",
                mend="Give one id a document, or ids=None for new ones.",
            )
        if self._makes_ids() and ids:
            with turn(self, "write"):
                super().upsert(ids, documents, batch_size, timeout, **kwargs)
            return [str(key) for key in ids]
        return self.add_documents(documents or [], ids=ids, batch_size=batch_size, timeout=timeout, **kwargs)

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of these ids that are there, in the order asked for."""
        if not ids or not self.client.has_collection(self.collection_name):
            return []
        key = self._schema().primary_key
        rows = self.client.query(
            self.collection_name, filter=self._with_ids(ids), output_fields=output_fields(self), limit=len(ids)
        )
        by_id = {str(row[key]): row for row in rows}
        return [as_document(self, by_id.pop(name)) for name in map(str, ids) if name in by_id]

    def delete(self, ids: list[str] | None = None, expr: str | None = None, **kwargs: Any) -> bool | None:
        """Delete by ids or by a filter; True once the engine took it, False where there is no collection."""
        if ids and expr is not None:
            raise KitError("delete() drops expr= where ids= is given", mend="Give one of them.")
        if ids is None and expr is None:
            raise KitError("delete() was given neither ids= nor expr=", mend="Give one of them.")
        if not self.client.has_collection(self.collection_name):
            return False
        if expr is None and not ids:
            return True
        with turn(self, "write"):
            self.client.delete(self.collection_name, filter=expr or self._with_ids(ids or []), **kwargs)
        return True

    def search_by_metadata(self, expr: str, fields: list[str] | None = None, limit: int = 10) -> list[Document]:
        """The documents that a filter is true of; a filter that cannot be read raises."""
        if not self.client.has_collection(self.collection_name):
            return []
        asked = [*fields, store_fields(self).text, store_fields(self).primary] if fields else output_fields(self)
        rows = self.client.query(self.collection_name, filter=expr, output_fields=asked, limit=limit)
        return [as_document(self, dict(row)) for row in rows]

    async def aadd_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """`add_documents`, without blocking the event loop."""
        return await run_in_executor(None, self.add_documents, documents, **kwargs)

    async def aadd_texts(self, texts: Iterable[str], *args: Any, **kwargs: Any) -> list[str]:
        """`add_texts`, without blocking the event loop."""
        return await run_in_executor(None, self.add_texts, texts, *args, **kwargs)

    async def aadd_embeddings(self, texts: list[str], embeddings: list[Any], *args: Any, **kwargs: Any) -> list[str]:
        """`add_embeddings`, without blocking the event loop."""
        return await run_in_executor(None, self.add_embeddings, texts, embeddings, *args, **kwargs)

    async def aupsert(  # type: ignore[override]  # as upsert
        self,
        ids: list[str] | None = None,
        documents: list[Document] | None = None,
        batch_size: int = 1000,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`upsert`, without blocking the event loop."""
        return await run_in_executor(None, self.upsert, ids, documents, batch_size, timeout, **kwargs)

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """`get_by_ids`, without blocking the event loop."""
        return await run_in_executor(None, self.get_by_ids, ids)

    async def adelete(self, ids: list[str] | None = None, expr: str | None = None, **kwargs: Any) -> bool | None:
        """`delete`, without blocking the event loop."""
        return await run_in_executor(None, self.delete, ids, expr, **kwargs)

    async def asearch_by_metadata(self, expr: str, fields: list[str] | None = None, limit: int = 10) -> list[Document]:
        """`search_by_metadata`, without blocking the event loop."""
        return await run_in_executor(None, self.search_by_metadata, expr, fields, limit)

    def _schema(self) -> Schema:
        return read_schema(self.client, self.collection_name)

    def _makes_ids(self) -> bool:
        """Whether the engine makes the primary keys; the collection knows, and before it is made the store."""
        if self.client.has_collection(self.collection_name):
            self.auto_id = self._schema().auto_id
        return bool(self.auto_id)

    def _refuse_ids_that_are_not_kept(self, what: str) -> None:
        if self._makes_ids():
            raise KitError(
                f'{what} is dropped: the collection "{self.collection_name}" makes its own ids.',
                mend="Leave it out, or make the collection with auto_id=False.",
            )

    def _with_ids(self, ids: Sequence[str]) -> str:
        schema = self._schema()
        text = schema.fields[schema.primary_key]["type"].name == "VARCHAR"
        return str(filters.field(schema.primary_key).is_in([str(key) if text else int(key) for key in ids]))

    def _check_metadata(self, metadatas: list[dict[str, Any]]) -> None:
        """A collection without a dynamic field keeps the keys that it has fields for: those of its first document."""
        if self.enable_dynamic_field or store_fields(self).metadata or not metadatas:
            return
        there = self.client.has_collection(self.collection_name)
        kept = set(self._schema().fields) if there else set(metadatas[0]) | set(self.metadata_schema or {})
        for number, metadata in enumerate(metadatas, 1):
            for key in metadata:
                if key not in kept:
                    whose = f'the collection "{self.collection_name}" has' if there else "the first document brings"
                    raise KitError(
                        f"The metadata key {key!r} of document {number} is dropped: {whose} no field for it."
                        f"{nearest(key, kept)}",
                        mend="Open the store with enable_dynamic_field=True, or leave the key out.",
                    )


def _checked_ids(ids: list[str] | None, count: int) -> list[str]:
    if ids is None:
        return [str(uuid4()) for _ in range(count)]
    ids = list(ids)
    if len(ids) != count:
        raise KitError(f"{len(ids)} ids for {count} documents", wanted="one id a document")
    if len(set(ids)) < count and (repeated := Counter(ids).most_common(1)[0][0]):
        raise KitError(f"The id {repeated!r} stands twice in one call", wanted="one id a document")
    return [key or str(uuid4()) for key in ids]

"""One tenant's view of a shared collection: a retriever that cannot be made to return another's rows."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, field_validator, model_validator

from kit.errors import KitError, nearest
from kit.milvus import filters
from kit.milvus.connection import in_words
from kit.milvus.langchain import as_document, is_hybrid, store_fields

if TYPE_CHECKING:
    from langchain_milvus import Milvus

Vectors = npt.NDArray[np.float64]
MAX_K = 16_384  # Milvus' own limit on a search and on a query
CONSISTENCY = ("Strong", "Session", "Bounded", "Eventually")


def tenant_retriever(
    vector_store: Milvus,
    field: str,
    tenant: str | int,
    k: int = 4,
    expr: filters.Filter | None = None,
    consistency_level: str = "Strong",
    ranker_type: str | None = None,
    ranker_params: dict[str, Any] | None = None,
) -> TenantRetriever:
    """A retriever of one tenant's documents: always min(k, the tenant's rows that match) of them, never another's.

    `invoke`, `ainvoke`, `batch` and `abatch` alike, of a store with one dense vector field and of a hybrid one, where
    the tenant's filter goes into each leg; `ranker_type` and `ranker_params` say how the legs are put together ("rrf",
    unless "weighted").

    `expr`, here and in `retriever.invoke(question, expr=…)`, narrows the tenant's rows further; it is a filter
    of `kit.milvus.filters`, since a text could close the bracket that it is put into. Where the index returns too few
    rows, as Milvus Lite's AUTOINDEX does under a filter, the tenant's vectors are compared one by one instead.
    "Strong" sees every row that was written; a weaker consistency level is faster on a server and may miss the latest.

    What it does not guarantee: `vector_store` itself searches every tenant's rows, so hand out the retriever only. A
    hybrid store counts words over all tenants, so that others' texts change the order of a tenant's hits and their
    scores, though not whose they are; and where an index fell short, the missing rows come last, by their vectors.

    Raises:
        KitError: a blank tenant, a text as `expr`, a field that the collection lacks or of another type, a collection
            without a dense vector field; on a search, a row of another tenant or without the field.
    """
    return TenantRetriever(
        vector_store=vector_store,
        field=field,
        tenant=tenant,
        k=k,
        expr=expr,
        consistency_level=consistency_level,
        ranker_type=ranker_type,
        ranker_params=ranker_params,
    )


class TenantRetriever(BaseRetriever):
    """A retriever bound to one tenant; nothing that is said to it later turns it to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_store: Any
    field: Any
    tenant: Any
    k: Any = 4
    expr: Any = None
    consistency_level: Any = "Strong"
    ranker_type: Any = None
    ranker_params: Any = None

    @field_validator("tenant", "k", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        """A tenant or a number as Python's own kind, without methods that a subclass may bring."""
        if isinstance(value, str):
            return filters.plain(value)
        return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _check(self) -> TenantRetriever:
        filters.tenant(self.field, self.tenant)
        _check_k(self.k)
        _check_expr(self.expr)
        if self.consistency_level not in CONSISTENCY:
            raise KitError(f"Wanted a consistency level of {', '.join(CONSISTENCY)}; found {self.consistency_level!r}.")
        with in_words(self.vector_store):
            _check_collection(self.vector_store, self.field, self.tenant)
        _check_ranker(self.vector_store, self.ranker_type, self.ranker_params)
        return self

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
        k: int | None = None,
        expr: filters.Filter | None = None,
    ) -> list[Document]:
        from pymilvus import MilvusException

        k = self._plain(self.k if k is None else k)
        _check_k(k)
        condition = self._condition(expr)
        vector = _dense(self.vector_store).model.embed_query(query)
        with in_words(self.vector_store):
            try:
                documents = self._search(query, vector, k, condition)
            except MilvusException:
                self._check_dimension(vector)
                raise
        return [self._checked(document) for document in documents]

    def _search(self, query: str, vector: list[float], k: int, condition: str) -> list[Document]:
        documents = self._ask(query, vector, k, condition)
        if any(self._is_lookalike(document.metadata.get(self.field)) for document in documents):
            return self._compare_each(vector, k, condition)
        if len(documents) < k:
            there = min(k, self._query(condition, ["count(*)"])[0]["count(*)"])
            if len(documents) < there:
                documents = self._filled_up(documents, vector, k, condition)
            if len(documents) < there:
                raise KitError(
                    f"The tenant {self.tenant!r} has {there} rows to return; {len(documents)} came",
                    mend="Rows were deleted meanwhile, or the collection is damaged: `kit doctor` tells.",
                )
        return documents

    def _ask(self, query: str, vector: list[float], k: int, condition: str) -> list[Document]:
        """What the engine finds; of a hybrid store both legs look for k rows under the condition."""
        options = {"k": k, "expr": condition, "consistency_level": self.consistency_level}
        if not is_hybrid(self.vector_store):
            return cast("list[Document]", self.vector_store.similarity_search_by_vector(vector, **options))
        ranker = {"ranker_type": self.ranker_type or "rrf", "ranker_params": dict(self.ranker_params or {})}
        return cast("list[Document]", self.vector_store.similarity_search(query, fetch_k=k, **ranker, **options))

    def _filled_up(self, found: list[Document], vector: list[float], k: int, condition: str) -> list[Document]:
        """The tenant's k closest rows by their vectors; of a hybrid store after those that both legs found."""
        closest = self._compare_each(vector, k, condition)
        if not is_hybrid(self.vector_store):
            return closest
        seen = {self._key(document) for document in found}
        return found + [document for document in closest if self._key(document) not in seen][: k - len(found)]

    def _key(self, document: Document) -> object:
        return document.id or document.metadata.get(store_fields(self.vector_store).primary)

    def _is_lookalike(self, found: object) -> bool:
        """Whether a dynamic field holds what the engine takes for the tenant and is none: True is no 1."""
        return isinstance(found, bool)

    def _check_dimension(self, vector: list[float]) -> None:
        store = self.vector_store
        fields = store.client.describe_collection(store.collection_name)["fields"]
        wanted = next(int(one["params"]["dim"]) for one in fields if one["name"] == _dense(store).field)
        if len(vector) != wanted:
            raise KitError(
                f"The embeddings give {len(vector)} numbers; the vectors in {store.collection_name!r} have {wanted}. "
                "Open it with the embeddings that it was filled with."
            )

    def _condition(self, expr: filters.Filter | None) -> str:
        """The tenant first, whatever else is asked for."""
        condition = filters.tenant(self.field, self.tenant)
        for narrower in (self.expr, expr):
            _check_expr(narrower)
            if narrower is not None:
                condition = condition & narrower
        return str(condition)

    def _query(self, condition: str, output_fields: list[str], **options: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.vector_store.client.query(
            self.vector_store.collection_name,
            filter=condition,
            output_fields=output_fields,
            consistency_level=self.consistency_level,
            **options,
        )
        return rows

    def _compare_each(self, vector: list[float], k: int, condition: str) -> list[Document]:
        """The best k by the collection's own metric, computed here over up to 16,384 of the tenant's vectors."""
        store = self.vector_store
        rows = [
            row for row in self._query(condition, ["*"], limit=MAX_K) if not self._is_lookalike(row.get(self.field))
        ]
        if not rows:
            return []
        client, name = store.client, store.collection_name
        vector_field = _dense(store).field
        metric = client.describe_index(name, client.list_indexes(name, field_name=vector_field)[0])["metric_type"]
        vectors = np.array([row.pop(vector_field) for row in rows], dtype=np.float64)
        best = np.argsort(-_closeness(vectors, np.array(vector), metric), kind="stable")[:k]
        return [as_document(store, rows[i]) for i in best]

    def _checked(self, document: Document) -> Document:
        """The document, once its own field was seen to hold the tenant, whatever the engine made of the filter."""
        found = document.metadata.get(self.field)
        if found is None:
            raise KitError(
                f"A row came back without its field {self.field!r}, so whose it is cannot be told",
                mend="Reopen the vector store with enable_dynamic_field=True if that is where the field is kept.",
            )
        if isinstance(found, bool) or found != self.tenant:
            raise KitError(f"A search for the tenant {self.tenant!r} met a row of another one; nothing is given out.")
        return document


def _closeness(vectors: Vectors, question: Vectors, metric: str) -> Vectors:
    """One number a vector, the closest highest: the metric as Milvus defines it, L2 turned around."""
    if metric == "L2":
        return np.asarray(-((vectors - question) ** 2).sum(axis=1))
    products: Vectors = vectors @ question
    if metric == "IP":
        return products
    return np.asarray(
        products / np.maximum(np.linalg.norm(vectors, axis=1) * np.linalg.norm(question), np.finfo(float).tiny)
    )


def _check_k(k: object) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or not 0 < k <= MAX_K:
        raise KitError(f"Wanted k, a number of documents from 1 to {MAX_K}; found {k!r}.")


def _check_expr(expr: object) -> None:
    if expr is not None and not filters.is_filter(expr):
        raise KitError(
            f"Wanted a filter of kit.milvus.filters as expr; found {type(expr).__name__} {ascii(expr)[:60]}. A "
            "text could widen the tenant's rows",
            mend='Build it: expr=kit.field("year") >= 2020.',
        )


def _check_collection(vector_store: Milvus, field: str, tenant: str | int) -> None:
    client, name = vector_store.client, vector_store.collection_name
    if not client.has_collection(name):
        raise KitError(
            f"There is no collection {name!r} to retrieve from", mend="Ingest documents first, or mend the name."
        )
    schema = client.describe_collection(name)
    kinds = {one["name"]: one["type"].name for one in schema["fields"]}
    if field in kinds:
        wanted = "VARCHAR" if isinstance(tenant, str) else "INT"
        if not kinds[field].startswith(wanted):
            raise KitError(
                f"The tenant {tenant!r} wants a field of type {wanted}; {field!r} in {name!r} is {kinds[field]}."
            )
    elif not (schema.get("enable_dynamic_field") and vector_store.enable_dynamic_field):
        raise KitError(
            f"The collection {name!r} has no field {field!r}; it has {', '.join(kinds)}.{nearest(field, list(kinds))}"
        )
    vectors = {one: kind for one, kind in kinds.items() if "VECTOR" in kind}
    if not _dense_fields(vector_store) or kinds.get(_dense(vector_store).field) != "FLOAT_VECTOR":
        shown = ", ".join(f"{one}: {kind}" for one, kind in vectors.items())
        raise KitError(
            f"A tenant's retriever wants a dense vector field with its embeddings; {name!r} has {shown}. A full-text "
            "search alone returns only rows with matching words, so min(k, rows) could not be kept."
        )


class _Dense(NamedTuple):
    """A dense vector field and the embeddings that it is made with."""

    field: str
    model: Embeddings


def _dense_fields(vector_store: Milvus) -> list[_Dense]:
    given: Any = vector_store.embeddings
    models = given if isinstance(given, list) else [given] if given else []
    pairs = zip(store_fields(vector_store).embedded, models, strict=False)
    return [_Dense(field, model) for field, model in pairs if isinstance(model, Embeddings)]


def _dense(vector_store: Milvus) -> _Dense:
    """The first one, in which a tenant's rows are compared where an index falls short."""
    return _dense_fields(vector_store)[0]


def _check_ranker(vector_store: Milvus, kind: object, params: object) -> None:
    if (kind or params) and not is_hybrid(vector_store):
        raise KitError("ranker_type and ranker_params are for a hybrid store; this one has one vector field.")
    if kind not in (None, "rrf", "weighted"):
        raise KitError(f"The ranker_type is {kind!r}", wanted="rrf or weighted")
    known = {"weights"} if kind == "weighted" else {"k"}
    if not isinstance(params, dict | None) or set(params or ()) - known:
        raise KitError(f"The ranker_params are {params!r}", wanted=f"a dict with {', '.join(known)}")

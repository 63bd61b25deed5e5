"""The guarded vector store: the same one, with nothing dropped in silence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from kit.errors import KitError
from kit.milvus.langchain import DocumentsWithIds, is_hybrid, searches_not_run
from kit.milvus.strict.documents import StandardDocuments
from kit.milvus.strict.options import options_of
from kit.milvus.strict.rankers import check_ranker
from kit.milvus.strict.reopening import check_reopened
from kit.milvus.strict.tuning import check_tuning

if TYPE_CHECKING:
    from langchain_milvus import Milvus

SEARCH_OF = {
    "similarity": "similarity_search",
    "mmr": "max_marginal_relevance_search",
    "similarity_score_threshold": "similarity_search_with_relevance_scores",
}


def strict(vector_store: Milvus) -> Milvus:
    """The same store and the same collection, but what would be dropped without a word is refused with the right name.

    Refused: an option that neither langchain-milvus nor pymilvus reads (`exprs=`, `filter=` in a hybrid search,
    `namespace=`), a ranker's unknown parameter, a search parameter misspelt inside `param=`, metadata keys that the
    collection has no field for, ids that the collection would not keep, and, here at once, options of opening that the
    collection does not have: the consistency level, the partition key, the dynamic field, the metric of its index. A
    failed `delete` or `search_by_metadata` raises. Which options are read is taken from the installed releases.

    It also keeps LangChain's contract: a hit's `id` is its primary key, which is no part of its metadata; `Document.id`
    is the id that a document is stored under; the same id again replaces the document; `get_by_ids` works. It is an
    instance of the store's own class and shares its state, so chains, retrievers and async code take it as it is.

    Raises:
        KitError: the collection was made with other options than the store was opened with.
    """
    from langchain_milvus import Milvus

    if not isinstance(vector_store, Milvus):
        raise KitError(
            f"kit.strict() was given a {type(vector_store).__name__}", wanted="a vector store of langchain-milvus"
        )
    if isinstance(vector_store, StandardDocuments):
        return cast("Milvus", vector_store)
    check_reopened(vector_store)
    store_class = strict_class(type(vector_store))
    guarded: Any = object.__new__(store_class)
    guarded.__dict__ = vector_store.__dict__  # one state, whichever of the two is used
    return cast("Milvus", guarded)


@cache
def strict_class(base: type) -> type:
    """The guarded class over a vector store's class: every public method that takes any option checks them."""
    body: dict[str, Any] = {"__doc__": strict.__doc__, "__module__": __name__}
    layers: tuple[type, ...] = (StandardDocuments, DocumentsWithIds, base)
    plain = type(f"Strict{base.__name__}", layers, dict(body))
    for name, member in inspect.getmembers(plain, inspect.isfunction):
        if not name.startswith("_") and _takes_any_option(member):
            body[name] = _guarded(base, name, member)
    return type(f"Strict{base.__name__}", layers, body)


def check_options(store: Any, base: type, method: str, options: dict[str, Any]) -> None:
    """Raise KitError for the first option that a call of `method` would drop."""
    known = options_of(base, method, searches_not_run(store))
    for name in options:
        if name == "namespace" and "namespace" in known.names and not _has_namespaces(store):
            raise KitError(
                f'{method}() drops namespace=: the collection "{store.collection_name}" was not made with namespaces.',
                mend='Filter by a field: expr=str(kit.tenant("namespace", …)), or use kit.tenant_retriever.',
            )
        if name not in known.names:
            raise KitError(
                f"{method}() drops {name}=: neither langchain-milvus {version('langchain-milvus')} nor pymilvus "
                f"{version('pymilvus')} reads it{' in a hybrid search' if is_hybrid(store) else ''}.",
                mend=_right_name(base, method, name, known.names),
            )
    check_tuning(store, options)
    if is_hybrid(store):
        check_ranker(base, options)


def _right_name(base: type, method: str, name: str, known: set[str]) -> str:
    """`Did you mean "expr"?`: what sets the option of this name, or of the name most like it, further down."""
    renamed = options_of(base, method).renamed
    shown = {option for option in known if option.isidentifier() and not option.startswith("_")}
    beneath = {option for option in renamed if _set_by(option, renamed, known)}
    like = get_close_matches(name, sorted(shown | beneath), n=1, cutoff=0.5)
    for option in (name, *like):
        if right := option if option in shown else _set_by(option, renamed, known):
            return f'Did you mean "{right}"?'
    return f"It reads {', '.join(sorted(shown))}."


def _set_by(option: str, renamed: dict[str, str], known: set[str]) -> str | None:
    """The known option that sets one further down, however often it is renamed on the way."""
    passed = {option}
    while option not in known:
        option = renamed.get(option, "")
        if not option or option in passed:
            return None
        passed.add(option)
    return option


def _has_namespaces(store: Any) -> bool:
    if not store.client.has_collection(store.collection_name):
        return False
    return bool(store.client.describe_collection(store.collection_name).get("enable_namespace"))


def _takes_any_option(function: Callable[..., Any]) -> bool:
    return any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in inspect.signature(function).parameters.values()
    )


def _guarded(base: type, name: str, member: Callable[..., Any]) -> Callable[..., Any]:
    """A method that checks its options first; `as_retriever` also those that it is to search with."""

    def check(store: Any, options: dict[str, Any]) -> None:
        check_options(store, base, name, options)
        if name == "as_retriever":
            method = SEARCH_OF.get(options.get("search_type", "similarity"), "similarity_search")
            check_options(store, base, method, options.get("search_kwargs") or {})

    if inspect.iscoroutinefunction(member):

        @functools.wraps(member)
        async def checked_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            check(self, kwargs)
            return await member(self, *args, **kwargs)

        return checked_async

    @functools.wraps(member)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check(self, kwargs)
        return member(self, *args, **kwargs)

    return checked

"""Which row a document becomes: its own id where it has one, the hash of its content otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kit.errors import KitError

if TYPE_CHECKING:
    from langchain_core.documents import Document

LONGEST = 65_535  # bytes, in Milvus' longest VARCHAR


class Numbered(NamedTuple):
    """A document to store, its number among those that were given, and whether its id is its own or its content's."""

    document: Document
    number: int
    own_id: bool


def content_id(document: Document) -> str:
    """The sha256 of a document's text and metadata, 64 hexadecimal digits; its `id` is no part of it."""
    try:
        content = json.dumps([document.page_content, document.metadata], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()
    except (TypeError, ValueError) as error:
        raise KitError(
            f"The document {document.page_content[:40]!a} has no content id: {error}",
            wanted="metadata of texts, numbers, booleans, and lists and dicts of them",
        ) from None


def documents_by_id(documents: Sequence[Document], ids: Sequence[str] | None) -> dict[str, Numbered]:
    """Each document by its id, the same one only once: the id in `ids`, `Document.id`, or the hash of its content."""
    for number, document in enumerate(documents, start=1):
        if not hasattr(document, "page_content"):
            raise KitError(f"Document {number} is a {type(document).__name__}", wanted="LangChain documents")
    if isinstance(ids, str):
        raise KitError("The ids are one text", wanted="a list of ids, one for each document")
    if ids is not None and len(ids) != len(documents):
        raise KitError(f"There are {len(ids)} ids", wanted=f"one for each of the {len(documents)} documents")
    chosen: dict[str, Numbered] = {}
    for number, document in enumerate(documents, start=1):
        own = ids[number - 1] if ids is not None else getattr(document, "id", None)
        key = content_id(document) if own is None and ids is None else _checked_id(own, number, len(documents))
        known = chosen.setdefault(key, Numbered(document, number, own is not None)).document
        if (known.page_content, known.metadata) != (document.page_content, document.metadata):
            raise KitError(
                f"The id {key[:40]!a} stands for two different documents, numbers {chosen[key].number} and {number}.",
                mend="Give each its own.",
            )
    return chosen


def _checked_id(key: object, number: int, count: int) -> str:
    if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "surrogatepass")) <= LONGEST:
        raise KitError(
            f"Document {number} of {count} has the id {ascii(key)[:40]}", wanted=f"texts of 1 to {LONGEST} bytes as ids"
        )
    if any("\ud800" <= character <= "\udfff" for character in key):
        raise KitError(f"Document {number} of {count} has the id {key[:40]!a} with half a surrogate pair.")
    return key

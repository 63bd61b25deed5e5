"""Whether the vectors of a collection are those that given embeddings make of its texts, and if not, what they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kit.errors import KitError
from kit.milvus.langchain import store_fields

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_milvus import Milvus

    from kit.milvus.schema import Schema

Vectors = npt.NDArray[np.float64]
Embed = Callable[[list[str]], Vectors]
Finding = Literal[
    "same model",
    "another model",
    "not normalised",
    "another prefix or truncation",
    "text changed after embedding",
    "vectors of other texts",
    "mixed",
    "another version",
]
SAME = 0.999  # a cosine from here on is the same text of the same model: half precision and other processors stay above
NEAR = 0.98  # from here on: the same model in other arithmetic, or a text with another comma
FIRST, MOST, SECONDS = 16, 256, 0.8  # rows compared: at least, at most, and for how long more are embedded
WINDOW = 16_384  # Milvus' own limit on offset + limit
PREFIXES = (  # the instructions of common models, and what a vector without them would be missing
    *("passage: ", "query: ", "search_document: ", "search_query: ", "document: ", "Document: "),
    *("Represent this sentence for searching relevant passages: ", "title: none | text: "),
)


class Rows(NamedTuple):
    """Sampled rows: their texts, the vectors that are stored, and those that the embeddings make now."""

    texts: list[str]
    stored: Vectors
    fresh: Vectors


class Verdict(NamedTuple):
    """What the stored vectors are, in how many of the sampled rows they differ, and what shows it."""

    finding: Finding
    differing: int
    rows: int
    shown: str

    def __str__(self) -> str:
        return f"{self.finding} ({self.differing} of {self.rows} sampled rows differ; {self.shown})"


def compare_model(vector_store: Milvus, embeddings: Embeddings, schema: Schema) -> Verdict:
    """Embed a sample of the stored rows anew and say what the stored vectors are.

    From 16 to 256 rows, as many as are embedded in a second, spread over the first 16,384 and by random searches over
    the rest: a share of 10 % that differs is met with 81 % at 16 rows and always, nearly, at 64.

    Raises:
        KitError: no rows, or no dense vector field that an embedding makes.
    """
    field = _vector_field(vector_store, schema)
    texts, stored = _sample(vector_store, schema, field)

    def embed(some: list[str]) -> Vectors:
        return np.asarray(embeddings.embed_documents(some), dtype=np.float64)

    start = time.perf_counter()
    fresh = embed(texts[:FIRST])
    if fresh.shape[1] != stored.shape[1]:
        shown = f"it gives {fresh.shape[1]} numbers, stored are {stored.shape[1]}"
        return Verdict("another model", len(fresh), len(fresh), shown)
    while len(fresh) < len(texts) and (spent := time.perf_counter() - start) < SECONDS:
        more = int(min(len(fresh), len(fresh) * (SECONDS - spent) / max(spent, 1e-6)))
        if not more:
            break
        fresh = np.vstack([fresh, embed(texts[len(fresh) : len(fresh) + more])])
    rows = Rows(texts[: len(fresh)], stored[: len(fresh)], fresh)
    metric = schema.indexes.get(field, {}).get("metric_type", "")
    return judge(rows, embed, lambda text: np.asarray(embeddings.embed_query(text), dtype=np.float64), metric)


def judge(rows: Rows, embed: Embed, embed_query: Callable[[str], Vectors], metric: str) -> Verdict:
    """What the stored vectors of these rows are; `embed` tries what may have been embedded instead of the text."""
    likeness = _cosines(rows.stored, rows.fresh)
    differ = np.flatnonzero(likeness < SAME)
    median = float(np.median(likeness[differ])) if len(differ) else 1.0

    def verdict(finding: Finding, shown: str) -> Verdict:
        return Verdict(finding, len(differ), len(rows.texts), shown)

    if not len(differ):
        return _judge_lengths(rows, metric)
    if other := _of_other_texts(rows, differ):
        return verdict("vectors of other texts", f"{other} of them equal the vector of another row's text")
    if instead := _embedded_instead(rows, differ, embed, embed_query):
        return verdict("another prefix or truncation", instead)
    shown = f"the cosine of stored and fresh is {median:.2f} at the median"
    if _is_foreign(rows, differ, likeness):
        return verdict("another model" if len(differ) == len(rows.texts) else "mixed", shown)
    if len(differ) < len(rows.texts):
        return verdict("text changed after embedding", shown)
    if _is_shifted(rows):
        return verdict("another prefix or truncation", f"{shown}, and all differ in one direction")
    return verdict("another version" if likeness.min() >= NEAR else "text changed after embedding", shown)


def _vector_field(store: Milvus, schema: Schema) -> str:
    dense = [name for name in store_fields(store).embedded if schema.fields.get(name, {}).get("type")]
    dense = [name for name in dense if schema.fields[name]["type"].name in ("FLOAT_VECTOR", "FLOAT16_VECTOR")]
    if not dense:
        raise KitError(
            f'"{store.collection_name}" has no dense vector field that embeddings make, so none can be compared.'
        )
    return dense[0]


def _sample(store: Milvus, schema: Schema, field: str) -> tuple[list[str], Vectors]:
    """Texts and vectors of up to 256 rows from everywhere in the collection, in an order that is as spread."""
    client, name, text = store.client, store.collection_name, store_fields(store).text
    wanted = {"output_fields": [text, field], "consistency_level": "Strong"}
    count = client.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong")[0]["count(*)"]
    if not count:
        raise KitError(f'"{name}" has no rows, so nothing tells which embeddings it is for.', mend="Ingest documents.")
    reach, pieces = min(count, WINDOW), 16
    size = -(-MOST // pieces)
    starts = range(0, reach, max(size, reach // pieces))
    found = [client.query(name, filter="", offset=start, limit=min(size, reach - start), **wanted) for start in starts]
    if count > WINDOW:
        directions = np.random.default_rng(0).standard_normal((pieces, int(schema.fields[field]["params"]["dim"])))
        data = directions.astype(np.float32).tolist()
        far = client.search(name, data=data, anns_field=field, limit=size, **wanted)
        found += [[hit["entity"] for hit in hits] for hits in far]
    rows = [piece[place] for place in range(size) for piece in found if place < len(piece)]
    rows = [row for row in rows if isinstance(row.get(text), str) and row[text].strip()][:MOST]
    if not rows:
        raise KitError(f'"{name}" has no row with a text in {text!r}, so no vector can be compared.')
    return [row[text] for row in rows], np.array([_numbers(row[field]) for row in rows], dtype=np.float64)


def _numbers(vector: Any) -> Any:
    vector = vector[0] if isinstance(vector, list) and vector and isinstance(vector[0], bytes) else vector
    return np.frombuffer(vector, dtype=np.float16) if isinstance(vector, bytes) else vector


def _cosines(a: Vectors, b: Vectors) -> Vectors:
    """The cosine of each pair of rows."""
    return np.asarray((_unit(a) * _unit(b)).sum(axis=1))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(float).tiny))


def _judge_lengths(rows: Rows, metric: str) -> Verdict:
    """The same directions; other lengths matter to every metric but COSINE."""
    ratio = np.linalg.norm(rows.stored, axis=1) / np.maximum(np.linalg.norm(rows.fresh, axis=1), np.finfo(float).tiny)
    off = int((np.abs(ratio - 1) > 0.01).sum())
    if off and metric != "COSINE":
        length = float(np.median(np.linalg.norm(rows.stored, axis=1)))
        shown = f"stored vectors have length {length:.3g}, the embeddings' {length / float(np.median(ratio)):.3g}"
        return Verdict("not normalised", off, len(rows.texts), f"{shown}, which {metric} takes into account")
    return Verdict("same model", 0, len(rows.texts), "each cosine of stored and fresh is 1")


def _of_other_texts(rows: Rows, differ: Any) -> int:
    """How many of the differing vectors are exactly what the embeddings make of another sampled row's text."""
    products = _unit(rows.stored[differ]) @ _unit(rows.fresh).T
    texts = np.array(rows.texts, dtype=object)
    others = np.array([texts != rows.texts[place] for place in differ])
    matching = int(((products >= SAME) & others).any(axis=1).sum())
    return matching if matching >= max(2, len(differ) / 4) else 0


def _embedded_instead(rows: Rows, differ: Any, embed: Embed, embed_query: Callable[[str], Vectors]) -> str:
    """What was embedded in place of the text, such as its beginning, tried on the shortest and the longest row."""
    short = min(differ, key=lambda place: len(rows.texts[place]))
    text, stored = rows.texts[short], rows.stored[short]
    tried = embed([prefix + text for prefix in PREFIXES])
    likeness = [
        *_cosines(tried, np.tile(stored, (len(tried), 1))),
        float(_cosines(embed_query(text)[None], stored[None])[0]),
    ]
    if max(likeness) >= SAME:
        names = [*(f"the text after {prefix!r}" for prefix in PREFIXES), "the text as a query, by embed_query"]
        return f"what was embedded is {names[int(np.argmax(likeness))]}"
    same = [len(text) for place, text in enumerate(rows.texts) if place not in set(differ.tolist())]
    if same and min(len(rows.texts[place]) for place in differ) <= max(same):
        return ""
    longest = max(differ, key=lambda place: len(rows.texts[place]))
    return _cut_text(
        rows.texts[longest], rows.stored[longest], float(_cosines(rows.stored, rows.fresh)[longest]), embed
    )


def _cut_text(text: str, stored: Vectors, whole: float, embed: Embed) -> str:
    """Where a text was cut before it was embedded, found by halving the steps around the best beginning; else ''."""
    words = text.split(" ")
    if len(words) < 12:
        return ""
    step = len(words) / 8
    places = [round(step * part) for part in range(1, 8)]
    best, likeness = 0, -1.0
    while places:
        found = _cosines(embed([" ".join(words[:place]) for place in places]), np.tile(stored, (len(places), 1)))
        if float(found.max()) > likeness:
            best, likeness = places[int(np.argmax(found))], float(found.max())
        if step < 1 or likeness >= SAME:
            break
        step /= 2
        places = sorted({round(best - step), round(best + step)} - {0, best, len(words)})
    close = likeness >= SAME or (likeness >= NEAR and 1 - likeness < (1 - whole) / 4)
    return f"what was embedded is the first {best} of {len(words)} words, in the longest row" if close else ""


def _is_foreign(rows: Rows, differ: Any, likeness: Vectors) -> bool:
    """Whether differing vectors come from another model: unlike their own text, and unlike this model's vectors.

    Vectors of one model share a direction to some degree; a text that was replaced keeps that, another model does not.
    """
    noise = max(0.25, 4 / np.sqrt(rows.stored.shape[1]))
    if float(np.median(likeness[differ])) >= noise:
        return False
    centre = _unit(rows.fresh).mean(axis=0)
    own = float(np.median(_unit(rows.fresh) @ centre))
    return own < 0.1 or float(np.median(_unit(rows.stored[differ]) @ centre)) < own / 2


def _is_shifted(rows: Rows) -> bool:
    """Whether stored and fresh differ in one direction everywhere, as they do by the same words before each text."""
    steps = _unit(_unit(rows.stored) - _unit(rows.fresh))
    alike = steps @ steps.T
    return len(steps) > 3 and float((alike.sum() - np.trace(alike)) / (alike.size - len(steps))) > 0.3

"""Questions made from one's own texts, of headings, link texts, telling words and masked sentences, with their spans.

They are no human questions. An order of conditions by them says something about human ones only where that was shown,
kind by kind, on collections with human judgments: see TRUSTED and benchmarks/questions.py.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

from langchain_core.documents import Document

from kit.bench.measures.kinds import kinds_of

Kind = Literal["heading", "link", "keyphrase", "masked", "chat"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PREFIX = "generated-"  # of a question's category
# Kinds whose order of conditions agrees with that by human judgments, Kendall's tau .7 at least on each of six
# collections. None: over eleven rows headings gave .85, .20, -.05, -.38, keyphrases .64, .24, .15, -.27, -.55, -.66,
# masked sentences .60, .36, .09, -.24, -.51, -.59, two halves of the human ones .53 to .85. Not measured: links, chat.
TRUSTED: frozenset[Kind] = frozenset()
ENOUGH_TAU = 0.7
SPAN = 1000  # characters of a section or a target that count as the answer
WORDS = 4  # of a keyphrase question
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]\n]{8,120})\]\(([^)\s#]+)[^)]*\)")
_SENTENCE = re.compile(r"[^.!?\n。！？]{40,300}[.!?。！？]")
_WORD = re.compile(r"\w{3,}")
PROMPT = (
    "Write one short question that this passage answers, in the passage's language and in words of your own. "
    "Give the question alone.\n\nPassage:\n{passage}"
)


class Generated(NamedTuple):
    """A question, the place that answers it, and `leak`: the share of its telling words that stand in that place."""

    kind: Kind
    text: str
    document: str
    start: int
    end: int
    content: str
    leak: float
    copies: bool  # six of the place's words in a row

    def row(self, number: int) -> dict[str, Any]:
        """As a line of questions.jsonl."""
        span = {"document": self.document, "start": self.start, "end": self.end, "content": self.content}
        return {
            "query_id": f"{self.kind}-{number}", "text": self.text, "category": f"{PREFIX}{self.kind}", "spans": [span],
            "leak": round(self.leak, 2), "copies": self.copies,
        }  # fmt: skip


def generate(
    documents: Sequence[Document],
    kinds: Iterable[Kind],
    per_kind: int,
    seed: int = 7,
    ask: Callable[[str], str] | None = None,
) -> list[Generated]:
    """Questions of each kind, at most so many, drawn over all documents; `ask` is a chat model for the kind chat."""
    rng = random.Random(seed)
    frequency = Counter(word for document in documents for word in set(_words(document.page_content)))
    rarity = {word: math.log(len(documents) / count) + 1 for word, count in frequency.items()}
    questions: list[Generated] = []
    for kind in kinds:
        of_kind = list(_of_kind(kind, documents, rarity))
        rng.shuffle(of_kind)
        if kind == "chat":
            of_kind = [_asked(place, ask) for place in of_kind[:per_kind]] if ask else []
        unlike = {one.text.lower(): one for one in of_kind if one.text}
        questions += list(unlike.values())[:per_kind]
    return questions


def _of_kind(kind: Kind, documents: Sequence[Document], rarity: dict[str, float]) -> Iterator[Generated]:
    by_name = {str(document.id): document for document in documents}
    for document in documents:
        if kind == "heading":
            yield from _headings(document)
        elif kind == "link":
            yield from _links(document, by_name)
        else:
            yield from _sentences(kind, document, rarity)


def _headings(document: Document) -> Iterator[Generated]:
    """A section by its heading; the heading itself is not part of the answer."""
    text = document.page_content
    found = list(_HEADING.finditer(text))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        yield from _made("heading", match[1], document, match.end(), min(end, match.end() + SPAN))


def _links(document: Document, by_name: dict[str, Document]) -> Iterator[Generated]:
    """The beginning of a document by the words with which another one links to it."""
    for words, target in _LINK.findall(document.page_content):
        name = target.rsplit("/", 1)[-1]
        linked = next((d for key, d in by_name.items() if key == target or key.rsplit("/", 1)[-1] == name), None)
        if linked is not None and linked is not document:
            yield from _made("link", words, linked, 0, min(SPAN, len(linked.page_content)))


def _sentences(kind: Kind, document: Document, rarity: dict[str, float]) -> Iterator[Generated]:
    text = document.page_content
    for match in _SENTENCE.finditer(text):
        words = sorted(dict.fromkeys(_words(match[0])), key=lambda word: -rarity.get(word, 0.0))
        if len(words) < 2 * WORDS:
            continue
        if kind == "masked":
            question = re.sub(rf"\b{re.escape(words[0])}\b", "…", match[0], flags=re.IGNORECASE)
        elif kind == "keyphrase":
            kept = set(words[:WORDS])
            question = " ".join(dict.fromkeys(word for word in _words(match[0]) if word in kept))
        else:
            question = match[0]
        yield from _made(kind, question.strip(), document, match.start(), match.end())


def _made(kind: Kind, question: str, document: Document, start: int, end: int) -> Iterator[Generated]:
    """The question, when its place holds text; the place without the white space around it."""
    content = document.page_content[start:end]
    start += len(content) - len(content.lstrip())
    content = content.strip()
    if len(content) < 40 or not _WORD.search(question):
        return
    its_words, there = set(_words(question)), set(_words(content))
    leak = len(its_words & there) / max(1, len(its_words))
    copies = kinds_of(question, [content]).copies
    yield Generated(kind, question, str(document.id), start, start + len(content), content, leak, copies)


def _asked(place: Generated, ask: Callable[[str], str]) -> Generated:
    """The question of a chat model on a place."""
    question = ask(PROMPT.format(passage=place.content)).strip().split("\n")[0]
    its_words, there = set(_words(question)), set(_words(place.content))
    leak = len(its_words & there) / max(1, len(its_words))
    return place._replace(text=question, leak=leak, copies=kinds_of(question, [place.content]).copies)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def generated_kinds(categories: Iterable[str]) -> list[str]:
    """The kinds of generated questions among these categories; the others are human."""
    return sorted({category.removeprefix(PREFIX) for category in categories if category.startswith(PREFIX)})

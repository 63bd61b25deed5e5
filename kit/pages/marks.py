"""Marks that a page gives its blocks: comments, fence attributes and tags, in the words of several tools, as one set.

`skip` (with a reason), `raises`, `ignore output`, `varies …` (what may differ, for the docs room to read) and
`output` (the fence below shows what the code above prints). Understood are the kit's own `kit: …`, Sybil's `skip:`,
pytest-codeblocks, phmdoctest, pytest-examples, pytest-markdown-docs, doctest's SKIP, and the tags of nbval and
Jupyter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

SKIP, RAISES, IGNORE, VARIES, OUTPUT = "skip", "raises", "ignore output", "varies", "output"
MAY_RAISE = "may raise"  # as nbval has it: an error is no failure, and none is no failure either
START, END = "skip start", "skip end"
_COMMENT = re.compile(r"<!-+\s*(?P<html>.*?)\s*-+>|\{/\*\s*(?P<mdx>.*?)\s*\*/\}", re.DOTALL)
_PERCENT = re.compile(r"%+\s*(?P<text>.*\S)\s*$")
_SYBIL = re.compile(r";?\s*skip:\s*(?P<what>next|start|end)\b\s*(?P<why>.*)$", re.DOTALL)
_CODEBLOCKS = re.compile(r"pytest[-.](?:codeblocks:|mark\.)\s*(?P<what>[\w-]+)\s*(?P<why>.*)$", re.DOTALL)
_PHMDOCTEST = re.compile(r"phmdoctest-(?:mark\.)?(?P<what>skip\w*)(?P<why>.*)$", re.DOTALL)
_OWN = re.compile(r"kit:\s*(?P<words>.+)$", re.DOTALL)
_IN_CODE = re.compile(r"#\s*kit:\s*(?P<words>.+?)\s*$", re.MULTILINE)
_NBVAL = re.compile(r"^\s*#\s*(?P<marker>NBVAL_[A-Z_]+|PYTEST_VALIDATE_IGNORE_OUTPUT)\b", re.MULTILINE)
TAGS = {
    "skip-execution": SKIP, "nbval-skip": SKIP, "kit-skip": SKIP,
    "nbval-ignore-output": IGNORE, "pytest-validate-ignore-output": IGNORE, "kit-varies": VARIES,
    "raises-exception": MAY_RAISE, "nbval-raises-exception": MAY_RAISE,
}  # fmt: skip
NEVER_RUN = ("notest", "no-test", "no_test", "norun", "no-run", "no_run", "noexec", "no-exec")  # words behind a fence


def in_comments(text: str) -> list[str]:
    """The marks in a piece of HTML, MDX or MyST that holds comments."""
    found = [match["html"] or match["mdx"] or "" for match in _COMMENT.finditer(text)]
    lines = text.strip().splitlines()
    if lines and all(map(_PERCENT.match, lines)):
        found += [match["text"] for line in lines if (match := _PERCENT.match(line))]
    return [mark for comment in found for mark in _read(" ".join(comment.split()))]


def in_code(code: str) -> list[str]:
    """The marks in a cell's own comments."""
    found = [mark for match in _IN_CODE.finditer(code) for mark in _own(match["words"])]
    markers = (match["marker"].lower().replace("_", "-") for match in _NBVAL.finditer(code))
    return [*found, *(TAGS[marker] for marker in markers if marker in TAGS)]


def in_fence(words: Iterable[str], attributes: Mapping[str, str]) -> list[str]:
    """The marks in the words and the attributes behind a fence's language."""
    named = {word.strip("{}.,").lower() for word in words}
    never = named & set(NEVER_RUN)
    test = attributes.get("test", "").lower()
    if never or test in ("skip", "false", "no"):
        return [f"{SKIP}: {next(iter(never), '') or f'test={test}'}"]
    return []


def in_tags(tags: Iterable[str], metadata: Mapping[str, object] | None = None) -> list[str]:
    """The marks in a cell's tags, and those in its metadata: `{"kit": {"varies": ["line took"]}}`."""
    found = [f"{SKIP}: {tag}" if TAGS[tag] == SKIP else TAGS[tag] for tag in tags if tag in TAGS]
    own = (metadata or {}).get("kit")
    varies = own.get("varies", ()) if isinstance(own, Mapping) else ()
    return [*found, *(f"{VARIES} {text}" for text in ([varies] if isinstance(varies, str) else varies))]


def skip_reason(marks: Iterable[str]) -> str | None:
    """Why a block is marked to be skipped; None when it is not."""
    return next((mark.partition(": ")[2] or "marked in the page" for mark in marks if _is(mark, SKIP)), None)


def _is(mark: str, kind: str) -> bool:
    return mark == kind or mark.startswith(f"{kind}:")


def _read(comment: str) -> Iterator[str]:
    """The marks of one comment."""
    if match := _SYBIL.match(comment):
        yield {"next": f"{SKIP}: {comment}", "start": START, "end": END}[match["what"]]
    elif match := _CODEBLOCKS.match(comment):
        yield from _codeblocks(match["what"], comment)
    elif match := _PHMDOCTEST.match(comment):
        yield f"{SKIP}: {comment}"
    elif match := _OWN.match(comment):
        yield from _own(match["words"])


def _codeblocks(what: str, comment: str) -> Iterator[str]:
    if what.startswith(("skip", "importorskip")):
        yield f"{SKIP}: {comment}"
    elif what.startswith(("expect-error", "expect-exception", "xfail")):
        yield RAISES
    elif what == "expected-output":
        yield OUTPUT


def _own(words: str) -> Iterator[str]:
    """`skip`, `skip: reason`, `skip start`, `skip end`, `raises`, `output`, `ignore output`, `varies …`."""
    words = words.strip()
    for kind in (START, END, RAISES, IGNORE, OUTPUT):
        if words == kind:
            yield kind
            return
    if words == SKIP or words.startswith((f"{SKIP}:", f"{SKIP} ")):
        yield f"{SKIP}: {words.removeprefix(SKIP).lstrip(': ') or 'marked in the page'}"
    elif words == VARIES or words.startswith(f"{VARIES} "):
        yield words

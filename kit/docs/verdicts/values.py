"""Texts read as what they show: words, numbers, paths, and the reprs of Documents, lists and dicts within them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_OPEN, _CLOSE = "([{", {"(": ")", "[": "]", "{": "}"}
_NAME_BEFORE = re.compile(r"[A-Za-z_][\w.]*$")
LONGEST = 200_000  # characters of one repr
TRIES = 1_000  # brackets that may turn out to be no repr, before the rest is taken for plain text
_TOKEN = re.compile(
    r"(?P<address>\b0x[0-9a-fA-F]{6,}\b)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<clock>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)"
    r"|(?P<path>(?:\.{0,2}/|~/|[A-Za-z]:\\)[\w.\-/\\]*[\w\-])"
    r"|(?P<number>(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]))"
    r"|(?P<word>\w+)|(?P<space>\s+)|(?P<sign>.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """A piece of plain text and what it is: address, uuid, clock, path, number, word, space or sign."""

    kind: str
    text: str


class Call(NamedTuple):
    """`Document(page_content='…', metadata={…})` read from its repr."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


class Unordered(NamedTuple):
    """A set read from its repr."""

    items: tuple[Any, ...]


def read_repr(text: str) -> Any:
    """The value that a repr shows; ValueError when the text is no repr. Nothing is evaluated."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from None
    return _value(tree.body)


def tokens(text: str) -> list[Token]:
    """A plain text in pieces."""
    return [Token(match.lastgroup or "sign", match[0]) for match in _TOKEN.finditer(text)]


def pieces(text: str) -> list[str | list | tuple | dict | Call | Unordered]:
    """The text cut into plain texts and the values whose reprs stand within it, in order.

    >>> pieces("* foo [{'source': 'tweet'}]")
    ['* foo ', [{'source': 'tweet'}]]
    """
    found: list[Any] = []
    begin = position = 0
    ends: dict[int, int | None] = {}
    tries = TRIES
    while position < len(text) and tries:
        if text[position] not in _OPEN:
            position += 1
            continue
        end = _closing(text, position, ends)
        name = _NAME_BEFORE.search(text, max(begin, position - 80), position) if text[position] == "(" else None
        start = name.start() if name else position
        value = _try(text[start : end + 1]) if end is not None and end - start < LONGEST else None
        if value is None or end is None:
            position, tries = position + 1, tries - 1
            continue
        found += [text[begin:start], value] if start > begin else [value]
        begin = position = end + 1
    return [*found, text[begin:]] if begin < len(text) else found


def _try(text: str) -> Any:
    """A container's value; None for what is none, such as `(see below)`."""
    try:
        value = read_repr(text)
    except ValueError:
        return None
    return value if isinstance(value, list | tuple | dict | Call | Unordered) else None


def _closing(text: str, position: int, known: dict[int, int | None]) -> int | None:
    """Where the bracket at `position` is closed, quotes respected; what was learnt on the way is kept in `known`."""
    if position in known:
        return known[position]
    stack: list[int] = []
    here = position
    while here < len(text) and here - position < LONGEST:
        character = text[here]
        if character in "'\"":
            here = _string_end(text, here)
        elif character in _OPEN:
            stack.append(here)
        elif character in ")]}":
            opener = stack.pop()
            known[opener] = here if _CLOSE[text[opener]] == character else None
            if not stack:
                return known[position]
        here += 1
    for opener in stack:
        known[opener] = None
    known[position] = None
    return None


def _string_end(text: str, position: int) -> int:
    quote, here = text[position], position + 1
    while here < len(text) and text[here] != quote:
        here += 2 if text[here] == "\\" else 1
    return here


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return Unordered(tuple(_value(item) for item in node.elts))
    if isinstance(node, ast.Dict) and all(node.keys):
        pairs = [(key, item) for key, item in zip(node.keys, node.values, strict=True) if key]
        return {_key(key): _value(item) for key, item in pairs}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return float(node.id)
    if isinstance(node, ast.Call) and (name := ".".join(_names(node.func))):
        return _call(name, node)
    raise ValueError(f"no repr: {ast.dump(node)[:60]}")


def _call(name: str, node: ast.Call) -> Any:
    if name in ("set", "frozenset"):
        inner = _value(node.args[0]) if node.args else Unordered(())
        return inner if isinstance(inner, Unordered) else Unordered(tuple(inner))
    if not all(keyword.arg for keyword in node.keywords):
        raise ValueError("no repr: **")
    return Call(name, tuple(map(_value, node.args)), {k.arg: _value(k.value) for k in node.keywords if k.arg})


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield from _names(node.value)
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id


def _key(node: ast.expr) -> Any:
    key = _value(node)
    return key if isinstance(key, str | int | float | bool | bytes | tuple | None) else repr(key)

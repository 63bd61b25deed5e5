"""Filters built from values, so that text from outside can never become syntax: `field("year") >= 2020`.

`str(filter)` is the expression for Milvus: `vector_store.similarity_search(question, expr=str(filter))`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

from kit.errors import KitError
from kit.milvus.scan import literal

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_RESERVED = re.compile(
    "and|or|not|in|like|is|null|exists|true|false|iso|interval|text_match|array_length"
    "|(json|array)_contains(_all|_any)?",
    re.IGNORECASE,
)
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
DYNAMIC = "$meta"  # Milvus' name for the field that holds the keys outside the schema
# A server's parser reads the minus apart from the number, so the smallest int64 is out of its reach.
MAX_INT = 2**63 - 1


def quote(text: str) -> str:
    r"""The text as a double-quoted literal: `f"namespace == {quote(user)}"`.

    >>> quote('ankush" or namespace != "')
    '"ankush\\" or namespace != \\""'
    """
    if not isinstance(text, str):
        raise KitError(f"Wanted a text to quote in a filter; found {type(text).__name__} {text!r}.")
    text = plain(text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise KitError(f"{text[:40]!a} holds half a surrogate pair, which no stored text can equal.")
    return literal(text)


def plain(text: str) -> str:
    """The characters of a text, without the methods that a subclass of str may bring."""
    return str.__str__(text)


def can_name(name: object, in_json: bool = False) -> bool:
    """Whether engines take the name of a field or dynamic key in filters and output; `in_json`, a JSON key."""
    if not isinstance(name, str) or any("\ud800" <= character <= "\udfff" for character in name):
        return False
    return bool(name) if in_json else bool(_NAME.fullmatch(name))


def field(name: str) -> Field:
    """A field to compare: `field("year") >= 2020`; a key in a JSON field: `field("meta")["source"] == "web"`.

    `field("$meta")["any key"]` is a key that the schema does not name, in a collection with a dynamic field.
    """
    return Field(name)


def tenant(name: str, value: str | int) -> Filter:
    """The rows of one tenant: those whose field of that name equals a text that is not blank, or an integer."""
    if isinstance(value, bool) or not isinstance(value, str | Integral):
        raise KitError(f"Wanted a tenant: a text or an integer; found {type(value).__name__} {_short(value)}.")
    if isinstance(value, str) and not plain(value).strip():
        raise KitError(f"Wanted a tenant in {_short(name)}; found {_short(value)}, a blank text, which names nobody.")
    return field(name) == value


@dataclass(frozen=True, eq=False)
class Field:
    """A field, or with keys a place inside a JSON field; compared to a value it becomes a filter."""

    name: str
    keys: tuple[str, ...] = ()

    __hash__ = None  # type: ignore[assignment] # == builds a filter

    def __post_init__(self) -> None:
        if isinstance(self.name, str):
            object.__setattr__(self, "name", plain(self.name))
        if not isinstance(self.name, str) or not (_NAME.fullmatch(self.name) or self.name == DYNAMIC):
            raise KitError(
                "Wanted a field's name: a letter or _, then letters, digits or _, 255 at most; found "
                f'{_short(self.name)}. A key with other characters: field("{DYNAMIC}")["the key"].'
            )
        if _RESERVED.fullmatch(self.name):
            raise KitError(f'"{self.name}" is a word of Milvus\' filter language and cannot name a field.')
        for key in self.keys:
            if not isinstance(key, str) or not key:
                raise KitError(f"Wanted the name of a key in {self.name}; found {type(key).__name__} {_short(key)}.")

    def __str__(self) -> str:
        self.__post_init__()
        return self.name + "".join(f"[{quote(key)}]" for key in self.keys)

    def __getitem__(self, key: str) -> Field:
        return Field(self.name, (*self.keys, key))

    def __eq__(self, value: object) -> Filter:  # type: ignore[override]
        return Comparison(self, "==", value)

    def __ne__(self, value: object) -> Filter:  # type: ignore[override]
        return Comparison(self, "!=", value)

    def __lt__(self, value: object) -> Filter:
        return Comparison(self, "<", value)

    def __le__(self, value: object) -> Filter:
        return Comparison(self, "<=", value)

    def __gt__(self, value: object) -> Filter:
        return Comparison(self, ">", value)

    def __ge__(self, value: object) -> Filter:
        return Comparison(self, ">=", value)

    def is_in(self, values: Iterable[object]) -> Filter:
        """The rows whose value is one of these, all of one kind; of none when there are none."""
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise KitError(f"is_in() wants a list of values; found {type(values).__name__} {_short(values)}.")
        return IsIn(self, tuple(values))

    def contains(self, value: object) -> Filter:
        """The rows whose array, or list inside a JSON or dynamic field, holds the value.

        On Milvus Lite a list in the dynamic field is looked into under a key that is a plain name only.
        """
        return Contains(self, value)

    def exists(self) -> Filter:
        """The rows that have this key of a JSON or dynamic field."""
        return Exists(self)


class Filter:
    """A condition on rows: joined with `&` and `|`, turned around with `~`; str() is Milvus' expression.

    Two are equal when their expressions are.
    """

    def __eq__(self, other: object) -> bool:
        return is_filter(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __and__(self, other: Filter) -> Filter:
        return All((*_parts(self, All), *_parts(other, All)))

    def __or__(self, other: Filter) -> Filter:
        return Either((*_parts(self, Either), *_parts(other, Either)))

    def __invert__(self) -> Filter:
        return Not(self)

    def __bool__(self) -> bool:
        raise KitError("A filter is neither true nor false: join with & and |, turn around with ~, not and/or/not.")


@dataclass(frozen=True, eq=False)
class Comparison(Filter):
    """A field against one value; `== None` and `!= None` ask for nulls, which Milvus has since 2.5, and Lite."""

    field: Field
    operator: str
    value: object

    def __post_init__(self) -> None:
        if type(self.operator) is not str or self.operator not in _OPERATORS:
            raise KitError(f"Wanted an operator of {' '.join(_OPERATORS)}; found {_short(self.operator)}.")
        _comparable(self.field)
        if isinstance(self.value, list | tuple | set | frozenset):
            raise KitError(
                f"{self.field} {self.operator} wants one value; found a {type(self.value).__name__}. Use .is_in([…])."
            )
        if self.value is not None:
            _literal(self.value)
        elif self.field.keys:
            raise KitError(f"A key is there or not; found {self.field} {self.operator} None", mend="Use .exists().")
        if (self.value is None or isinstance(self.value, bool)) and self.operator not in ("==", "!="):
            raise KitError(f"{self.value} has no order; found {self.field} {self.operator} {self.value}. Use == or !=.")

    def __str__(self) -> str:
        self.__post_init__()
        if self.value is None:
            return f"{self.field} is {'null' if self.operator == '==' else 'not null'}"
        return _guarded(self.field, f"{self.field} {self.operator} {_literal(self.value)}")


@dataclass(frozen=True, eq=False)
class IsIn(Filter):
    """A field against a list of values."""

    field: Field
    values: tuple[object, ...]

    def __post_init__(self) -> None:
        _comparable(self.field)
        kinds = sorted({_kind(value) for value in self.values if _literal(value)})
        if len(kinds) > 1:
            raise KitError(f"is_in() wants values of one kind; found {' and '.join(kinds)}. Join two with |.")

    def __str__(self) -> str:
        literals = [_literal(value) for value in self.values]
        if not self.field.keys:
            return f"{self.field} in [{', '.join(literals)}]"
        if not literals:  # Lite has no `in` for keys, and a server no literal for "never"
            return f"(exists {self.field}) and (not (exists {self.field}))"
        return _guarded(self.field, " or ".join(f"({self.field} == {literal})" for literal in literals))


@dataclass(frozen=True, eq=False)
class Contains(Filter):
    """A list that holds a value."""

    field: Field
    value: object

    def __post_init__(self) -> None:
        _comparable(self.field)
        _literal(self.value)

    def __str__(self) -> str:
        return f"array_contains({_root(self.field)}, {_literal(self.value)})"


@dataclass(frozen=True, eq=False)
class Exists(Filter):
    """A key that is there."""

    field: Field

    def __post_init__(self) -> None:
        _comparable(self.field)
        if not self.field.keys:
            raise KitError(
                f'exists() is for keys: field("{self.field}")["key"].exists()', mend="Every row has its fields."
            )

    def __str__(self) -> str:
        return f"exists {self.field}"


@dataclass(frozen=True, eq=False)
class All(Filter):
    """Every one of the parts holds."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def __str__(self) -> str:
        return " and ".join(f"({_filter(part)})" for part in self.parts)


@dataclass(frozen=True, eq=False)
class Either(Filter):
    """At least one of the parts holds."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def __str__(self) -> str:
        return " or ".join(f"({_filter(part)})" for part in self.parts)


@dataclass(frozen=True, eq=False)
class Not(Filter):
    """The part does not hold."""

    part: Filter

    def __str__(self) -> str:
        return f"not ({_filter(self.part)})"

    def __invert__(self) -> Filter:
        return self.part


def _parts(filter_: object, kind: type[All] | type[Either]) -> tuple[Filter, ...]:
    """The parts of one of that kind, so that a long chain does not nest."""
    return filter_.parts if isinstance(filter_, kind) else (_filter(filter_),)


def _check_parts(parts: object) -> None:
    if not isinstance(parts, tuple) or not parts:
        raise KitError(f"Wanted filters to join, at least one; found {_short(parts)}.")


def is_filter(other: object) -> bool:
    """Whether it is a filter of this module, and of no class that was derived from one."""
    return type(other) in (Comparison, IsIn, Contains, Exists, All, Either, Not)


def _filter(other: object) -> Filter:
    if not isinstance(other, Filter) or not is_filter(other):
        raise KitError(
            f"Wanted a filter to join with; found {type(other).__name__} {_short(other)}. Build it from values, "
            'each comparison in brackets: (field("year") >= 2020) & (field("speaker") == name).'
        )
    return other


def _guarded(field: Field, expression: str) -> str:
    """Rows without the key never match, and match under ~: left alone, Lite and a server differ there."""
    return f"(exists {field}) and ({expression})" if field.keys else expression


def _root(field: Field) -> str:
    """A dynamic key by its own name where it can be one: a list under $meta["key"] is not looked into by Lite."""
    if field.name == DYNAMIC and can_name(field.keys[0]) and not _RESERVED.fullmatch(field.keys[0]):
        return str(Field(field.keys[0], field.keys[1:]))
    return str(field)


def _comparable(field: object) -> None:
    if type(field) is not Field:
        raise KitError(f"Wanted a field; found {type(field).__name__} {_short(field)}. Write field(name).")
    if field.name == DYNAMIC and not field.keys:
        raise KitError(f'{DYNAMIC} is compared by its keys: field("{DYNAMIC}")["key"].')


def _literal(value: object) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Integral):
        if abs(int(value)) > MAX_INT:
            raise KitError(f"Milvus' integers are of 64 bits, ±{MAX_INT} in a filter; found {_short(int(value))}.")
        return str(int(value))
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise KitError(f"Wanted a finite number in a filter; found {value}, to which no stored value compares.")
        return repr(float(value))
    raise KitError(f"Wanted a text, a number, True or False in a filter; found {type(value).__name__} {_short(value)}.")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "booleans"
    return "texts" if isinstance(value, str) else "numbers"


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"

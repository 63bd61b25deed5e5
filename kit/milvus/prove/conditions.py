"""Filters made from the values that a collection holds: from each field a looser one and a stricter one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from kit.milvus.filters import DYNAMIC, Filter, can_name, field
from kit.milvus.prove.judge import matching

FIELDS = 8  # of which filters are made
LONGEST = 200  # characters of a text in a filter
SMALL = 20  # rows that a filter on the primary key names
NUMBERS = ("INT8", "INT16", "INT32", "INT64", "FLOAT", "DOUBLE")


class Condition(NamedTuple):
    """A filter as Milvus reads it and as Python does: (field, keys inside it, operator, value), all of which hold."""

    expr: str
    parts: tuple[tuple[str, tuple[str, ...], str, Any], ...]

    def also(self, other: Condition) -> Condition:
        """Rows that meet both."""
        if not self.expr:
            return other
        return Condition(f"({self.expr}) and ({other.expr})", self.parts + other.parts)


class Pair(NamedTuple):
    """Two filters: every row of the stricter is one of the looser."""

    looser: Condition
    stricter: Condition


EVERY = Condition("", ())


def pairs(rows: dict[str, list[Any]], primary: str, types: dict[str, str], random: Random) -> list[Pair]:
    """Pairs of filters on the fields, the keys of JSON and dynamic fields, and the primary key.

    `rows` are columns, `types` the type of each field of the schema; a column that it lacks is a dynamic key.
    """
    made = list(_by_key(rows[primary], primary, random))
    for name, values in rows.items():
        kind = types.get(name, "dynamic")
        if name == primary or "VECTOR" in kind or len(made) > FIELDS:
            continue
        present = [value for value in values if value is not None]
        if kind == "JSON":
            made += _inside(name, present)
        elif kind == "dynamic":
            made += _on_key(DYNAMIC, name, present) if can_name(name, in_json=True) else []
        elif can_name(name):
            made += _on_field(name, kind, present)
    made = [pair for pair in made if matching(rows, list(pair.stricter.parts)).any()]
    crossed = [Pair(first.looser, first.looser.also(second.stricter)) for first, second in pairwise(made)]
    return made + crossed[:2]


def _by_key(keys: list[Any], primary: str, random: Random) -> Iterator[Pair]:
    names = [key for key in dict.fromkeys(keys) if not isinstance(key, str) or len(key) <= LONGEST]
    some = random.sample(names, min(SMALL, len(names)))
    if some:
        yield Pair(_is_in(primary, some), _is_in(primary, some[: max(1, len(some) // 4)]))


def _on_field(name: str, kind: str, values: list[Any]) -> Iterator[Pair]:
    if kind in NUMBERS:
        numbers = sorted({value for value in values if value == value})
        yield from _ranges(name, numbers, kind in ("FLOAT", "DOUBLE"))
        if kind in ("FLOAT", "DOUBLE"):
            return
    if kind == "ARRAY":
        members = Counter(
            member for value in values for member in value if isinstance(member, int | str) and _short(member)
        )
        if len(members) > 1:
            first, second = members.most_common(2)[0][0], members.most_common(2)[1][0]
            often = _condition(field(name).contains(first), name, (), "contains", first)
            yield Pair(often, often.also(_condition(field(name).contains(second), name, (), "contains", second)))
        return
    if kind in (*NUMBERS, "VARCHAR", "BOOL"):
        often, seldom = _often_and_seldom(values)
        if often is not None and seldom is not None and kind != "BOOL":
            yield Pair(_is_in(name, [often, seldom]), _equals(name, (), seldom))
            yield Pair(_equals(name, (), often), _equals(name, (), often))
        elif often is not None:
            yield Pair(EVERY, _equals(name, (), often))


def _inside(name: str, values: list[Any]) -> Iterator[Pair]:
    """The keys that most rows have inside a JSON field."""
    keys = Counter(key for value in values if isinstance(value, dict) for key in value if can_name(key, in_json=True))
    for key, _ in keys.most_common(3):
        yield from _on_key(name, key, [value[key] for value in values if isinstance(value, dict) and key in value])


def _on_key(name: str, key: str, values: list[Any]) -> Iterator[Pair]:
    """Equality of texts, ranges of integers; a key with values of several kinds is left alone."""
    own: tuple[str, tuple[str, ...]] = (key, ()) if name == DYNAMIC else (name, (key,))
    place = field(name)[key]
    if values and all(isinstance(value, str) for value in values):
        often, seldom = _often_and_seldom(values)
        for value in [value for value in (often, seldom) if value is not None]:
            yield Pair(EVERY, _condition(place == value, own[0], own[1], "==", value))
    elif values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        numbers = sorted(set(values))
        low, high = numbers[len(numbers) // 3], numbers[len(numbers) * 3 // 4]
        yield Pair(
            _condition(place >= low, own[0], own[1], ">=", low), _condition(place >= high, own[0], own[1], ">=", high)
        )


def _ranges(name: str, numbers: list[Any], between: bool) -> Iterator[Pair]:
    """From a third and from nine tenths of the values on; of floating numbers, from between two of them."""
    if len(numbers) < 3:
        return

    def cut(share: float) -> Any:
        place = min(int(len(numbers) * share), len(numbers) - 2)
        return (numbers[place] + numbers[place + 1]) / 2 if between else numbers[place]

    low, high = cut(0.3), cut(0.9)
    if (low in numbers and between) or (high in numbers and between):
        return  # too near for a number between them
    yield Pair(
        _condition(field(name) >= low, name, (), ">=", low), _condition(field(name) >= high, name, (), ">=", high)
    )
    above = _condition(field(name) >= low, name, (), ">=", low)
    yield Pair(above, above.also(_condition(field(name) < high, name, (), "<", high)))


def _often_and_seldom(values: list[Any]) -> tuple[Any, Any]:
    counts = Counter(value for value in values if _short(value)).most_common()
    often = counts[0][0] if counts else None
    return often, (counts[-1][0] if len(counts) > 1 else None)


def _short(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    return len(value) <= LONGEST and not any("\ud800" <= character <= "\udfff" for character in value)


def _equals(name: str, keys: tuple[str, ...], value: Any) -> Condition:
    return _condition(field(name) == value, name, keys, "==", value)


def _is_in(name: str, values: list[Any]) -> Condition:
    return _condition(field(name).is_in(values), name, (), "in", tuple(values))


def _condition(filter_: Filter, name: str, keys: tuple[str, ...], operator: str, value: Any) -> Condition:
    return Condition(str(filter_), ((name, keys, operator, value),))

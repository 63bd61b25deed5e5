"""A stored output against a fresh one: same, equivalent by named rules, similar, or changed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import Indel

from kit.docs.verdicts.rules import outside_rules
from kit.docs.verdicts.values import Call, Token, Unordered, pieces, tokens
from kit.files.excerpt import excerpt

RULES = {
    "trailing space": "white space at the ends of lines and of the text",
    "white space": "other white space: line breaks and indents",
    "layout": "line breaks, quotes and spaces of a repr",
    "extra pk": "a Document's metadata now has the primary key",
    "pk value": "the value of a primary key",
    "extra id": "a Document now has an id",
    "id value": "the value of a Document's id",
    "argument order": "the order of a repr's named arguments or of a dict's keys",
    "set order": "the order in which a set is shown",
    "list order": "the same items in another order",
    "float tolerance": "numbers that differ by at most a thousandth",
    "auto id": "numbers of 15 and more digits, which an engine makes",
    "object addresses": "0x7f… of an object",
    "uuids": "UUIDs",
    "clock": "dates with times",
    "paths": "paths to the same file name",
    "stored traceback": "the lines of a traceback above its error",
    "extra info": "the `extra_info` behind a result of pymilvus, such as its cost",
    "class": "a class as Python and as IPython write it",
    "ellipsis": "what `...` stands for",
    "prompt": "a prompt and the dots that were typed there",
    "echo": "the value of the last expression, below what is printed",
}
FLOAT_TOLERANCE = 1e-3
SIMILAR = 0.5  # the share of words that must be common
LONGEST_DIFF = 20_000  # words
AUTO_ID = 10**14
_TYPED = re.compile(r"(?m)^.*?[·•*]{3,}[ \t]*$\n?")  # `Key: ········`, as Jupyter stores what getpass hid
_CLASS = re.compile(r"<class '(?:__main__\.)?([\w.]+)'>|\b__main__\.(?=\w)")
_EXTRA = re.compile(r"\s*,\s*extra_info:\s*\{[^{}]*\}")
TRACEBACK = "Traceback (most recent call last)"


def meanings(rules: Sequence[str]) -> str:
    """What the named rules pass over, in half a sentence."""
    outside = {rule.name: rule.meaning for rule in outside_rules()}
    return "; ".join(RULES.get(rule) or outside.get(rule, rule) for rule in rules)


class OutputComparison(NamedTuple):
    """same, equivalent, similar or changed; the rules used; similarity 0 to 1; word diff; a sentence."""

    verdict: Literal["same", "equivalent", "similar", "changed"]
    rules: tuple[str, ...] = ()
    similarity: float = 1.0
    diff: tuple[tuple[str, str], ...] = ()
    detail: str = ""


def compare(stored: Sequence[str], fresh: Sequence[str]) -> OutputComparison:
    """The outputs of one cell: texts that the page stores, texts that it shows now."""
    if not fresh:
        return OutputComparison("changed", similarity=0.0, detail="the page shows an output; now there is none")
    old, new = ("\n".join(text.strip("\n") for text in texts) for texts in (stored, fresh))
    if old == new:
        return OutputComparison("same")
    if _trimmed(old) == _trimmed(new):
        return OutputComparison("equivalent", ("trailing space",), detail=RULES["trailing space"])
    if (rules := equal_texts(_trimmed(old), _trimmed(new))) is not None:
        return OutputComparison("equivalent", tuple(rules), detail=meanings(rules))
    if rule := _shortened(_trimmed(old), _trimmed(new)):
        return OutputComparison("equivalent", (rule,), detail=RULES[rule])
    if (classes := [_CLASS.sub(r"\1", text) for text in (old, new)]) != [old, new]:
        plain = compare(classes[:1], classes[1:])
        if plain.verdict in ("same", "equivalent"):
            named = ("class", *plain.rules)
            return OutputComparison("equivalent", named, detail=meanings(named))
    if _EXTRA.search(old + new) and (shown := _EXTRA.sub("", new)).strip():
        found = compare([_EXTRA.sub("", old)], [shown]) if _EXTRA.sub("", old) != old or shown != new else None
        if found and found.verdict in ("same", "equivalent"):
            named = ("extra info", *found.rules)
            return OutputComparison("equivalent", named, detail=meanings(named))
    if (without := _TYPED.sub("", old)) != old and not _TYPED.search(new):
        found = compare([without], fresh)
        if found.verdict in ("same", "equivalent"):
            named = ("prompt", *found.rules)
            return OutputComparison("equivalent", named, detail=meanings(named))
    for outside in outside_rules():
        if outside.equal(old, new):
            return OutputComparison("equivalent", (outside.name,), detail=outside.meaning)
    similarity, diff = word_diff(old, new)
    detail = _sentence(old, new, similarity)
    return OutputComparison(
        "similar" if similarity >= SIMILAR else "changed", similarity=similarity, diff=diff, detail=detail
    )


def compare_with_echo(stored: Sequence[str], printed: Sequence[str], value: str) -> OutputComparison:
    """The same for a cell that printed and then returned a value, which a page that shows a script's output leaves out.

    A page may show both, or what was printed alone; it may not show the value in another form.
    """
    both = compare(stored, [*printed, value])
    if both.verdict in ("same", "equivalent") or not printed:
        return both
    alone = compare(stored, printed)
    if alone.verdict not in ("same", "equivalent"):
        return both
    rules = (*alone.rules, "echo")
    return OutputComparison("equivalent", rules, detail=meanings(rules))


def _shortened(old: str, new: str) -> str:
    """The rule by which a stored text shows the fresh one in another length: `stored traceback`, `ellipsis` or ''."""
    if TRACEBACK in old:
        printed = old[: old.index(TRACEBACK)].rpartition("\n")[0] if old.index(TRACEBACK) else ""
        error = re.sub(r"^(?:\w+\.)+(?=\w+(?::|$))", "", old.splitlines()[-1])
        if _trimmed(re.sub(r"(?m)^-{20,}$", "", printed) + "\n" + error) == new:
            return "stored traceback"
    parts = [" ".join(part.split()) for part in re.split(r"\.\.\.|…", old)]
    if len(parts) < 2 or not any(re.search(r"\w", part) for part in parts):
        return ""  # nothing is stored that could differ
    return "ellipsis" if _in_order(parts, " ".join(new.split())) else ""


def _in_order(parts: Sequence[str], text: str) -> bool:
    """Whether the text begins with the first part, ends with the last one and has the others between them, in order."""
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return False
    position, end = len(parts[0]), len(text) - len(parts[-1])
    for part in parts[1:-1]:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return position <= end


def equal_texts(old: str, new: str) -> list[str] | None:
    """The rules under which two texts show the same, in the order of RULES; None when they do not."""
    used: set[str] = set()
    if _equal_pieces(pieces(old), pieces(new), used):
        if not used:
            used.add("layout")
        return [rule for rule in RULES if rule in used]
    return None


def word_diff(old: str, new: str) -> tuple[float, tuple[tuple[str, str], ...]]:
    """Similarity (0 to 1, over words) and runs of words: common (" "), stored only ("-"), fresh only ("+")."""
    before, after = (text.replace("\\n", " ").split()[:LONGEST_DIFF] for text in (old, new))  # a repr's line breaks
    similarity = Indel.normalized_similarity(before, after)
    runs: list[tuple[str, str]] = []
    for tag, steps in groupby(Indel.opcodes(before, after), key=lambda step: step.tag == "equal"):
        gone, come = [], []
        for step in steps:
            gone += before[step.src_start : step.src_end]
            come += after[step.dest_start : step.dest_end]
        runs += [(" ", " ".join(gone))] if tag else [(m, " ".join(w)) for m, w in (("-", gone), ("+", come)) if w]
    return round(similarity, 4), tuple(runs)


def _equal_pieces(old: list, new: list, used: set[str]) -> bool:
    return len(old) == len(new) and all(_equal(a, b, used) for a, b in zip(old, new, strict=True))


def _equal(old: Any, new: Any, used: set[str]) -> bool:
    """Whether two values are equal under the rules; the rules that were needed are added to `used`."""
    if isinstance(old, bool) or isinstance(new, bool) or old is None or new is None:
        return old is new
    if isinstance(old, int | float) and isinstance(new, int | float):
        return _equal_numbers(old, new, used)
    if type(old) is not type(new):
        return False
    if isinstance(old, str):
        return _equal_plain(old, new, used)
    if isinstance(old, Call):
        return _equal_calls(old, new, used)
    if isinstance(old, Unordered):
        moved = _equal_in_any_order(old.items, new.items, used)
        used |= {"set order"} if moved else set()
        return moved is not None
    if isinstance(old, dict):
        return _equal_keyed(old, new, used)
    if isinstance(old, list | tuple):
        return _equal_lists(old, new, used)
    return old == new


def _equal_lists(old: Sequence, new: Sequence, used: set[str]) -> bool:
    if len(old) != len(new):
        return False
    tried: set[str] = set()
    if all(_equal(a, b, tried) for a, b in zip(old, new, strict=True)):
        used |= tried
        return True
    if any(isinstance(item, int | float) for item in old):
        return False  # the order of numbers, such as a vector's, is their meaning
    moved = _equal_in_any_order(old, new, used)
    if moved:
        used.add("list order")
    return moved is not None


def _equal_in_any_order(old: Sequence, new: Sequence, used: set[str]) -> bool | None:
    """Whether items had to be moved to be equal; None when they are not equal in any order."""
    if len(old) != len(new):
        return None
    rest, rules, moved = list(range(len(new))), set(), False
    for position, item in enumerate(old):
        for choice in rest:
            tried: set[str] = set()
            if _equal(item, new[choice], tried):
                rules |= tried
                moved |= choice != position
                rest.remove(choice)
                break
        else:
            return None
    used |= rules
    return moved


def _equal_calls(old: Call, new: Call, used: set[str]) -> bool:
    if old.name != new.name or len(old.arguments) != len(new.arguments):
        return False
    before, after = dict(old.keywords), dict(new.keywords)
    if old.name.rpartition(".")[2] == "Document":
        if "id" in after and "id" not in before:
            del after["id"]
            used.add("extra id")
        elif before.get("id") != after.get("id"):
            before["id"] = after["id"] = None
            used.add("id value")
        if isinstance(before.get("metadata"), dict) and isinstance(after.get("metadata"), dict):
            before["metadata"], after["metadata"] = _without_pk(before["metadata"], after["metadata"], used)
    arguments = all(_equal(a, b, used) for a, b in zip(old.arguments, new.arguments, strict=True))
    return arguments and _equal_keyed(before, after, used)


def _equal_keyed(old: dict, new: dict, used: set[str]) -> bool:
    old, new = _without_pk(old, new, used)
    if set(old) != set(new) and len(old) == len(new) and all(map(_is_uuid, (*old, *new))):
        used.add("uuids")  # keys that differ in every run, in the order in which they were made
        return all(_equal(a, b, used) for a, b in zip(old.values(), new.values(), strict=True))
    if set(old) != set(new) or not all(_equal(old[key], new[key], used) for key in old):
        return False
    if list(old) != list(new):
        used.add("argument order")
    return True


def _without_pk(old: dict, new: dict, used: set[str]) -> tuple[dict, dict]:
    if "pk" not in new or old.get("pk") == new["pk"]:
        return old, new
    used.add("pk value" if "pk" in old else "extra pk")
    before, after = ({key: value for key, value in row.items() if key != "pk"} for row in (old, new))
    return before, after


def _is_uuid(key: Any) -> bool:
    return isinstance(key, str) and [token.kind for token in tokens(key)] == ["uuid"]


def _equal_numbers(old: float, new: float, used: set[str]) -> bool:
    if old == new and type(old) is type(new):
        return True
    if isinstance(old, int) and isinstance(new, int):
        if abs(old) < AUTO_ID:
            return False
        used.add("auto id")
        return True
    if (math.isnan(old) and math.isnan(new)) or math.isclose(old, new, rel_tol=FLOAT_TOLERANCE, abs_tol=1e-6):
        used.add("float tolerance")
        return True
    return False


def _equal_plain(old: str, new: str, used: set[str]) -> bool:
    """Plain texts word by word; numbers, paths and the like by their rules."""
    if old == new:
        return True
    before, after = tokens(old.strip()), tokens(new.strip())
    loose: set[str] = set() if old.strip() == old and new.strip() == new else {"white space"}
    if len(before) != len(after):
        loose.add("white space")
        before, after = ([t for t in row if t.kind != "space"] for row in (before, after))
    if len(before) != len(after) or not all(_equal_tokens(a, b, loose) for a, b in zip(before, after, strict=True)):
        return False
    used |= loose
    return True


_KINDS = {"address": "object addresses", "uuid": "uuids", "clock": "clock", "space": "white space", "path": "paths"}


def _equal_tokens(old: Token, new: Token, used: set[str]) -> bool:
    if old.text == new.text:
        return True
    if old.kind != new.kind:
        return False
    if old.kind == "number":
        return _equal_numbers(_number(old.text), _number(new.text), used)
    if old.kind not in _KINDS:
        return False
    if old.kind == "path" and PurePosixPath(old.text).name != PurePosixPath(new.text).name:
        return False
    used.add(_KINDS[old.kind])
    return True


def _number(text: str) -> int | float:
    return float(text) if set(text) & set(".eE") else int(text)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _sentence(old: str, new: str, similarity: float) -> str:
    before, after = pieces(old), pieces(new)
    if len(before) == len(after) == 1 and isinstance(before[0], list) and isinstance(after[0], list):
        counts = f"{len(before[0])} items stored, {len(after[0])} now"
        if len(before[0]) != len(after[0]):
            return f"{counts}; {similarity:.0%} of the words are the same"
    told = f"{similarity:.0%} of the words are the same"
    return told if similarity >= SIMILAR else f"{told}; stored: {excerpt(old, 60)}; now: {excerpt(new, 60)}"

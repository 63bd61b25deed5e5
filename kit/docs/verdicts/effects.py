"""What outputs do not show: what a cell did to the databases, and whether it got what its arguments ask for."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.docs.records import BlockOutcome, Collection, Effect, State
from kit.pages.code import calls, dotted, parse

STORES = ("Milvus", "Zilliz", "from_documents", "from_texts", "afrom_documents", "afrom_texts")
BUILTINS = frozenset(dir(builtins))  # len(docs) and print(docs) look at the hits, and that is meant
DOUBLED = "rows added again"
DROPS = ("drop_collection", "drop", "drop_table")


def find_changes(code: str, before: State, after: State) -> list[Effect]:
    """What one cell's run did to the collections and names that earlier cells had made."""
    found: list[Effect] = []
    for address, collections in before.databases.items():
        for name, was in collections.items():
            now = after.databases.get(address, {}).get(name)
            found += _destroyed(code, f"{name} in {address}", name, was, now)
    return [*found, *_contracts(code, before, after)]


def find_opened_nothing(before: State, after: State, later: Sequence[State]) -> list[Effect]:
    """Vector stores that this cell opened on a collection that does not exist and that no later cell makes."""
    return [
        Effect("opened nothing", f"`{variable}` was opened on {collection} in {address}, which does not exist")
        for variable, (address, collection) in after.opened.items()
        if before.opened.get(variable) != (address, collection) and address in after.databases
        if not any(collection in state.databases.get(address, {}) for state in (after, *later))
    ]


def find_overwritten(before: State, after: State, later: Sequence[str]) -> list[Effect]:
    """Names that held documents and now hold the hits of a search; it fails when a later cell passes them on."""
    found = []
    for name, (count, are_hits) in after.documents.items():
        was = before.documents.get(name)
        if not was or was[1] or not are_hits:
            continue
        words = f"`{name}` held {was[0]} documents and now holds {count} hits of a search, which carry a primary key"
        found.append(Effect("overwrote documents", words, fails=_passed_on(name, later)))
    return found


def find_doubled(first: BlockOutcome, second: BlockOutcome) -> list[Effect]:
    """Collections that hold more rows after the same cell of the second pass than after the first."""
    if not first.state or not second.state:
        return []
    found = []
    for address, collections in second.state.databases.items():
        for name, now in collections.items():
            was = first.state.databases.get(address, {}).get(name)
            if was and was.rows and now.rows and now.rows > was.rows:
                words = f"{name} in {address} holds {now.rows} rows after the second run, {was.rows} after the first"
                found.append(Effect(DOUBLED, words, subject=f"{name} in {address}"))
    return found


def tell_changes(before: State | None, after: State | None) -> list[str]:
    """What a cell did to the databases, in words: for the report."""
    if after is None:
        return []
    told = []
    before = before or State()
    for address, collections in after.databases.items():
        for name, now in collections.items():
            was = before.databases.get(address, {}).get(name)
            if was is None:
                told.append(f"created {name} in {address}: {describe(now)}")
            elif was.identity != now.identity:
                told.append(f"replaced {name} in {address} ({was.rows} rows): {describe(now)}")
            elif was != now:
                told.append(f"{name} in {address}: {was.rows} -> {now.rows} rows")
    for address, collections in before.databases.items():
        gone = set(collections) - set(after.databases.get(address, {}))
        told += [f"dropped {name} in {address} ({collections[name].rows} rows)" for name in sorted(gone)]
    return told


def describe(collection: Collection) -> str:
    """A collection on one line."""
    key = f"partition key {collection.partition_key}" if collection.partition_key else "no partition key"
    parts = [f"{collection.rows} rows", ", ".join(collection.fields), key, *collection.indexes]
    return "; ".join(parts + ["dynamic field"] * collection.dynamic_field)


def _destroyed(code: str, where: str, name: str, was: Collection, now: Collection | None) -> Iterator[Effect]:
    if not was.rows or (now and now.identity == was.identity):
        return
    named = name in _strings(code) or any(dotted(call.func).rpartition(".")[2] in DROPS for call in calls(code))
    rows = f"{was.rows} row{'s' * (was.rows != 1)}"
    told = f"{where} held {rows} of earlier cells; this cell dropped it"
    if now:
        told += f" and made it anew with {now.rows}"
    why = "" if named else ", without naming it"
    yield Effect("destroyed a collection", told + why, fails=not named)


def _contracts(code: str, before: State, after: State) -> Iterator[Effect]:
    """Arguments of `Milvus(…)` and its like against the collection that they made or opened."""
    for call in calls(code):
        if dotted(call.func).rpartition(".")[2] not in STORES:
            continue
        arguments = {k.arg: k.value for k in call.keywords if k.arg}
        name = str(_constant(arguments.get("collection_name")) or "LangChainCollection")
        for address, collections in after.databases.items():
            now = collections.get(name)
            if now is None or now == before.databases.get(address, {}).get(name):
                continue
            yield from _contract(arguments, f"{name} in {address}", now)


def _contract(arguments: Mapping[str, ast.expr], where: str, now: Collection) -> Iterator[Effect]:
    wanted = _constant(arguments.get("partition_key_field"))
    if wanted and now.partition_key != wanted:
        found = f"its partition key is {now.partition_key}" if now.partition_key else "it has no partition key"
        yield Effect("no partition key", f'partition_key_field="{wanted}" is asked for; {where}: {found}')
    if _constant(arguments.get("enable_dynamic_field")) is True and not now.dynamic_field:
        yield Effect("no dynamic field", f"enable_dynamic_field=True is asked for; {where} has no dynamic field")
    index = _constant(arguments.get("index_params"))
    for key in ("index_type", "metric_type") if isinstance(index, dict) else ():
        if index.get(key) and not any(str(index[key]) in line.split() for line in now.indexes):
            words = f"{key}={index[key]} is asked for; {where} has {', '.join(now.indexes) or 'no index'}"
            yield Effect("another index", words)


def _constant(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError):
        return None


def _strings(code: str) -> set[str]:
    tree = parse(code)
    return (
        {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)} if tree else set()
    )


def _passed_on(name: str, later: Sequence[str]) -> bool:
    """Whether a later cell passes the name to a call before it is given another value."""
    for code in later:
        tree = parse(code)
        for node in tree.body if tree else ():
            inner = list(ast.walk(node))
            made = [n for n in inner if isinstance(n, ast.Call) and dotted(n.func) not in BUILTINS]
            passed = [given for n in made for given in (*n.args, *(keyword.value for keyword in n.keywords))]
            if any(isinstance(a, ast.Name) and a.id == name for a in passed):
                return True
            if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in inner):
                return False
    return False

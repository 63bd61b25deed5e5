"""Whether searches give the same after a reload: of a copy in a scratch database, or of the collection itself."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kit.milvus.connection import connect, is_lite, open_client
from kit.milvus.prove import copy, judge
from kit.milvus.prove.conditions import EVERY
from kit.milvus.prove.plan import plan_of, rows_of
from kit.milvus.prove.records import Call, Case, Failure, Outcome, Reload
from kit.milvus.prove.relations import LIMIT, PER_PAIR, QUERIES, search
from kit.milvus.prove.subject import Leg, Subject, few, name_of

if TYPE_CHECKING:
    from pymilvus import MilvusClient

NAME = "searches give the same after a reload"
COPIED = 5_000  # rows at most, of which a copy is made


def reload_outcomes(subject: Subject, where: Reload, least: float) -> list[Outcome]:
    """One outcome a vector field; `here` releases the collection itself and loads it again, and writes nothing."""
    from pymilvus import MilvusException

    try:
        return list(_reload_outcomes(subject, where, least))
    except MilvusException as error:  # such as: an index that cannot be made anew
        reason = f"Milvus refuses it: {' '.join(error.message.split())[:200]}"
        return [Outcome(NAME, leg.field, "not tried", reason=reason) for leg in subject.legs]


def _reload_outcomes(subject: Subject, where: Reload, least: float) -> Iterator[Outcome]:
    reason = _unfit(subject, where)
    legs = [leg for leg in subject.legs if subject.queries(leg, 1)]
    if reason or not legs:
        yield from (Outcome(NAME, leg.field, "not tried", reason=reason or "no row to search for") for leg in legs)
        return
    with _target(subject, where) as (client, collection):
        target = subject.elsewhere(client, collection)
        asked = {leg.field: _asked(subject, leg) for leg in legs}
        calls = [call for some in asked.values() for _, call in some]
        before = target.answers(calls)
        judge.answer(client, collection, subject.primary, "reload", {"flush": where == "copy"})
        after = target.answers(calls)
        for leg in legs:
            yield _outcome(leg, asked[leg.field], before, after, 1.0 if leg.exact else least)


def _unfit(subject: Subject, where: Reload) -> str:
    if where == "no":
        return "--reload here releases and loads it, --reload copy tries a copy in a database of its own"
    if not subject.whole or (where == "copy" and subject.rows > COPIED):
        return f"{subject.rows:,} rows are too many for a copy; --reload here releases and loads the collection"
    return ""


def _asked(subject: Subject, leg: Leg) -> list[tuple[str, Call]]:
    """Searches with and without filters, each with words for it."""
    filters = [EVERY, *(pair.stricter for pair in few(subject.pairs, 6))]
    return [
        (condition.expr or "no filter", search(leg, query, LIMIT, condition))
        for condition in filters
        for _, query in subject.queries(leg, QUERIES if condition == EVERY else PER_PAIR)
    ]


def _outcome(
    leg: Leg, asked: list[tuple[str, Call]], before: dict[str, judge.Hits], after: dict[str, judge.Hits], least: float
) -> Outcome:
    names = [name_of(call) for _, call in asked]
    judged = [judge.judge_same(before[name], after[name], leg.lower) for name in names]
    share = sum(held for held, _ in judged) / len(judged)
    failure = None
    failing = [(len(asked[place][0]), place) for place, (held, _) in enumerate(judged) if held < 1]
    if failing:
        place = min(failing)[1]
        call = asked[place][1]
        calls = {"before": call, "reloaded": Call("reload", {"flush": True}), "after": call}
        case = Case(judge.judge_same, calls, {"lower": leg.lower}, asked[place][0])
        failure = Failure(case, LIMIT, judged[place][1])
    return Outcome(NAME, leg.field, "broken" if share < least else "holds", len(judged), share, least, failure=failure)


@contextlib.contextmanager
def _target(subject: Subject, where: Reload) -> Iterator[tuple[MilvusClient, str]]:
    """The collection itself, or a copy of it that is gone afterwards."""
    if where == "here":
        yield subject.client, subject.collection
        return
    with scratch_client(subject.uri) as client:
        copy.build(client, "kit_prove", plan_of(subject), rows_of(subject))
        yield client, "kit_prove"


@contextlib.contextmanager
def scratch_client(uri: str) -> Iterator[MilvusClient]:
    """A client in an empty database of its own on the same kind of engine: a Lite file, or a database on the server."""
    from milvus_lite.server_manager import server_manager_instance

    from kit.files.scratch import scratch_folder
    from kit.milvus.scratch import drop_scratch_database, scratch_database

    lite = is_lite(uri)
    scratch = str(scratch_folder("prove") / f"{uuid.uuid4().hex[:8]}.db") if lite else scratch_database(uri)
    client = open_client(connect(scratch))
    try:
        yield client
    finally:
        client.close()
        if lite:
            server_manager_instance.release_server(scratch)
        else:
            drop_scratch_database(scratch)

"""Every relation tried on a collection, and the smallest case of each that does not hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kit.errors import KitError
from kit.milvus.connection import in_words, is_lite
from kit.milvus.langchain import connection_of
from kit.milvus.prove import counts, reloaded
from kit.milvus.prove.records import Call, Case, Failure, Outcome, Proof, Reload, Status, Try
from kit.milvus.prove.relations import BATCHES, RELATIONS, Relation
from kit.milvus.prove.subject import Leg, Subject, check_ready, name_of

if TYPE_CHECKING:
    import pandas as pd
    from langchain_milvus import Milvus
    from pymilvus import MilvusClient

LEAST = 0.95  # the share that an approximate index has to reach
MOST_ROWS = 20_000
SEED = 1
SMALLER = (1, 2, 3, 5)  # numbers of hits with which a failing case is tried again
CONFIRMED = 3  # failing cases that are looked at for the smallest
Tell = Callable[[str], None]


def prove(vector_store: Milvus, *, least: float = LEAST, reload: Reload = "no") -> pd.DataFrame:
    """What must hold on the collection behind a vector store, tried without a question and without a write.

    One row a relation and vector field: `tries`, the `share` that holds, `verdict` (holds, broken, not tried) and
    `case`, the smallest that fails or why it was not tried. `least` is the share that an approximate index has to
    reach. `kit prove` is the same on the command line, where a script shows to others what is broken.

    Raises:
        KitError: there is no such collection, it is not loaded, or others wrote into it meanwhile.
    """
    import pandas as pd

    uri = str(connection_of(vector_store)["uri"])
    with in_words(vector_store):
        proof = prove_collection(
            vector_store.client, vector_store.collection_name, uri, lite=is_lite(uri), least=least, reload=reload
        )
    rows = [
        (
            outcome.relation + (f" ({outcome.field})" if len({one.field for one in proof.outcomes}) > 2 else ""),
            outcome.tries,
            round(outcome.share, 3) if outcome.tries else None,
            outcome.status,
            outcome.failure.words if outcome.failure else outcome.reason,
        )
        for outcome in proof.outcomes
    ]
    frame = pd.DataFrame(rows, columns=["relation", "tries", "share", "verdict", "case"])
    return frame.set_index("relation")


def prove_collection(
    client: MilvusClient,
    collection: str,
    uri: str,
    *,
    lite: bool = False,
    least: float = LEAST,
    most_rows: int = MOST_ROWS,
    seed: int = SEED,
    reload: Reload = "no",
    tell: Tell = lambda _: None,
) -> Proof:
    """Try every relation on a collection that is there and loaded, reading only.

    Raises KitError for a collection that is not there or not loaded, and when others wrote into it meanwhile.
    """
    started = time.perf_counter()
    check_ready(client, collection, lite)
    subject = Subject(client, collection, uri, most_rows, seed)
    tell("reading the rows")
    outcomes = [*_whole(subject, tell), *_of_fields(subject, least, tell)]
    tell(reloaded.NAME)
    outcomes += reloaded.reload_outcomes(subject, reload, least)
    if (now := subject.answer(Call("count", {"filter": ""}))) != subject.rows:
        raise KitError(
            f'Others wrote into "{collection}" meanwhile ({subject.rows} rows, now {now}), so nothing is proved',
            mend="Run it again while nobody writes.",
        )
    return Proof(
        uri, subject.engine, collection, subject.primary, subject.rows, time.perf_counter() - started, tuple(outcomes)
    )


def _whole(subject: Subject, tell: Tell) -> Iterator[Outcome]:
    """What concerns the collection as a whole."""
    many = "" if subject.whole else f"{subject.rows:,} rows; --rows {subject.rows} reads them all"
    for name, tries in (
        (counts.COUNTS, counts.count_tries),
        (counts.FILTERS, counts.filter_tries),
        (counts.PARTITIONS, counts.partition_tries),
    ):
        tell(name)
        if many and name != counts.PARTITIONS:
            yield Outcome(name, "", "not tried", reason=many)
        else:
            yield _outcome(subject, name, "", tries(subject), 1.0)


def _of_fields(subject: Subject, least: float, tell: Tell) -> Iterator[Outcome]:
    """What concerns each vector field."""
    for leg in subject.legs:
        for relation in RELATIONS:
            tell(f"{relation.name}: {leg.field}")
            if reason := _unfit(subject, leg, relation):
                yield Outcome(relation.name, leg.field, "not tried", reason=reason)
                continue
            share = 1.0 if relation.always or leg.exact else least
            yield _outcome(subject, relation.name, leg.field, relation.tries(subject, leg), share)


def _unfit(subject: Subject, leg: Leg, relation: Relation) -> str:
    if not subject.whole:
        return f"{subject.rows:,} rows; --rows {subject.rows} reads them all"
    return relation.unfit(subject, leg) if relation.unfit else ""


def _outcome(subject: Subject, name: str, field: str, tries: Iterable[Try], least: float) -> Outcome:
    """Ask everything, judge everything, and look for the smallest case that fails."""
    from pymilvus import MilvusException

    tries = list(tries)
    if not tries:
        return Outcome(name, field, "not tried", reason="nothing here to try it on")
    try:
        cases = [attempt.case(attempt.limit) for attempt in tries]
        asked = subject.answers([call for case in cases for call in case.calls.values()], name != BATCHES)
        shares = [_judge(case, asked)[0] for case in cases]
        failing = [(share, attempt) for attempt, share in zip(tries, shares, strict=True) if share < 1.0]
        failure = _smallest(subject, failing)
    except MilvusException as error:
        return Outcome(name, field, "not tried", reason=f"Milvus refuses it: {' '.join(error.message.split())[:200]}")
    share = sum(shares) / len(shares)
    if failing and failure is None:  # each held when it was asked alone
        failing, share = [], 1.0
    status: Status = "broken" if share < least else "holds"
    return Outcome(name, field, status, len(tries), share, least, failure=failure)


def _judge(case: Case, asked: dict[str, Any]) -> tuple[float, str]:
    return case.judge(**{name: asked[name_of(call)] for name, call in case.calls.items()}, **case.given)


def _smallest(subject: Subject, failing: list[tuple[float, Try]]) -> Failure | None:
    """The worst of the failing cases that fails when it is asked alone, with as few hits as it still fails with."""
    ranked = sorted(failing, key=lambda one: (one[0], len(one[1].case(one[1].limit).about)))
    for _, attempt in ranked[:CONFIRMED]:
        for limit in (*SMALLER, attempt.limit):
            case = attempt.case(limit)
            answers = {name_of(call): subject.scanned(call) for call in case.calls.values()}
            if (judged := _judge(case, answers))[1]:
                return Failure(case, limit, judged[1])
    return None

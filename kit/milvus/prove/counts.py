"""What must hold on the collection as a whole: every way of counting, its partitions, its filters, a reload."""

from __future__ import annotations

from collections.abc import Iterator

from kit.milvus.prove import judge
from kit.milvus.prove.conditions import Condition
from kit.milvus.prove.records import Call, Case, Try
from kit.milvus.prove.subject import Subject

WINDOW = 16_384  # rows that Milvus pages through, and gives at once
COUNTS = "every way of counting agrees"
FILTERS = "a query gives the rows of its filter"
PARTITIONS = "the partitions hold the rows"


def count_tries(subject: Subject) -> Iterator[Try]:
    """count(*), the rows by their keys, the iterator, the pages, the different keys; on Lite the number of entities."""
    ways = {
        "count": Call("count", {"filter": ""}),
        "scan": subject.scan,
        "iterator": Call("query_iterator", {"batch_size": subject.page, "output_fields": [subject.primary]}),
    }
    if subject.rows <= WINDOW:
        ways["pages"] = Call("pages", {"size": subject.page})
    if subject.lite:  # a server's number leaves out what was not flushed, and deletes
        ways["number_of_entities"] = Call("stats", {})
    yield Try(lambda _: Case(judge.judge_counts, ways, {"primary": subject.primary}, "the whole collection"))


def filter_tries(subject: Subject) -> Iterator[Try]:
    """Under each filter: a query, a scan and count(*) give the rows whose stored values meet it."""
    conditions = dict.fromkeys(condition for pair in subject.pairs for condition in pair if condition.expr)
    for condition in conditions:
        options = {"filter": condition.expr, "output_fields": [subject.primary]}
        yield _of_rows(subject, condition, Call("scan", {"size": subject.page, **options}), "scan")
        if subject.rows < WINDOW:
            yield _of_rows(subject, condition, Call("query", options), "query")
        yield _of_number(subject, condition)


def _of_rows(subject: Subject, condition: Condition, call: Call, mode: str) -> Try:
    given = {"conditions": list(condition.parts), "primary": subject.primary}
    calls = {"rows": subject.scan, "selected": call}
    return Try(lambda _: Case(judge.judge_rows, calls, given, f"{mode}, {condition.expr}"))


def _of_number(subject: Subject, condition: Condition) -> Try:
    calls = {"rows": subject.scan, "count": Call("count", {"filter": condition.expr})}
    given = {"conditions": list(condition.parts)}
    return Try(lambda _: Case(judge.judge_number, calls, given, f"count(*), {condition.expr}"))


def partition_tries(subject: Subject) -> Iterator[Try]:
    """The partitions' counts add up to the collection's; where the rows go by a partition key, that cannot be asked."""
    names = subject.client.list_partitions(subject.collection)
    if len(names) > 1 and not subject.schema.partition_key:
        calls = {"whole": Call("count", {"filter": ""})}
        calls |= {f"p_{name}": Call("count", {"filter": "", "partition_names": [name]}) for name in names}
        yield Try(lambda _: Case(judge.judge_partitions, calls, {}, f"{len(names)} partitions"))

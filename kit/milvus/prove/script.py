"""A script that shows to others what does not hold: it needs pymilvus and nothing of the kit."""

from __future__ import annotations

import inspect
import json
import pprint
import subprocess
import sys
import zlib
from base64 import b85encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kit.files.scratch import remove_scratch, scratch_folder
from kit.files.write import write_whole
from kit.milvus import scan
from kit.milvus.prove import copy, judge
from kit.milvus.prove.plan import plan_of, rows_of
from kit.milvus.prove.records import Case, Failure, Outcome
from kit.milvus.prove.reloaded import scratch_client
from kit.milvus.prove.subject import Subject
from kit.settings import without_password

if TYPE_CHECKING:
    from pymilvus import MilvusClient

CARRIED = 5_000  # rows at most that a script brings along
SECONDS = 120.0  # that a script may take here
FEWER = 8  # times that half of the rows are tried
COPY = "kit_prove"
TEMPLATE = '''"""{title}

{words}

Run it: python {name} {usage}
Exit status 1 where it shows, 0 where it does not. Seen on {engine} with pymilvus {pymilvus}. Needs pymilvus alone.
"""

from __future__ import annotations

{scan}

{judge}

{copy}

COLLECTION = {collection!r}
PRIMARY = {primary!r}
RELOADS = {reloads!r}
PLAN = {plan}
CALLS = {calls}
GIVEN = {given}
ROWS = (
{rows}
)


def main() -> int:
    import base64
    import json
    import os
    import sys
    import tempfile
    import uuid
    import zlib

    from pymilvus import MilvusClient

    rows = json.loads(zlib.decompress(base64.b85decode("".join(ROWS)))) if ROWS else []
    uri = sys.argv[1] if len(sys.argv) > 1 else {uri}
    client = MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""))
    collection = "shown_" + uuid.uuid4().hex[:8] if rows else COLLECTION
    try:
        if rows:
            build(client, collection, PLAN, rows)
            if not RELOADS:
                answer(client, collection, PRIMARY, "reload", {{"flush": True}})
        answers = {{name: answer(client, collection, PRIMARY, *call) for name, call in CALLS.items()}}
    finally:
        if rows:
            client.drop_collection(collection)
    share, words = {judging}(**answers, **GIVEN)
    print(words or "It holds here.")
    return 0 if share == 1.0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
'''


class Script(NamedTuple):
    """A script that was written, and how many rows it brings along; none where it asks the collection itself."""

    path: Path
    rows: int


def write_script(client: MilvusClient, proof: Any, outcome: Outcome, path: Path) -> Script:
    """Write the script of a broken relation.

    Where it shows on a copy of the rows in a new Milvus Lite file, it brings as few of them along as it still shows
    with; otherwise it asks the collection itself.
    """
    failure = outcome.failure
    if failure is None:
        raise ValueError(f"{outcome.relation} has no failing case")
    subject = Subject(client, proof.collection, proof.uri, proof.rows, seed=1)
    names = {outcome.field, *(part[0] for part in _conditions(subject, failure.case))} - {""}
    rows = _fewest(subject, outcome, failure, names, path.name) if subject.lite and proof.rows <= CARRIED else []
    write_whole(path, _text(subject, outcome, failure, names, rows, path.name))
    return Script(path, len(rows))


def _conditions(subject: Subject, case: Case) -> list[tuple[Any, ...]]:
    """The conditions of a case; of one that gives only filters, the conditions with these filters."""
    known = {condition.expr: condition.parts for pair in subject.pairs for condition in pair}
    given = [tuple(part) for part in case.given.get("conditions", [])]
    filters = [call.options.get("filter", "") for call in case.calls.values()]
    return given + [part for expr in filters for part in known.get(expr, ())]


def _fewest(subject: Subject, outcome: Outcome, failure: Failure, names: set[str], name: str) -> list[dict[str, Any]]:
    """As few rows as it still shows with on a copy, by halves; none where it does not show on a copy at all."""
    whole = list(range(len(subject.columns[subject.primary])))
    kept: list[int] = []
    with scratch_client(subject.uri) as client:
        halves = [whole]
        for _ in range(FEWER):
            fails = (half for half in halves if _fails(subject, client, failure, names, half))
            if not (half := next(fails, [])):
                break
            kept, middle = half, len(half) // 2
            halves = [half[:middle], half[middle:]] if middle else []
    rows = rows_of(subject, names, kept) if kept else []
    return rows if rows and _shows(_text(subject, outcome, failure, names, rows, name), name) else []


def _fails(subject: Subject, client: MilvusClient, failure: Failure, names: set[str], places: list[int]) -> bool:
    """Whether the case fails on a copy of the rows at these places."""
    from pymilvus import MilvusException

    rows = rows_of(subject, names, places)
    calls = {name: (call.method, _of_copy(call.options, rows, names)) for name, call in failure.case.calls.items()}
    try:
        copy.build(client, COPY, plan_of(subject, names), rows)
        if not _reloads(failure):
            judge.answer(client, COPY, subject.primary, "reload", {"flush": True})
        answers = {name: judge.answer(client, COPY, subject.primary, *call) for name, call in calls.items()}
        return failure.case.judge(**answers, **failure.case.given)[0] < 1.0
    except (MilvusException, LookupError, TypeError):  # such as: a field that the copy does not have
        return False
    finally:
        client.drop_collection(COPY)


def _reloads(failure: Failure) -> bool:
    return any(call.method == "reload" for call in failure.case.calls.values())


def _shows(text: str, name: str) -> bool:
    """Whether a script, run as others run it, shows what it is about."""
    folder = scratch_folder("prove")
    try:
        (folder / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-I", name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return False
    finally:
        remove_scratch(folder)
    return done.returncode == 1 and "Traceback" not in done.stderr


def _text(
    subject: Subject, outcome: Outcome, failure: Failure, names: set[str], rows: list[dict[str, Any]], name: str
) -> str:
    import pymilvus

    packed = b85encode(zlib.compress(json.dumps([_short(row) for row in rows]).encode(), 9)).decode() if rows else ""
    lines = [packed[at : at + 110] for at in range(0, len(packed), 110)]
    shown = without_password(subject.uri)
    calls = {key: (call.method, _of_copy(call.options, rows, names)) for key, call in failure.case.calls.items()}
    return TEMPLATE.format(
        title=f"Does not hold: {outcome.relation}" + (f" ({outcome.field})." if outcome.field else "."),
        words=f"{failure.case.about}: {failure.words}.",
        name=name,
        usage="[URI]" if rows else f"[URI]    # asks the collection itself, by default at {shown}",
        engine=subject.engine,
        pymilvus=pymilvus.__version__,
        scan=_source(scan),
        judge=_source(judge),
        copy=_source(copy) if rows else "",
        collection=subject.collection,
        primary=subject.primary,
        reloads=_reloads(failure),
        plan=pprint.pformat(plan_of(subject, names), width=110, sort_dicts=False) if rows else "{}",
        calls=pprint.pformat(calls, width=110, compact=True, sort_dicts=False),
        given=pprint.pformat(failure.case.given, width=110, compact=True, sort_dicts=False),
        rows="\n".join(f"    {line!r}" for line in lines) or '    ""',
        uri='os.path.join(tempfile.mkdtemp(), "shown.db")' if rows else repr(shown),
        judging=failure.case.judge.__name__,
    )


def _of_copy(options: dict[str, Any], rows: list[dict[str, Any]], names: set[str]) -> dict[str, Any]:
    """The options of a call on a copy, which has the fields of these names only."""
    if not rows or "output_fields" not in options:
        return options
    return {**options, "output_fields": [name for name in rows[0] if name in {*names, *options["output_fields"]}]}


def _source(module: Any) -> str:
    """A module's code, without its docstring and what stands in the script already."""
    text = inspect.getsource(module).partition('"""\n')[2]
    for line in ("from __future__ import annotations\n", "from kit.milvus.scan import pages_by_key\n"):
        text = text.replace(line, "")
    return text.strip()


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON, its vectors with no more digits than Milvus keeps."""
    return {
        name: [float(str(np.float32(number))) for number in value] if _is_vector(value) else value
        for name, value in row.items()
    }


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(number, float) for number in value)

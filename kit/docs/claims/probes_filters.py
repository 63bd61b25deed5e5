"""Trials of the filter language: each expression runs over six rows and must let exactly the right ones through."""

from __future__ import annotations

from typing import Any, NamedTuple

from kit.docs.claims.probe import Answer, Scratch, probe, refusal


class Trial(NamedTuple):
    """An expression, the rows (by position) it should find, and values for its placeholders."""

    expression: str
    rows: list[int]
    params: dict | None = None


NAMES = ["ann", "anna", "bob", 'o"neill', "back\\slash", "zoë"]
FILTERS: dict[str, tuple[str, list[Trial]]] = {
    "filter-equals": ('Filter: field == "value"', [Trial('name == "bob"', [2]), Trial("n == 3", [3])]),
    "filter-compare": (
        "Filter: <, <=, >, >=, !=",
        [Trial("n < 2", [0, 1]), Trial("n >= 4", [4, 5]), Trial("n != 0", [1, 2, 3, 4, 5])],
    ),
    "filter-in": (
        'Filter: field in ["a", "b"]',
        [Trial('name in ["ann", "bob"]', [0, 2]), Trial("n not in [0, 1]", [2, 3, 4, 5])],
    ),
    "filter-equals-in": ('Filter: field == in ["a", "b"]', [Trial('name == in ["ann", "bob"]', [0, 2])]),
    "filter-logic": (
        "Filter: and, or, not, parentheses",
        [Trial('(n > 1 and n < 4) or name == "ann"', [0, 2, 3]), Trial("not (n > 0)", [0])],
    ),
    "filter-range": ("Filter: 1 < field < 4", [Trial("1 < n < 4", [2, 3])]),
    "filter-arithmetic": ("Filter: arithmetic", [Trial("n + 1 == 3", [2]), Trial("n % 2 == 0", [0, 2, 4])]),
    "filter-like-prefix": ('Filter: like "prefix%"', [Trial('name like "ann%"', [0, 1])]),
    "filter-like-infix": ('Filter: like "%infix%"', [Trial('name like "%o%"', [2, 3, 5])]),
    "filter-null": ("Filter: is null", [Trial("m is null", [1, 3, 5]), Trial("m is not null", [0, 2, 4])]),
    "filter-upper-case": (
        "Filter: AND, IN in upper case",
        [Trial("n > 1 AND n < 4", [2, 3]), Trial("n IN [0, 1]", [0, 1])],
    ),
    "filter-template": ("Filter templates: field in {values}", [Trial("n in {wanted}", [1, 4], {"wanted": [1, 4]})]),
    "filter-escapes": (
        "Filter: quotes and backslashes in a value",
        [Trial('name == "o\\"neill"', [3]), Trial('name == "back\\\\slash"', [4])],
    ),
}


def _register(probe_id: str, capability: str, trials: list[Trial]) -> None:
    @probe(probe_id, capability)
    def trial(scratch: Scratch) -> Answer:
        from pymilvus import DataType

        fields: dict[str, dict[str, Any]] = {
            "name": {"datatype": DataType.VARCHAR, "max_length": 32},
            "n": {"datatype": DataType.INT64},
        }
        rows: list[dict[str, Any]] = [{"pk": i, "name": name, "n": i} for i, name in enumerate(NAMES)]
        if probe_id == "filter-null":
            fields["m"] = {"datatype": DataType.INT64, "nullable": True}
            rows = [row | {"m": None if row["pk"] % 2 else row["pk"]} for row in rows]
        collection = scratch.create(fields, rows)
        told = [_told(scratch, collection, trial) for trial in trials]
        right = sum(ok for ok, _ in told)
        answer = "yes" if right == len(told) else "partly" if right else "no"
        return Answer(answer, "; ".join(words for _, words in told))


def _told(scratch: Scratch, collection: str, trial: Trial) -> tuple[bool, str]:
    found: list[int] = []

    def query() -> None:
        options = {"filter_params": trial.params} if trial.params else {}
        rows = scratch.client.query(collection, filter=trial.expression, output_fields=["pk"], **options)
        found.extend(sorted(row["pk"] for row in rows))

    if said := refusal(query):
        return False, f"`{trial.expression}` is refused: {said}"
    if found == trial.rows:
        return True, f"`{trial.expression}` finds the right {len(found)} of {len(NAMES)} rows"
    return False, f"`{trial.expression}` finds rows {found} instead of {trial.rows}"


for _id, (_capability, _trials) in FILTERS.items():
    _register(_id, _capability, _trials)

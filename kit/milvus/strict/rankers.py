"""Which parameters a hybrid search's ranker reads, from the installed langchain-milvus and pymilvus."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import Any

from kit.errors import KitError, nearest
from kit.milvus.langchain import ranker_source


def check_ranker(store_class: type, options: dict[str, Any]) -> None:
    """Raise KitError for a ranker's parameter that nobody reads."""
    kind, params, reranker = (options.get(name) for name in ("ranker_type", "ranker_params", "reranker"))
    if reranker is not None:
        if kind is not None or params is not None:
            raise KitError(
                "ranker_type and ranker_params are dropped where reranker is given", mend="Give one of them."
            )
        _check_function(reranker)
        return
    known = ranker_options(store_class)
    if kind is not None and kind not in known:
        raise KitError(f"There is no ranker {kind!r}", wanted=", ".join(known), mend=nearest(str(kind), known).strip())
    if params and kind is None:
        raise KitError(
            "ranker_params are dropped without ranker_type", mend=f"Give ranker_type, one of {', '.join(known)}."
        )
    for name in params or {}:
        if name not in known[str(kind)]:
            raise KitError(
                f"The ranker {kind!r} drops the parameter {name!r}",
                wanted=", ".join(sorted(known[str(kind)])),
                mend=nearest(str(name), known[str(kind)]).strip(),
            )


def _check_function(reranker: Any) -> None:
    """A `Function` of a kind that langchain-milvus knows too: its parameters by pymilvus' own classes."""
    from pymilvus import RRFRanker, WeightedRanker

    read = {"rrf": set(RRFRanker().dict()["params"]), "weighted": set(WeightedRanker(1.0).dict()["params"])}
    params = dict(getattr(reranker, "params", None) or {})
    kind = str(params.pop("reranker", ""))
    for name in params:
        if kind in read and name not in read[kind]:
            raise KitError(
                f"The ranker {kind!r} drops the parameter {name!r}",
                wanted=", ".join(sorted(read[kind])),
                mend=nearest(str(name), read[kind]).strip(),
            )


@cache
def ranker_options(store_class: type) -> dict[str, frozenset[str]]:
    """Ranker -> the parameters that are read for it: `if ranker_type == "rrf": … ranker_params.get("k")`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(ranker_source(store_class))))
    options: dict[str, frozenset[str]] = {}
    for branch in ast.walk(tree):
        if isinstance(branch, ast.If) and isinstance(branch.test, ast.Compare):
            kind = branch.test.comparators[0]
            if ast.unparse(branch.test.left) == "ranker_type" and isinstance(kind, ast.Constant):
                read = {
                    node.args[0].value
                    for statement in branch.body
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Call)
                    and ast.unparse(node.func).startswith("ranker_params.")
                    and isinstance(node.args[0], ast.Constant)
                }
                options[str(kind.value)] = frozenset(map(str, read))
    return options

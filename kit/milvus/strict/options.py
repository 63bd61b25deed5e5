"""Which options a method really reads, followed through the installed langchain-milvus and pymilvus.

A method that takes `**kwargs` hands them on to another that hands them on; at the end somebody reads
`kwargs.get("offset")` or names `offset` as a parameter, or nobody does and the option is dropped without a word. The
syntax trees tell. Nothing here is a list of names: a new release brings its own.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any


@dataclass
class Options:
    """What a method reads: `names`, and `renamed`, an option of a method beneath -> the one here that sets it."""

    names: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)


@cache
def options_of(owner: type, method: str, skip: frozenset[str] = frozenset()) -> Options:
    """The options of a public method of a vector store's class.

    `skip` names methods that this store does not come through: a store of one vector field runs no hybrid search.
    """
    options = Options()
    function = inspect.getattr_static(owner, method)
    _Trail(owner, skip, options).follow(_plain(function), _catch_all(function), frozenset())
    return options


class _Trail:
    """One walk from a method down to whatever reads its options."""

    def __init__(self, owner: type, skip: frozenset[str], options: Options):
        self.owner, self.skip, self.options = owner, skip, options
        self.walked: set[tuple[Any, str, frozenset[str]]] = set()

    def follow(self, function: Any, variable: str | None, taken: frozenset[str], owner: type | None = None) -> None:
        """Note what `function` names and what it reads of `variable`; go where it hands `variable` on.

        `taken` are the parameters that the caller sets itself: they cannot be given from above.
        """
        owner = owner or self.owner
        if (function, variable or "", taken) in self.walked or not inspect.isfunction(function):
            return
        self.walked.add((function, variable or "", taken))
        for layer in _layers(function):
            names = _parameters(layer)
            if layer is _layers(function)[-1]:
                self.options.names |= names - taken
            variable_here = variable if layer is function and variable in names else _catch_all(layer) or variable
            tree = _tree(layer)
            if tree is None or variable_here is None:
                continue
            scope = _scope(layer)
            self.options.names |= set(_read_keys(tree, variable_here, scope)) - taken
            for call in _calls_with(tree, variable_here):
                # A wrapper hands on `*args`, too, all that it was given: what was set above it stays set.
                is_wrapper = any(isinstance(given, ast.Starred) for given in call.args)
                self._go(call, variable_here, layer, scope, owner, taken if is_wrapper else None, taken - names)

    def _go(
        self,
        call: ast.Call,
        variable: str,
        function: Any,
        scope: dict[str, Any],
        owner: type,
        through: frozenset[str] | None,
        inside: frozenset[str],
    ) -> None:
        callee, callee_owner = _resolve(call.func, function, scope, owner)
        if callee is None or getattr(callee, "__name__", "") in self.skip:
            return
        starred = any(keyword.arg is None for keyword in call.keywords)
        own = set(_parameters(function))
        for keyword in call.keywords:
            given = keyword.value.id if isinstance(keyword.value, ast.Name) else None
            if keyword.arg and given in own - {keyword.arg}:
                self.options.renamed.setdefault(keyword.arg, given)
        if starred:
            bound = {keyword.arg for keyword in call.keywords if keyword.arg}
            if fields := getattr(callee_owner, "model_fields", None):  # a pydantic class drops what is none of these
                self.options.names |= set(fields) - bound
                return
            bound |= set(_positional(callee)[: len(call.args)]) | inside
            self.follow(callee, _catch_all(callee), frozenset(bound) if through is None else through, callee_owner)
        else:  # handed on as a dict
            place = next(i for i, given in enumerate(call.args) if isinstance(given, ast.Name) and given.id == variable)
            names = _positional(callee)
            if place < len(names):
                # What such a function names is not an option, only what it reads of the dict.
                self.follow(callee, names[place], frozenset(_parameters(callee)) | inside, callee_owner)


def _plain(member: Any) -> Any:
    return member.__func__ if isinstance(member, staticmethod | classmethod) else member


def _layers(function: Any) -> list[Any]:
    """A decorated function from its outermost wrapper to itself."""
    layers = [function]
    while hasattr(layers[-1], "__wrapped__"):
        layers.append(layers[-1].__wrapped__)
    return [layer for layer in layers if inspect.isfunction(layer)]


def _code_parameters(function: Any) -> tuple[list[str], str | None]:
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[:count])
    place = count + bool(code.co_flags & inspect.CO_VARARGS)
    catch_all = code.co_varnames[place] if code.co_flags & inspect.CO_VARKEYWORDS else None
    return names, catch_all


def _parameters(function: Any) -> set[str]:
    return set(_code_parameters(function)[0]) - {"self", "cls"}


def _positional(function: Any) -> list[str]:
    plain = _layers(function)[-1]
    names = list(plain.__code__.co_varnames[: plain.__code__.co_argcount])
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _catch_all(member: Any) -> str | None:
    """The name of a function's `**kwargs`; None where it has none."""
    function = _plain(member)
    return _code_parameters(_layers(function)[-1])[1] if inspect.isfunction(function) else None


@cache
def _tree(function: Any) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, TypeError, SyntaxError):
        return None


def _scope(function: Any) -> dict[str, Any]:
    """The names that a function sees: its module's and those of the functions around it."""
    return {**function.__globals__, **inspect.getclosurevars(function).nonlocals}


def _is_variable(node: ast.AST, variable: str) -> bool:
    return isinstance(node, ast.Name) and node.id == variable


def _read_keys(tree: ast.AST, variable: str, scope: dict[str, Any]) -> Iterator[str]:
    """`kwargs.get("x")`, `kwargs.pop(X)`, `"x" in kwargs`, `kwargs["x"]`: x, with constants of the module resolved."""
    for node in ast.walk(tree):
        key: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("get", "pop", "setdefault") and _is_variable(node.func.value, variable):
                key = node.args[0]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            key = node.left if _is_variable(node.comparators[0], variable) else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_variable(node.value, variable):
            key = node.slice
        name = key.value if isinstance(key, ast.Constant) else scope.get(key.id) if isinstance(key, ast.Name) else None
        if isinstance(name, str):
            yield name


def _calls_with(tree: ast.AST, variable: str) -> list[ast.Call]:
    """The calls that hand the options on, as `**kwargs` or as a dict; not those after the name was given to another."""
    elsewhere = _after_reuse(tree, variable)
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node not in elsewhere
        and (
            any(keyword.arg is None and _is_variable(keyword.value, variable) for keyword in node.keywords)
            or any(_is_variable(given, variable) for given in node.args)
        )
    ]


def _after_reuse(tree: ast.AST, variable: str) -> set[ast.AST]:
    """What stands, in one block, after `kwargs = {…}`: options of the function's own under the same name."""
    elsewhere: set[ast.AST] = set()
    for node in ast.walk(tree):
        for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
            statements: list[ast.stmt] = block if isinstance(block, list) else []
            for place, statement in enumerate(statements):
                if (
                    isinstance(statement, ast.Assign)
                    and isinstance(statement.value, ast.Dict)
                    and _is_variable(statement.targets[0], variable)
                ):
                    elsewhere |= {inner for later in statements[place:] for inner in ast.walk(later)}
    return elsewhere


def _resolve(called: ast.expr, function: Any, scope: dict[str, Any], owner: type) -> tuple[Any, type | None]:
    """What is called, and the class that it belongs to; (None, None) where it is none of the three packages'."""
    if isinstance(called, ast.Name):
        target = owner if called.id == "cls" else scope.get(called.id)
        if isinstance(target, type):
            return _plain(inspect.getattr_static(target, "__init__")), target
        return target, None
    if not isinstance(called, ast.Attribute):
        return None, None
    for holder in _holders(called.value, function, scope, owner):
        try:
            return _plain(inspect.getattr_static(holder, called.attr)), owner if holder in owner.__mro__ else holder
        except AttributeError:
            continue
    return None, None


def _holders(receiver: ast.expr, function: Any, scope: dict[str, Any], owner: type) -> list[type]:
    """The classes that the receiver of a call may be of: by the ways in which these packages write it."""
    words = ast.unparse(receiver)
    if words in ("self", "cls"):
        return [owner]
    if words == "super()":
        name = function.__qualname__.rpartition(".")[0]
        mro = owner.__mro__
        place = next((i for i, each in enumerate(mro) if each.__qualname__ == name), len(mro))
        return list(mro[place + 1 :])
    if isinstance(scope.get(words), type):
        return [scope[words]]
    return _client_classes(words)


def _client_classes(words: str) -> list[type]:
    from pymilvus import AsyncMilvusClient, MilvusClient
    from pymilvus.client.async_grpc_handler import AsyncGrpcHandler
    from pymilvus.client.grpc_handler import GrpcHandler

    return {
        "self.client": [MilvusClient],
        "self.aclient": [AsyncMilvusClient],
        "conn": [GrpcHandler, AsyncGrpcHandler],
        "handler": [GrpcHandler, AsyncGrpcHandler],
    }.get(words, [])

"""What other packages add to the kit: a thing of a kind, by its registered name or as `package.module:Class`.

A package registers in its pyproject.toml, with no word to the kit:

    [project.entry-points."kit.embeddings"]
    mine = "my_package.embeddings:MyEmbeddings"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar, get_args

from kit.errors import KitError, nearest
from kit.settings import mask

Kind = Literal["retrievers", "embeddings", "probes", "rules", "sources", "collections", "rerankers", "chat"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Made = TypeVar("Made")
_WORDS = {"chat": "chat model", "embeddings": "embeddings"}


def names(kind: Kind) -> list[str]:
    """The names that installed packages registered for a kind, in order."""
    return sorted({point.name for point in _points(kind)})


def lookup(kind: Kind, name: str, known: Iterable[str] = (), *, example: str = "") -> Any:
    """What a registered name or `package.module:Class` stands for, as it is there: a class, a function, an object.

    Raises:
        KitError: nothing has that name (see `unknown`); two packages register it; it cannot be imported.
    """
    points = [point for point in _points(kind) if point.name == name]
    if len({point.value for point in points}) > 1:
        packages = " and ".join(sorted(_package(point) for point in points))
        raise KitError(f'"{name}" is registered for kit.{kind} by {packages}.', mend="Uninstall one of the two.")
    if points:
        return _load(points[0])
    if is_path(name):
        return _import(kind, name)
    raise unknown(kind, name, known, example=example)


def instance(kind: Kind, name: str, base: type[Made], wanted: str) -> Made:
    """The object of class `base` that a name stands for, or that the class or function of that name makes.

    Raises:
        KitError: it cannot be made without arguments, or is no such object.
    """
    value = lookup(kind, name)
    return _checked(
        name,
        base,
        wanted,
        lambda: value if isinstance(value, base) else value(),
        "be made without arguments",
        "Name a class or a function that needs none; it may read the environment.",
    )


def answer(kind: Kind, name: str, argument: str, base: type[Made], wanted: str) -> Made:
    """What the function that a name stands for gives for an argument.

    Raises:
        KitError: the function's own one, or that it fails in another way or gives no `base`.
    """
    function = lookup(kind, name)
    return _checked(name, base, wanted, lambda: function(argument), f'read "{argument}"')


def _checked(name: str, base: type[Made], wanted: str, make: Callable[[], Any], job: str, mend: str = "") -> Made:
    try:
        value = make()
    except KitError:
        raise
    except Exception as error:  # noqa: BLE001 - it is the user's own code and may fail in any way
        words = mask(" ".join(f"{type(error).__name__}: {error}".split()))
        raise KitError(f'"{name}" cannot {job} ({words[:300]}).', mend=mend) from None
    if not isinstance(value, base):
        raise KitError(f'"{name}" gives a {type(value).__name__}', wanted=wanted)
    return value


def unknown(kind: Kind, name: str, known: Iterable[str] = (), *, example: str = "") -> KitError:
    """The error that nothing of a kind has a name, with the nearest one.

    `known` are the kit's own names of the kind, and `example` another form that the caller takes.
    """
    choices = [*known, *names(kind)]
    forms = [*choices, *([example] if example else []), "package.module:Class"]
    word = _WORDS.get(kind, kind.removesuffix("s"))
    verb = "are" if kind == "embeddings" else "is"
    return KitError(f'No {word} {verb} called "{name}".{nearest(name, choices)}', wanted=f"one of {', '.join(forms)}")


def is_path(name: str) -> bool:
    """Whether a name is one of the form `package.module:Class`, dotted before the colon and an identifier after it."""
    module, colon, attribute = name.partition(":")
    dotted = "." in module and all(part.isidentifier() for part in module.split("."))
    return bool(colon) and dotted and all(part.isidentifier() for part in attribute.split("."))


def _points(kind: Kind) -> list[EntryPoint]:
    return list(entry_points(group=f"kit.{kind}"))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unnamed package"


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # noqa: BLE001 - somebody else's module may fail in any way when it is imported
        raise KitError(
            f'"{point.name}" of the package {_package(point)} cannot be loaded from {point.value} '
            f"({type(error).__name__}: {error}).",
            mend="Mend or uninstall that package.",
        ) from None


def _import(kind: Kind, path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        value: Any = import_module(module)
        for part in attribute.split("."):
            value = getattr(value, part)
    except Exception as error:  # noqa: BLE001 - the module is the user's own and may fail in any way
        raise KitError(
            f'"{path}" of kit.{kind} cannot be loaded ({type(error).__name__}: {error}).',
            wanted="package.module:Class of an importable package",
        ) from None
    return value

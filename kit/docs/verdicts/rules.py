"""Rules of outside packages: in which other ways a stored output and a fresh one may say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kit import registry
from kit.errors import KitError


class Rule(NamedTuple):
    """A way in which two texts say the same, with a pair (stored, fresh) that it must pass and one it must refuse."""

    name: str
    meaning: str
    equal: Callable[[str, str], bool]
    passes: tuple[str, str]
    refuses: tuple[str, str]


def outside_rules() -> list[Rule]:
    """The rules that packages register as `kit.rules`, each once it was right about both of its samples.

    Raises:
        KitError: what is registered is no Rule, or is wrong about one of its samples.
    """
    return [_checked(name, registry.lookup("rules", name)) for name in registry.names("rules")]


def _checked(name: str, rule: object) -> Rule:
    if not isinstance(rule, Rule):
        raise KitError(f'The rule "{name}" is {rule!r}', wanted="a kit.docs.Rule")
    for pair, wanted in ((rule.passes, True), (rule.refuses, False)):
        try:
            answer = bool(rule.equal(*pair))
        except Exception as error:  # noqa: BLE001 - it is the user's own rule and may fail in any way
            raise KitError(f'The rule "{name}" fails on its sample {pair} ({type(error).__name__}: {error}).') from None
        if answer is not wanted:
            raise KitError(f'The rule "{name}" {"refuses" if wanted else "passes"} its own sample {pair}.')
    return rule

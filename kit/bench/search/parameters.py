"""The parameters in a retriever's name, `hybrid-weighted-70:fetch=200`: a number and options, read with limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.errors import KitError, nearest


@dataclass
class Parameters:
    """What stands in a retriever's name behind its method; each part is taken once, and `finish` refuses the rest."""

    name: str  # the whole name, for errors
    number: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    def take_number(self, usual: int, low: int, high: int, meaning: str) -> int:
        """The number behind the method's name, or the usual one."""
        value, self.number = usual if self.number is None else self.number, None
        if not low <= value <= high:
            raise KitError(f'Found the retriever "{self.name}"', wanted=f"{meaning} from {low} to {high}")
        return value

    def take_int(self, option: str, usual: int, low: int, high: int) -> int:
        """An option that is a whole number."""
        text = self.take_text(option, str(usual))
        if not text.isdigit() or not low <= int(text) <= high:
            raise KitError(f'Found {option}={text} in the retriever "{self.name}"',
                           wanted=f"a whole number from {low} to {high}")  # fmt: skip
        return int(text)

    def take_float(self, option: str, usual: float, low: float, high: float) -> float:
        """An option that is a number."""
        text = self.take_text(option, str(usual))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise KitError(f'Found {option}={text} in the retriever "{self.name}"',
                           wanted=f"a number from {low:g} to {high:g}")  # fmt: skip
        return value

    def take_choice(self, option: str, usual: str, choices: Sequence[str]) -> str:
        """An option that is one of a few words."""
        text = self.take_text(option, usual)
        if text not in choices:
            raise KitError(f'Found {option}={text} in the retriever "{self.name}".{nearest(text, list(choices))}',
                           wanted=", ".join(choice for choice in choices if choice))  # fmt: skip
        return text

    def take_text(self, option: str, usual: str = "") -> str:
        """An option as it stands."""
        self.known.append(option)
        return self.options.pop(option, usual)

    def finish(self) -> None:
        """Refuse what no method took."""
        if self.number is not None:
            raise KitError(f'Found the retriever "{self.name}"', wanted="its method without a number")
        if self.options:
            option = next(iter(self.options))
            known = ", ".join(self.known)
            raise KitError(f'"{option}" is no parameter of the retriever "{self.name}".{nearest(option, self.known)}',
                           wanted=known or "no parameter")  # fmt: skip


def parse_parameters(name: str, number: str | None, parts: Sequence[str]) -> Parameters:
    """From the pieces of a name: `70` and [`fetch=200`]."""
    options = {}
    for part in parts:
        option, equals, value = part.partition("=")
        if not equals or not option or not value:
            raise KitError(f'Found "{part}" in the retriever "{name}"', wanted="NAME=VALUE, such as fetch=200")
        if option in options:
            raise KitError(f'The retriever "{name}" gives {option} twice', wanted="each parameter once")
        options[option] = value
    return Parameters(name, None if number is None else int(number), options)

"""What a set of questions can show: the chance that a paired test sees a difference, and the questions it takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kit.bench.measures.stats import ALPHA
from kit.errors import KitError

POWER = 0.8
DRAWS = 2_000
FLIPS = 499
MANY = 400  # questions
_BLOCK = 2_000_000  # numbers held at once


class Power(NamedTuple):
    """`smallest`: the difference that `queries` questions show with a chance of `power` at ALPHA, two-sided."""

    queries: int
    power: float
    smallest: float

    def questions_for(self, difference: float) -> int:
        """About how many questions show this difference: the error of a mean falls with their square root."""
        return int(np.ceil(self.queries * (self.smallest / difference) ** 2))


def chance(differences: np.ndarray, effect: float, queries: int, seed: int = 0, draws: int = DRAWS) -> float:
    """The share of samples of `queries` per-query differences, moved so that their mean is `effect`, that test finds.

    Samples are drawn with replacement and tested two-sided by the sum of signed differences: with FLIPS random signs,
    as the report tests, and from MANY questions on by its spread under them, the root of the sum of squares. Held
    against repeated subsampling in benchmarks/power.py.
    """
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise KitError(f"Found {values.size} per-query differences", wanted="at least two in one row")
    values = values - values.mean() + effect
    rng, seen = np.random.default_rng(seed), 0
    step = max(1, _BLOCK // queries)
    for first in range(0, draws, step):
        sample = values[rng.integers(0, len(values), size=(min(step, draws - first), queries))]
        sums = np.abs(sample.sum(axis=1))
        if queries >= MANY:
            seen += int((sums > _critical() * np.sqrt((sample**2).sum(axis=1))).sum())
            continue
        signs = rng.integers(0, 2, size=(FLIPS, queries)) * 2.0 - 1
        as_large = (np.abs(signs @ sample.T) >= sums * (1 - 1e-9)).sum(axis=0)
        seen += int(((as_large + 1) / (FLIPS + 1) < ALPHA).sum())
    return seen / draws


def smallest_difference(differences: np.ndarray, power: float = POWER, seed: int = 0) -> Power:
    """The smallest difference that as many questions as these show, by simulation from the per-query differences."""
    values = np.asarray(differences, dtype=float)
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if chance(values, middle, len(values), seed) >= power else (middle, high)
    return Power(len(values), power, round(high, 4))


def _critical() -> float:
    """The quantile of the normal distribution that a two-sided test at ALPHA asks for."""
    from scipy.stats import norm

    return float(norm.ppf(1 - ALPHA / 2))

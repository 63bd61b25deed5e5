"""How many times as long one row takes as another, with a spread: a ratio without one says little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kit.bench.measures.stats import LEVEL
from kit.bench.out_folder import OutFolder
from kit.bench.run.latency import read_waits

RESAMPLES = 2_000


class Ratio(NamedTuple):
    """The ratio of two medians over the same queries, and its bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """Such as `4.2 times as long (3.9 to 4.6)`."""
        if self.low <= 1 <= self.high:
            return f"about as long ({self.low:.2g} to {self.high:.2g} times)"
        form = "{:.1f}" if self.high < 100 else "{:,.0f}"
        return f"{form.format(self.value)} times as long ({form.format(self.low)} to {form.format(self.high)})"


def wait_ratio(out: OutFolder, slow: str, fast: str, seed: int = 7) -> Ratio | None:
    """How much longer users wait for one condition; None unless one pass timed both, on five queries at least."""
    waits: dict[tuple[str, str], dict[str, float]] = {}
    for condition, query_id, when, *parts in read_waits(out):
        if condition in (slow, fast):
            waits.setdefault((when, condition), {})[query_id] = sum(map(float, parts))
    passes = {when for when, _ in waits if (when, slow) in waits and (when, fast) in waits}
    if not passes:
        return None
    one, other = (waits[max(passes), condition] for condition in (slow, fast))
    shared = [query_id for query_id in one if query_id in other]
    if len(shared) < 5:
        return None
    pairs = np.array([(one[name], other[name]) for name in shared])
    drawn = pairs[np.random.default_rng(seed).integers(0, len(pairs), (RESAMPLES, len(pairs)))]
    medians = np.median(drawn, axis=1)
    low, high = np.quantile(medians[:, 0] / medians[:, 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    middle = np.median(pairs, axis=0)
    return Ratio(float(middle[0] / middle[1]), float(low), float(high))

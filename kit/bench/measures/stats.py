"""How sure a mean or a difference is: paired bootstrap intervals, a paired randomisation test, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from kit.errors import KitError

RESAMPLES = 10_000
LEVEL = 0.95
ALPHA = 0.05
EXACT_UP_TO = 13  # queries with a difference: 2^13 sign patterns are fewer than the resamples
_BLOCK = 2_000_000  # numbers held at once
DifferenceVerdict = Literal["better", "worse", "equal on every query", "not significant"]


class Difference(NamedTuple):
    """Measure by measure, B against A over the same queries: a positive `delta` says that B is higher."""

    a: str
    b: str
    measure: str
    mean_a: float
    mean_b: float
    low: float  # of the bootstrap interval of the mean difference
    high: float
    p: float  # two-sided, of the randomisation test
    p_holm: float  # the same after Holm's correction over all comparisons made together
    wins: int  # queries on which B is higher
    ties: int
    losses: int

    @property
    def delta(self) -> float:
        """B's mean less A's."""
        return self.mean_b - self.mean_a

    @property
    def significant(self) -> bool:
        """Whether a difference as large would come by chance less often than 1 in 20, counted over all comparisons."""
        return self.p_holm < ALPHA

    @property
    def verdict(self) -> DifferenceVerdict:
        """better, worse, equal on every query, or not significant: B against A."""
        if self.wins + self.losses == 0:
            return "equal on every query"
        if not self.significant:
            return "not significant"
        return "better" if self.delta > 0 else "worse"

    @property
    def words(self) -> str:
        """The verdict with its numbers, in a sentence's part."""
        return (
            f"{self.verdict} ({self.delta:+.4f}, {LEVEL:.0%} interval {self.low:+.4f} to {self.high:+.4f}, "
            f"p = {self.p_holm:.4f}; {self.wins} better, {self.ties} equal, {self.losses} worse)"
        )


def intervals(scores: np.ndarray, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL) -> np.ndarray:
    """Percentile bootstrap intervals of the columns' means: (queries, columns) -> (2, columns), low and high.

    Queries are drawn again with replacement, the same draws for every column, so columns stay paired.
    """
    scores = _checked(scores)
    if len(scores) == 1:
        return np.vstack([scores, scores])
    from scipy.stats import bootstrap

    found = bootstrap(
        (scores,), np.mean, axis=0, method="percentile", n_resamples=resamples, confidence_level=level,
        vectorized=True, batch=max(1, _BLOCK // scores.size), rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return np.sort([found.low, found.high], axis=0)  # equal percentiles can be exchanged by rounding


def randomisation_p(differences: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """Two-sided p of each column of paired differences (queries, columns), by Fisher's randomisation of their signs.

    All sign patterns are tried when few queries differ; else `resamples` random ones and the observed one are
    counted, so p is never 0. Without any difference p is 1.
    """
    differences = _checked(differences)
    return np.array([_p(column[column != 0], seed, resamples) for column in differences.T])


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down correction: p values that hold for all comparisons made together."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def paired_tests(pairs: Sequence[tuple[str, str, str, np.ndarray, np.ndarray]], seed: int = 0) -> list[Difference]:
    """(a, b, measure, scores of a, scores of b) -> differences, with p corrected over all of the pairs.

    The two score arrays are of the same queries in the same order.
    """
    differences = [_difference(*pair) for pair in pairs]
    bounds, p = np.empty((len(pairs), 2)), np.empty(len(pairs))
    for queries in {len(d) for d in differences}:
        # Pairs over as many queries share their resamples, which are the dear part.
        same = [n for n, d in enumerate(differences) if len(d) == queries]
        columns = np.stack([differences[n] for n in same], axis=1)
        bounds[same], p[same] = intervals(columns, seed).T, randomisation_p(columns, seed)
    rows = []
    for pair, d, (low, high), its_p, p_holm in zip(pairs, differences, bounds, p, holm(p), strict=True):
        a, b, measure, scores_a, scores_b = pair
        wins, losses = int((d > 0).sum()), int((d < 0).sum())
        mean_a, mean_b = float(np.mean(scores_a)), float(np.mean(scores_b))
        numbers = (mean_a, mean_b, float(low), float(high), float(its_p), float(p_holm))
        rows.append(Difference(a, b, measure, *numbers, wins, len(d) - wins - losses, losses))
    return rows


def _difference(a: str, b: str, measure: str, scores_a: np.ndarray, scores_b: np.ndarray) -> np.ndarray:
    scores_a, scores_b = np.asarray(scores_a, dtype=float), np.asarray(scores_b, dtype=float)
    if scores_a.shape != scores_b.shape:
        raise KitError(f"{a} has {len(scores_a)} scores of {measure}, {b} has {len(scores_b)}; wanted pairs.")
    d = scores_b - scores_a
    d[np.isclose(d, 0, atol=1e-12)] = 0  # sums of the same numbers in another order
    return d


def _p(differences: np.ndarray, seed: int, resamples: int) -> float:
    observed = abs(differences.sum()) * (1 - 1e-9)  # a pattern that gives the same sum must count as at least as large
    if len(differences) <= EXACT_UP_TO:
        patterns = (np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))) & 1
        return float((np.abs((2 * patterns - 1) @ differences) >= observed).mean())
    rng = np.random.default_rng(seed)
    as_large = 0
    for block in _blocks(resamples, len(differences)):
        signs = rng.integers(0, 2, size=(block.stop - block.start, len(differences)), dtype=np.int8) * 2 - 1
        as_large += int((np.abs(signs @ differences) >= observed).sum())
    return (as_large + 1) / (resamples + 1)


def _blocks(resamples: int, queries: int) -> Iterator[slice]:
    """Slices of the resamples, each as many as fit in memory at once."""
    step = max(1, _BLOCK // queries)
    for start in range(0, resamples, step):
        yield slice(start, min(start + step, resamples))


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or not values.size:
        raise KitError(f"Wanted scores as (queries, columns), at least one of each; found the shape {values.shape}.")
    if not np.isfinite(values).all():
        raise KitError("Wanted a score of every query in every column; found some that are missing.")
    return values

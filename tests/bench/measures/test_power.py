"""Power: the stated chance is what repeated subsampling with the kit's own test gives."""

from __future__ import annotations

import numpy as np
import pytest

from kit.bench.measures.power import chance, smallest_difference
from kit.bench.measures.stats import ALPHA, randomisation_p
from kit.errors import KitError

RNG = np.random.default_rng(3)
DIFFERENCES = RNG.normal(0, 0.3, 400) * (RNG.random(400) < 0.6)  # two of five queries are equal


@pytest.mark.parametrize("effect", [0.0, 0.05, 0.09])
def test_the_stated_power_is_within_3_points_of_repeated_subsampling(effect):
    population = DIFFERENCES - DIFFERENCES.mean() + effect
    samples = np.random.default_rng(5).choice(population, size=(60, 2000))
    seen = float((randomisation_p(samples, resamples=999) < ALPHA).mean())
    assert chance(DIFFERENCES, effect, 60) == pytest.approx(seen, abs=0.03)


def test_four_times_the_questions_show_half_the_difference():
    power = smallest_difference(DIFFERENCES[:100])
    assert power.questions_for(power.smallest) == 100
    assert power.questions_for(power.smallest / 2) == 400
    assert chance(DIFFERENCES[:100], power.smallest, 100) == pytest.approx(0.8, abs=0.02)


def test_one_difference_has_no_spread_to_simulate_from():
    with pytest.raises(KitError, match="Found 1 per-query differences; wanted: at least two in one row"):
        chance(np.array([0.1]), 0.1, 10)

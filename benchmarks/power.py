"""Whether the stated power holds: what `kit bench power` says against what repeated subsampling of questions gives.

    python benchmarks/power.py OUT [OUT …]

For every two rows of each run and for samples of several sizes: the chance that `chance` states from all per-query
differences, and the share of 5,000 samples, drawn with replacement, in which the report's own randomisation test finds
the difference. Printed: each pair, and the largest gap in points.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from kit.bench import OutFolder
from kit.bench.measures.power import chance
from kit.bench.measures.stats import ALPHA, randomisation_p
from kit.bench.report.compare import scores_table

SIZES = (25, 50, 100, 200)
SAMPLES = 5_000
RESAMPLES = 999


def main(folders: list[str]) -> None:
    """Print a line a pair and size."""
    rng, gaps = np.random.default_rng(7), []
    for folder in folders:
        out = OutFolder(Path(folder))
        results = out.read()
        measure = results.measures[0]
        rows = [row for row in results.rows if row.status == "measured"]
        for one, other in combinations(rows, 2):
            columns = [scores_table(out, row.id)[measure] for row in (one, other)]
            differences = (columns[0] - columns[1]).dropna().to_numpy()
            if not differences.any():
                continue
            for size in (size for size in SIZES if size <= len(differences)):
                stated = chance(differences, float(differences.mean()), size, draws=20_000)
                samples = differences[rng.integers(0, len(differences), (size, SAMPLES))]
                seen = float((randomisation_p(samples, 7, RESAMPLES) < ALPHA).mean())
                gaps.append(100 * abs(stated - seen))
                names = f"{one.condition.retriever} - {other.condition.retriever}"
                print(f"{results.dataset.name} {names}, {size} questions: stated {stated:.1%}, seen {seen:.1%}")
    print(f"{len(gaps)} pairs and sizes: largest gap {max(gaps):.1f} points, mean {np.mean(gaps):.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])

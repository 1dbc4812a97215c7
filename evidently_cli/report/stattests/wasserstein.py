"""First Wasserstein distance, in units of the reference file's standard deviation."""

import numpy as np

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest

_SMALLEST_UNIT = 0.001  # for a column that is constant in the reference file


def distance(reference: Floats, current: Floats) -> float:
    """Return W1 / max(population standard deviation of the reference, 0.001)."""
    return first_wasserstein(reference, current) / max(float(np.std(reference)), _SMALLEST_UNIT)


def first_wasserstein(reference: Floats, current: Floats) -> float:
    """
    Return the area between the two empirical distribution functions, both samples in ascending order.

    With as many values on both sides that is the mean distance of the values of equal rank.
    """
    n, m = len(reference), len(current)
    if n == m:
        return float(np.mean(np.abs(reference - current)))
    # Merge: a value of `current` stands behind the values of `reference` below it and its own predecessors.
    at = np.searchsorted(reference, current) + np.arange(m)
    from_reference = np.ones(n + m, np.bool_)
    from_reference[at] = False
    merged = np.empty(n + m)
    merged[at] = current
    merged[from_reference] = reference
    # n m (F_reference - F_current) right of each value, as exact integers.
    difference = np.cumsum(np.where(from_reference, m, -n))
    return float(np.abs(difference[:-1]) @ np.diff(merged)) / (n * m)


WASSERSTEIN = ValuesTest(
    name="wasserstein",
    title="Wasserstein distance (normed)",
    threshold=0.1,
    drift=Drift.DISTANCE_AT_LEAST,
    statistic=distance,
)

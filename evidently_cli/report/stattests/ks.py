"""Two-sample Kolmogorov-Smirnov test, two-sided: exact up to 10 000 rows per file, else asymptotic."""

import numpy as np

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest

_FEW = 1000  # rows of both files together: up to here ours is done before scipy.stats is imported (0.7 s)


def p_value(reference: Floats, current: Floats) -> float:
    """Return P(D >= the largest distance of the empirical distribution functions), of two ascending samples."""
    if len(reference) + len(current) <= _FEW:
        return exact_p_value(reference, current)
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference, current).pvalue)


def exact_p_value(reference: Floats, current: Floats) -> float:
    """
    Return the share of all orders of n + m different values in which the distance is as large as here.

    An order is a path of n + m steps from (0, 0) to (n, m), and its distance the largest |i/n - j/m| on it. A random
    path to (i, j) comes from (i - 1, j) with the probability i/(i + j), which gives the share of the paths that have
    been outside, step by step, without a difference in which digits could be lost.
    """
    n, m = len(reference), len(current)
    values = np.concatenate([reference, current])
    below = (np.searchsorted(sample, values, side="right") for sample in (reference, current))
    of_reference, of_current = below
    limit = int(np.abs(m * of_reference - n * of_current).max())  # n m D, a whole number
    if not limit:
        return 1.0
    rows = np.arange(n + 1)
    outside = np.zeros(n + 2)  # [1 + i]: the share of the paths to (i, s - i) that have been outside
    for step in range(1, n + m + 1):
        first, last = max(0, step - m), min(n, step)
        i = rows[first : last + 1]
        share = (i * outside[first : last + 1] + (step - i) * outside[first + 1 : last + 2]) / step
        share[np.abs((n + m) * i - n * step) >= limit] = 1.0
        outside[first + 1 : last + 2] = share
    return min(1.0, float(outside[n + 1]))


KS = ValuesTest(name="ks", title="K-S p_value", threshold=0.05, drift=Drift.P_AT_MOST, statistic=p_value)

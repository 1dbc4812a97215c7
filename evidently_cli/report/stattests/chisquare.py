"""Pearson's chi-square test of the current counts against the shares of the reference file."""

import numpy as np

from evidently_cli.report.stattests.samples import Tally
from evidently_cli.report.stattests.stattest import CountsTest, Drift


def p_value(tally: Tally) -> float:
    """
    Return P(chi2 >= sum((observed - expected)^2 / expected)) with one degree of freedom less than there are labels.

    A label that only the current file has makes the statistic infinite and the p-value 0.
    """
    from scipy.special import chdtrc  # what scipy.stats.chisquare ends in, at a fifth of its import time

    degrees = len(tally.labels) - 1
    if not degrees:
        return 1.0
    expected = tally.reference * (tally.current.sum() / tally.reference.sum())
    with np.errstate(divide="ignore"):
        statistic = np.sum((tally.current - expected) ** 2 / expected)
    return float(chdtrc(degrees, statistic))


CHISQUARE = CountsTest(
    name="chisquare", title="chi-square p_value", threshold=0.05, drift=Drift.P_BELOW, statistic=p_value
)

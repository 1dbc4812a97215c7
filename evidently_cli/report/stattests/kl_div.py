"""Kullback-Leibler divergence of the reference shares from the current ones."""

import numpy as np

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, SharesTest

EMPTY = 0.0001  # the share that stands for 0, for the logarithm's sake


def divergence(reference: Floats, current: Floats) -> float:
    """Return sum(r ln(r / c)) over shares that, after their zeros were replaced, are scaled to sum to 1 again."""
    r, c = (np.where(shares == 0, EMPTY, shares) for shares in (reference, current))
    r, c = r / r.sum(), c / c.sum()
    return float(np.sum(r * np.log(r / c)))


KL_DIV = SharesTest(
    name="kl_div",
    title="Kullback-Leibler divergence",
    threshold=0.1,
    drift=Drift.DISTANCE_AT_LEAST,
    statistic=divergence,
)

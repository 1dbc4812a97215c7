"""Jensen-Shannon distance with the natural logarithm: from 0 to sqrt(ln 2), about 0.83."""

import numpy as np

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, SharesTest


def distance(reference: Floats, current: Floats) -> float:
    """Return sqrt((KL(r, m) + KL(c, m)) / 2), where m is the mean of both and 0 ln 0 = 0."""
    middle = (reference + current) / 2
    return float(np.sqrt(max(0.0, _kl_divergence(reference, middle) + _kl_divergence(current, middle)) / 2))


def _kl_divergence(shares: Floats, middle: Floats) -> float:
    present = shares > 0
    return float(np.sum(shares[present] * np.log(shares[present] / middle[present])))


JENSENSHANNON = SharesTest(
    name="jensenshannon",
    title="Jensen-Shannon distance",
    threshold=0.1,
    drift=Drift.DISTANCE_AT_LEAST,
    statistic=distance,
)

"""Z-test of two proportions: the share of rows that have another label than the first one."""

import math

from evidently_cli.report.stattests.samples import Tally
from evidently_cli.report.stattests.stattest import CountsTest, Drift


def p_value(tally: Tally) -> float:
    """Return the two-sided p-value, 2 (1 - Phi(|z|)) = erfc(|z| / sqrt 2), with the pooled estimate of the variance."""
    n_reference, n_current = int(tally.reference.sum()), int(tally.current.sum())
    share_reference = 1 - int(tally.reference[0]) / n_reference
    share_current = 1 - int(tally.current[0]) / n_current
    pooled = (share_reference * n_reference + share_current * n_current) / (n_reference + n_current)
    variance = pooled * (1 - pooled) * (1 / n_reference + 1 / n_current)
    if share_reference == share_current or variance <= 0:
        return 1.0
    return math.erfc(abs(share_reference - share_current) / math.sqrt(2 * variance))


Z = CountsTest(name="z", title="Z-test p_value", threshold=0.05, drift=Drift.P_BELOW, statistic=p_value)

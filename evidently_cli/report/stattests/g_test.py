"""G-test: the log-likelihood ratio of the current counts and the reference counts."""

import numpy as np

from evidently_cli.report.errors import UntestableError
from evidently_cli.report.stattests.samples import Tally
from evidently_cli.report.stattests.stattest import CountsTest, Drift


def p_value(tally: Tally) -> float:
    """
    Return P(chi2 >= 2 sum(observed ln(observed / expected))) with one degree of freedom less than there are labels.

    The reference counts are taken as they are, so both files need as many rows.
    """
    from scipy.special import chdtrc

    if tally.reference.sum() != tally.current.sum():
        raise UntestableError("has more values in one file than in the other, which g_test cannot compare: not tested")
    degrees = len(tally.labels) - 1
    if not degrees:
        return 1.0
    seen = tally.current > 0
    with np.errstate(divide="ignore"):  # a new label: infinite, p = 0
        ratios = tally.current[seen] / tally.reference[seen]
    statistic = 2 * np.sum(tally.current[seen] * np.log(ratios))
    return float(chdtrc(degrees, max(float(statistic), 0.0)))


G_TEST = CountsTest(name="g_test", title="g_test", threshold=0.05, drift=Drift.P_BELOW, statistic=p_value)

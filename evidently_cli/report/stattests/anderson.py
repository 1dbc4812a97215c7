"""Two-sample Anderson-Darling test."""

from evidently_cli.report.errors import UntestableError
from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest

_FEWEST_ROWS = 4  # of both files together: the variance of the statistic divides by n - 3


def p_value(reference: Floats, current: Floats) -> float:
    """Return the p-value of scipy's test, which lies between 0.001 and 0.25."""
    from scipy.stats import anderson_ksamp

    constant = min(reference[0], current[0]) == max(reference[-1], current[-1])
    if constant or len(reference) + len(current) < _FEWEST_ROWS:
        raise UntestableError("has too few rows or a single value, which anderson cannot compare: not tested")
    return float(anderson_ksamp([reference, current]).pvalue)


ANDERSON = ValuesTest(name="anderson", title="Anderson-Darling", threshold=0.1, drift=Drift.P_BELOW, statistic=p_value)

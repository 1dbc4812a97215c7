"""Two-sample Kolmogorov-Smirnov test, two-sided: exact up to 10 000 rows per file, else asymptotic."""

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest


def p_value(reference: Floats, current: Floats) -> float:
    """Return the p-value of scipy's test."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference, current).pvalue)


KS = ValuesTest(name="ks", title="K-S p_value", threshold=0.05, drift=Drift.P_AT_MOST, statistic=p_value)

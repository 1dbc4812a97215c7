"""Mann-Whitney U-rank test, two-sided."""

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest


def p_value(reference: Floats, current: Floats) -> float:
    """Return the p-value of scipy's test."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(reference, current).pvalue)


MANNW = ValuesTest(
    name="mannw", title="Mann-Whitney U-rank test", threshold=0.05, drift=Drift.P_BELOW, statistic=p_value
)

"""Two-sample Cramer-von Mises test."""

from evidently_cli.report.errors import UntestableError
from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.stattest import Drift, ValuesTest


def p_value(reference: Floats, current: Floats) -> float:
    """Return the p-value of scipy's test: exact for small files, else asymptotic."""
    from scipy.stats import cramervonmises_2samp

    if min(len(reference), len(current)) < 2:  # noqa: PLR2004 - a pair
        raise UntestableError("has a single row, and the test cramer_von_mises needs two in each file: not tested")
    return float(cramervonmises_2samp(reference, current).pvalue)


CRAMER_VON_MISES = ValuesTest(
    name="cramer_von_mises", title="cramer_von_mises", threshold=0.05, drift=Drift.P_AT_MOST, statistic=p_value
)

"""Population stability index."""

import numpy as np

from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.kl_div import EMPTY
from evidently_cli.report.stattests.stattest import Drift, SharesTest


def index(reference: Floats, current: Floats) -> float:
    """Return sum((r - c) ln(r / c)) over the shares, zeros replaced."""
    r, c = (np.where(shares == 0, EMPTY, shares) for shares in (reference, current))
    return float(np.sum((r - c) * np.log(r / c)))


PSI = SharesTest(name="psi", title="PSI", threshold=0.1, drift=Drift.DISTANCE_AT_LEAST, statistic=index)

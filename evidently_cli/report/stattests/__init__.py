"""
The statistical tests by the names that a config uses.

To add one: a module with the test, and its line in `_TESTS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from evidently_cli.report.stattests.anderson import ANDERSON
from evidently_cli.report.stattests.chisquare import CHISQUARE
from evidently_cli.report.stattests.cramer_von_mises import CRAMER_VON_MISES
from evidently_cli.report.stattests.g_test import G_TEST
from evidently_cli.report.stattests.jensenshannon import JENSENSHANNON
from evidently_cli.report.stattests.kl_div import KL_DIV
from evidently_cli.report.stattests.ks import KS
from evidently_cli.report.stattests.mannw import MANNW
from evidently_cli.report.stattests.psi import PSI
from evidently_cli.report.stattests.stattest import StatTest
from evidently_cli.report.stattests.wasserstein import WASSERSTEIN
from evidently_cli.report.stattests.z import Z

_TESTS: tuple[StatTest, ...] = (
    KS,
    CHISQUARE,
    Z,
    JENSENSHANNON,
    WASSERSTEIN,
    KL_DIV,
    PSI,
    ANDERSON,
    CRAMER_VON_MISES,
    G_TEST,
    MANNW,
)
STATTESTS: Mapping[str, StatTest] = {test.name: test for test in _TESTS}

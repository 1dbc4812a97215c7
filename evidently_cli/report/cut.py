"""`cut_quantile`: the range of values that a histogram shows. Numbers are always those of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidently_cli.report.wording import number, percent

if TYPE_CHECKING:  # a result that was cut must be cheap to import
    import numpy as np
    from numpy.typing import NDArray

    from evidently_cli.report.config import QualityMetricsOptions

_DIGITS = 9  # of a share, which is a sum of shares


@dataclass(frozen=True, slots=True)
class Cut:
    """
    What a histogram leaves out: the values below `low` and above `high`, quantiles of the reference file (linear).

    None where a side is not cut. The quantiles themselves stay in, and the other file is cut at the same values.
    """

    low: float | None
    high: float | None
    low_quantile: float
    high_quantile: float

    @classmethod
    def of(cls, name: str, ascending: NDArray[np.float64], options: QualityMetricsOptions) -> Cut | None:
        """
        Return the cut of a column, given the finite values of the reference; None where nothing is to be cut.

        `two-sided` cuts below the quantile q and above 1 - q, or the other way round: 0.95 means what 0.05 does.
        None as well where no value of the reference would remain, as between the halves of two values.
        """
        import numpy as np

        rule = options.cut_of(name)
        if rule is None or not len(ascending):
            return None
        side, share = rule
        below, above = (min(share, 1 - share), max(share, 1 - share)) if side == "two-sided" else (share, share)
        low, high = np.quantile(ascending, [below, above]).tolist()
        cut = cls(
            low=None if side == "right" else low,
            high=None if side == "left" else high,
            low_quantile=below,
            high_quantile=above,
        )
        return cut if len(cut.kept(ascending)) else None

    def kept(self, ascending: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what remains of ascending values."""
        first = 0 if self.low is None else int(ascending.searchsorted(self.low, side="left"))
        last = len(ascending) if self.high is None else int(ascending.searchsorted(self.high, side="right"))
        return ascending[first:last]

    def inside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values remain; NaN never does."""
        import numpy as np

        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        return (values >= low) & (values <= high)

    @property
    def title(self) -> str:
        """What is shown, as an addition to a title: "5 % to 95 % quantile"."""
        low, high = (f"{number(100 * share)}\u00a0%" for share in (self.low_quantile, self.high_quantile))
        if self.low is None:
            return f"up to the {high} quantile"
        return f"from the {low} quantile on" if self.high is None else f"{low} to {high} quantile"

    def in_words(self, left_out: Sequence[tuple[str, float]]) -> str:
        """Say in a sentence what is left out: the share of the values of each file, or group of rows."""
        ends = [
            *([f"below {number(self.low)}"] if self.low is not None else []),
            *([f"above {number(self.high)}"] if self.high is not None else []),
        ]
        shares = [f"{percent(share, 1) if share else percent(0)} of {name}" for name, share in left_out]
        quantiles = "quantiles" if len(ends) > 1 else "quantile"
        return f"Values {' and '.join(ends)} (the reference's {quantiles}) are not drawn: {', '.join(shares)}."


def left_out(shares: Sequence[float]) -> float:
    """Return what is missing to 1, where the shares are of all values, and a cut leaves out some of them."""
    return max(0.0, round(1 - sum(shares), _DIGITS))

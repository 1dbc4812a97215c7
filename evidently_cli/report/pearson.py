"""Pearson's correlation of two columns."""

from __future__ import annotations

import math

import numpy as np

from evidently_cli.report.histogram import Floats


def pearson(x: Floats, y: Floats) -> float | None:
    """
    Return the correlation over the rows in which both are finite, as `pandas.DataFrame.corr` does.

    sum(dx dy) / sqrt(sum(dx^2) sum(dy^2)), d being the distance from the mean. None where one of them is constant, or
    there are fewer than two rows.
    """
    both = np.isfinite(x) & np.isfinite(y)
    dx, dy = _centred(x[both]), _centred(y[both])
    if dx is None or dy is None:
        return None
    # Not `dx @ dy`: on a busy machine, waiting for its threads takes many times as long as the sum.
    xy, xx, yy = (float(np.sum(a * b)) for a, b in ((dx, dy), (dx, dx), (dy, dy)))
    return min(1.0, max(-1.0, xy / math.sqrt(xx * yy)))


def _centred(values: Floats) -> Floats | None:
    """Return the distances from the mean in units of the largest, so that no square can over- or underflow."""
    if not len(values) or (values == values[0]).all():  # before the mean: that of a constant may be off by a rounding
        return None
    scaled = values / np.abs(values).max()
    distances = scaled - scaled.mean()
    largest = np.abs(distances).max()
    return distances / largest if largest > 0 else None

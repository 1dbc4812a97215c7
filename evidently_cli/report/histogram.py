"""Bins over sorted values: with them, counting costs two binary searches per bin and not a pass over the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.drift import NumericHistogram

Floats = NDArray[np.float64]

_MOST_WHOLE = 60  # whole numbers that a plot has a bin each for: minutes, or the weeks of a year
_HALVES = 2.0**51  # up to here, doubles tell halves apart


def bin_counts(ascending: Floats, edges: Floats) -> NDArray[np.int64]:
    """
    Count the values of each bin, as `numpy.histogram` does: a bin has its left edge, the last one both.

    `ascending` are the values in order; `len(edges) - 1` counts come back.
    """
    below = np.searchsorted(ascending, edges, side="left")
    below[-1] = np.searchsorted(ascending, edges[-1], side="right")
    return np.diff(below)


def sturges_edges(reference: Floats, current: Floats) -> Floats:
    """Return the edges of `numpy.histogram_bin_edges(both, "sturges")` for two ascending arrays of real numbers."""
    first, last = min(reference[0], current[0]), max(reference[-1], current[-1])
    width = (last - first) / (np.log2(len(reference) + len(current)) + 1.0)
    bins = int(np.ceil((last - first) / width)) if width else 1
    return np.linspace(first, last, bins + 1)


def uniform_edges(first: float, last: float, bins: int) -> Floats:
    """Return the edges of `bins` equal bins; a single value stands in the middle of a range of 1, or wider if huge."""
    edges = np.linspace(first, last, bins + 1)
    if (np.diff(edges) > 0).all():
        return edges
    half = max(0.5, abs(first) * 1e-9)  # around 1e16, neighbouring doubles are further apart than 1
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        return np.linspace(max(first - half, -largest), min(last + half, largest), bins + 1)


def plot_edges(files: Sequence[Floats], bins: int, *, exact: bool = False) -> Floats:
    """
    Return the edges for a plot of ascending values, some in one file at least: `bins` equal bins of the common range.

    Whole numbers from a small range get a bin each, around them. Of equal bins, one would hold two of them and the next
    one or none, and draw spikes and gaps that the data does not have; `exact` asks for just that.
    """
    filled = [values for values in files if len(values)]
    first, last = min(values[0] for values in filled), max(values[-1] for values in filled)
    few = max(-first, last) < _HALVES and last - first < _MOST_WHOLE
    if few and not exact and all((values == np.floor(values)).all() for values in filled):
        return np.arange(first - 0.5, last + 1)
    return uniform_edges(first, last, bins)


def density_histogram(ascending: Floats, bins: int) -> NumericHistogram:
    """Return the histogram of ascending values over their own range, as densities."""
    edges = uniform_edges(ascending[0], ascending[-1], bins)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        heights = bin_counts(ascending, edges) / np.diff(edges) / len(ascending)
    # Bins narrower than a double can tell have no height.
    return NumericHistogram(tuple(np.where(np.isfinite(heights), heights, 0.0).tolist()), tuple(edges.tolist()))

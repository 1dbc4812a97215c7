"""Which rows of a file are kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.config import Sampling


def row_filter(sampling: Sampling) -> Callable[[int, int], NDArray[np.bool_] | None]:
    """Return what selects rows `start` to `start + count` of a file that is read from its beginning; None: all."""
    if sampling.type == "nth":
        return lambda start, count: np.arange(start, start + count) % sampling.n == 0
    if sampling.type == "random":
        # One stream of draws, one draw a row: which rows are kept does not depend on the size of the chunks.
        draws = np.random.default_rng(sampling.seed)
        return lambda _, count: draws.random(count) < sampling.ratio
    return lambda _start, _count: None

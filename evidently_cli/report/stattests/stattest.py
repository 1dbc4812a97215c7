"""A statistical test by name: what it compares, what it returns, and when that means drift."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from evidently_cli.report.drift import FeatureType
from evidently_cli.report.histogram import Floats
from evidently_cli.report.stattests.samples import NumericSamples, Samples, Tally


class Drift(Enum):
    """When a score means drift, given the threshold."""

    P_BELOW = "p < threshold"
    P_AT_MOST = "p <= threshold"
    DISTANCE_AT_LEAST = "distance >= threshold"


@dataclass(frozen=True, kw_only=True)
class StatTest(ABC):
    """
    A test, of one of the three kinds below.

    A score that is not finite (the statistic of a constant column, say) is never drift.
    """

    name: str  # in a config
    title: str  # in a profile
    threshold: float
    drift: Drift

    feature_types: ClassVar[frozenset[FeatureType]]

    @property
    def is_p_value(self) -> bool:
        """Whether a small score means drift."""
        return self.drift is not Drift.DISTANCE_AT_LEAST

    def drifted(self, score: float, threshold: float) -> bool:
        """Compare a score with a threshold."""
        match self.drift:
            case Drift.P_BELOW:
                return score < threshold
            case Drift.P_AT_MOST:
                return score <= threshold
            case Drift.DISTANCE_AT_LEAST:
                return score >= threshold

    @abstractmethod
    def score(self, samples: Samples) -> float:
        """Compute the p-value or the distance; raise UntestableError where the test is not defined."""


@dataclass(frozen=True, kw_only=True)
class ValuesTest(StatTest):
    """A test that compares two ascending arrays of numbers."""

    feature_types = frozenset({"num"})
    statistic: Callable[[Floats, Floats], float]

    def score(self, samples: Samples) -> float:
        """Compute the score of numeric samples."""
        if not isinstance(samples, NumericSamples):
            raise TypeError(f"{self.name} compares numbers")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy's: a p-value at the end of its table, a parameter to come
            return float(self.statistic(samples.reference, samples.current))


@dataclass(frozen=True, kw_only=True)
class CountsTest(StatTest):
    """A test that compares how often each label occurs. By default numbers with few values get one too."""

    feature_types = frozenset({"cat"})
    statistic: Callable[[Tally], float]

    def score(self, samples: Samples) -> float:
        """Compute the score of a label count."""
        return float(self.statistic(samples.tally))


@dataclass(frozen=True, kw_only=True)
class SharesTest(StatTest):
    """A distance between the shares of common bins or labels."""

    feature_types = frozenset({"num", "cat"})
    statistic: Callable[[Floats, Floats], float]

    def score(self, samples: Samples) -> float:
        """Compute the distance between the binned samples."""
        return float(self.statistic(*samples.shares))

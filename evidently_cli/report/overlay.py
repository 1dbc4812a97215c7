"""Both files over the same bins or labels: what a reader compares."""

from __future__ import annotations

import numpy as np

from evidently_cli.report.config import Bins
from evidently_cli.report.cut import Cut
from evidently_cli.report.drift import Overlay
from evidently_cli.report.histogram import bin_counts, plot_edges
from evidently_cli.report.stattests.samples import NumericSamples, Tally, label_text

_MOST_LABELS = 30


def numeric_overlay(
    samples: NumericSamples, bins: int | Bins, cut: Cut | None = None, *, exact: bool = False
) -> Overlay:
    """
    Return the shares over `bins` equal bins of the common range, or over the given ones.

    Few whole numbers get a bin each, unless there have to be exactly `bins`. With a cut, the bins are those of the
    values that it keeps; the shares are of all rows nevertheless.
    """
    kept = [cut.kept(rows) if cut else rows for rows in (samples.reference, samples.current)]
    if isinstance(bins, Bins):
        edges = bins.start + bins.size * np.arange(np.ceil((bins.end - bins.start) / bins.size) + 1)
    else:
        edges = plot_edges(kept, bins, exact=exact)
    reference, current = (bin_counts(rows, edges) / whole for rows, whole in zip(kept, samples.sizes, strict=True))
    return Overlay(
        labels=None,
        edges=tuple(edges.tolist()),
        reference=tuple(reference.tolist()),
        current=tuple(current.tolist()),
        cut=cut,
    )


def label_overlay(tally: Tally) -> Overlay:
    """Return the shares of each label, the rarest ones merged where there are more than 30."""
    reference, current = tally.shares()
    labels = [label_text(label) for label in tally.labels]
    merged = len(labels) - _MOST_LABELS + 1 if len(labels) > _MOST_LABELS else 0
    if merged:
        by_frequency = np.argsort(-(reference + current), kind="stable")
        kept, rare = np.sort(by_frequency[:-merged]), by_frequency[-merged:]
        labels = [*(labels[index] for index in kept), f"{merged} other labels"]
        reference, current = (np.append(shares[kept], shares[rare].sum()) for shares in (reference, current))
    return Overlay(
        labels=tuple(labels),
        edges=None,
        reference=tuple(reference.tolist()),
        current=tuple(current.tolist()),
        merged=merged,
    )

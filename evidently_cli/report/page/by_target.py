"""A column and the target by one another, as Plotly takes it, with its story in words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evidently_cli.report.cut import Cut
from evidently_cli.report.page.behavior_figures import bin_names, labels_by_bin, values_by_bin
from evidently_cli.report.page.view import Figure
from evidently_cli.report.quality_plots import ByTarget
from evidently_cli.report.target_drift import FeatureBins, LabelsByBin, Range, ValuesByBin
from evidently_cli.report.wording import in_figure, label, number, percent


def by_target(name: str, found: ByTarget, cut: Cut | None, *, alone: bool) -> Figure:
    """The numeric target by the column's bins, the numeric column by the target's labels, or labels by labels."""
    title = f"By target “{label(found.target, 40)}”"
    if isinstance(found.found, LabelsByBin):
        figure = labels_by_bin(title, name, found.bins, found.found, alone=alone)
        return replace(figure, caption=_largest(found.bins, found.found)) if alone else figure
    bins_of, told = (found.target, name) if found.bins_of_target else (name, found.target)
    if not found.bins_of_target:
        title = f"Target by this column, {cut.title}" if cut else "Target by this column"
    figure = values_by_bin(title, bins_of, found.bins, found.found, alone=alone)
    layout = figure.plot["layout"]
    titled = {"title": {"text": in_figure(label(told, 40))}}
    return replace(
        figure,
        caption=_ranges(bins_of, told, found.bins, found.found, alone=alone),
        plot={**figure.plot, "layout": {**(layout if isinstance(layout, Mapping) else {}), "yaxis": titled}},
    )


def _ranges(bins_of: str, told: str, bins: FeatureBins, found: ValuesByBin, *, alone: bool) -> str:
    """Say what is drawn, where the means are lowest and highest, and where the files differ most."""
    what = f"“{label(told, 40)}” in each {'label' if bins.labels is not None else 'bin'} of “{label(bins_of, 40)}”"
    said = [f"Points are the mean of {what}; the bars reach from its 5 % to its 95 % quantile."]
    names = bin_names(bins)
    files = [("the reference", found.reference), *([] if alone else [("current", found.current)])]
    said.extend(_lowest_and_highest(file, ranges, names) for file, ranges in files)
    pairs = [
        (abs(now.mean - before.mean), name)
        for name, before, now in zip(names, found.reference, found.current, strict=True)
        if before and now
    ]
    if pairs and not alone:
        gap, name = max(pairs, key=lambda pair: pair[0])
        said.append(f"The files differ most at {name}: by {number(gap)}.")
    return " ".join(said)


def _lowest_and_highest(file: str, ranges: Sequence[Range | None], names: Sequence[str]) -> str:
    means = [(each.mean, name) for each, name in zip(ranges, names, strict=True) if each]
    if not means:
        return f"No row of {file} has both values."
    (low, where), (high, there) = min(means), max(means)
    return f"In {file} the mean is lowest at {where} ({number(low)}) and highest at {there} ({number(high)})."


def _largest(bins: FeatureBins, found: LabelsByBin) -> str:
    cells = [
        (share, text, name)
        for text, shares in zip(found.labels, found.reference, strict=True)
        for name, share in zip(bin_names(bins), shares, strict=True)
    ]
    share, text, name = max(cells, key=lambda cell: cell[0])
    if not share:
        return "No row has both values."
    return (
        "Each bar is the share of all rows with this label, split by the label of the target."
        f" Most common is “{label(text, 60)}” at {name}: {percent(share)}."
    )

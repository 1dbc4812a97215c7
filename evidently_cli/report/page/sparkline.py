"""The small histograms of a table: two of them, reference and current, drawn to the same scale."""

from evidently_cli.report.drift import CategoryCounts, NumericHistogram
from evidently_cli.report.page.view import MiniHistogram, Series
from evidently_cli.report.wording import label, number, percent

WIDTH = 120
HEIGHT = 32
MOST_BARS = 12

Histogram = NumericHistogram | CategoryCounts


def mini_histograms(reference: Histogram, current: Histogram) -> tuple[MiniHistogram, MiniHistogram]:
    """
    Draw both with common axes, so that equal heights at equal places mean equal data.

    Numbers come as densities over bins of each file's own, which is what makes them comparable on one axis; counts of
    labels become shares of the file, because the files may differ in length.
    """
    if isinstance(reference, NumericHistogram) and isinstance(current, NumericHistogram):
        low = min(reference.edges[0], current.edges[0])
        high = max(reference.edges[-1], current.edges[-1])
        top = max(*reference.heights, *current.heights)
        return (
            MiniHistogram("reference", _steps(reference, low, high, top), _numbers_in_words("reference", reference)),
            MiniHistogram("current", _steps(current, low, high, top), _numbers_in_words("current", current)),
        )
    shares = _shares(reference), _shares(current)
    labels = _most_common(*shares)
    top = max((share.get(name, 0) for share in shares for name in labels), default=0)
    return (
        MiniHistogram("reference", _bars(shares[0], labels, top), _labels_in_words("reference", shares[0])),
        MiniHistogram("current", _bars(shares[1], labels, top), _labels_in_words("current", shares[1])),
    )


def _steps(histogram: NumericHistogram, low: float, high: float, top: float) -> str:
    def x(edge: float) -> str:
        return _coordinate(WIDTH * (edge - low) / (high - low))

    steps = "".join(
        f"V{_y(height, top)}H{x(edge)}" for height, edge in zip(histogram.heights, histogram.edges[1:], strict=True)
    )
    return f"M{x(histogram.edges[0])} {HEIGHT}{steps}V{HEIGHT}Z"


def _bars(shares: dict[str, float], labels: tuple[str, ...], top: float) -> str:
    slot = WIDTH / max(len(labels), 4)  # two labels as two fat blocks would outshine every other row
    width = _coordinate(slot * 0.8)
    return "".join(
        f"M{_coordinate(slot * (position + 0.1))} {HEIGHT}V{_y(shares.get(name, 0), top)}h{width}V{HEIGHT}z"
        for position, name in enumerate(labels)
    )


def _y(height: float, top: float) -> str:
    if height == 0:
        return str(HEIGHT)
    return _coordinate(HEIGHT - max(1.0, (HEIGHT - 1) * height / top))  # rare is not absent: at least one pixel


def _coordinate(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _shares(histogram: Histogram) -> dict[str, float]:
    if isinstance(histogram, NumericHistogram):
        raise TypeError("one file has numbers where the other has labels")
    total = sum(histogram.counts) or 1
    return {str(name): count / total for name, count in zip(histogram.labels, histogram.counts, strict=True)}


def _most_common(reference: dict[str, float], current: dict[str, float]) -> tuple[str, ...]:
    labels = tuple(reference | current)  # in the order of the histogram
    kept = sorted(labels, key=lambda name: -(reference.get(name, 0) + current.get(name, 0)))[:MOST_BARS]
    return tuple(name for name in labels if name in kept)


def _numbers_in_words(series: Series, histogram: NumericHistogram) -> str:
    peak = histogram.heights.index(max(histogram.heights))
    low, high, start, end = (
        number(edge) for edge in (histogram.edges[0], histogram.edges[-1], *histogram.edges[peak : peak + 2])
    )
    return f"{series}: from {low} to {high}, densest between {start} and {end}"


def _labels_in_words(series: Series, shares: dict[str, float]) -> str:
    common = sorted(shares.items(), key=lambda item: -item[1])[:3]
    words = ", ".join(f"{label(name, 40)} {percent(share)}" for name, share in common)
    return f"{series}: {words}" + (f" and {len(shares) - 3} other labels" if len(shares) > 3 else "")  # noqa: PLR2004 - the slice above

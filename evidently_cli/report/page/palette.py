"""The colours of labels: none of them is the blue or the orange of the two files."""

from collections.abc import Sequence

_LABELS = ("#128a6b", "#b8479c", "#8c7b00", "#6a5acd", "#2c9fc4", "#b5523b")
_OTHERS = "#8b939c"  # grey, for the labels beyond, which are merged into one


def label_colors(labels: Sequence[str]) -> list[str]:
    """Return a colour for each of at most seven labels; the seventh stands for all others."""
    others = len(labels) > len(_LABELS)
    return [*_LABELS[: len(labels) - others], *([_OTHERS] if others else [])]

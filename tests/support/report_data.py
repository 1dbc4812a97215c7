"""Data sets for whole reports: plain ones, and ones that are as nasty as files get."""

from __future__ import annotations

import numpy as np
import pandas as pd

SECTIONS = (
    "data_drift",
    "data_quality",
    "cat_target_drift",
    "num_target_drift",
    "regression_performance",
    "classification_performance",
    "prob_classification_performance",
)

HOSTILE_NAMES = (
    "<script>document.title='owned'</script>",
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b>&lt;b&gt; $x^2$",
    "\"quotes\" & 'more'",
    "second line\n\u2028\u202efdp.exe",
    "x" * 10_000,
    "{{ 7 * 7 }}{% raw %}",
    "n_features",
    "größe 大きさ \U0001f600",
)


def regression(rows: int = 120, seed: int = 1) -> pd.DataFrame:
    """Return numbers, labels and dates with a numeric target and a prediction of it."""
    draw = np.random.default_rng(seed)
    x = draw.normal(10, 3, rows)
    target = 2 * x + draw.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": draw.lognormal(0, 1, rows),
            "few": draw.integers(0, 4, rows),
            "label": draw.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1]),
            "truth": draw.choice([True, False], rows),
            "datetime": pd.date_range("2026-01-01", periods=rows, freq="6h"),
            "target": target,
            "prediction": target + draw.normal(0, 0.5, rows),
        }
    )


def classes(rows: int = 120, seed: int = 1, labels: tuple[str, ...] = ("cat", "dog", "owl")) -> pd.DataFrame:
    """Return the same features with a target of labels, a predicted label, and a probability for each label."""
    draw = np.random.default_rng(seed + 100)
    frame = regression(rows, seed)
    true = draw.integers(0, len(labels), rows)
    weights = draw.random((rows, len(labels))) + 1.5 * np.eye(len(labels))[true]
    shares = weights / weights.sum(axis=1, keepdims=True)
    names = np.array(labels)
    frame["target"] = names[true]
    frame["prediction"] = names[shares.argmax(axis=1)]
    return frame.assign(**{label: shares[:, index] for index, label in enumerate(labels)})


def nasty(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with gaps, infinities, and columns that are empty, constant or hostile by name."""
    rows = len(frame)
    frame = frame.copy()
    frame.loc[frame.index[::7], "x"] = np.nan
    frame.loc[frame.index[1::11], "y"] = np.inf
    frame.loc[frame.index[2::13], "label"] = None
    frame["empty"] = np.nan
    frame["constant"] = 1
    frame["huge"] = np.linspace(-1, 1, rows) * 1e308
    for index, name in enumerate(HOSTILE_NAMES):
        frame[name] = frame["x"] * index if index % 2 else [HOSTILE_NAMES[(row + index) % 9] for row in range(rows)]
    return frame

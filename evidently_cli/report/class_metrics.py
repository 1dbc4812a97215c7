"""
How good predicted classes and probabilities are, in plain numpy.

The definitions are those of scikit-learn, which Evidently 0.1.x called; tests hold each of them to it. Where the
scikit-learn of 2022 differs from today's, the older one is followed: its numbers are those that users have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.class_labels import Bools, Codes
from evidently_cli.report.classification import Label, PrCurve, PrRow, Quality, Rates, RocCurve, Scores, Separation

Floats = NDArray[np.float64]

BINS = 20  # of 0.05, from 0 to 1
_FULL_CURVE = 10_000  # thresholds
_THINNED = 1_000  # points
_SMALLEST = 1e-15  # what a probability of 0 counts as


def confusion(true: Codes, predicted: Codes, classes: int) -> Codes:
    """Count the rows of each true (first axis) and predicted class; both are codes below `classes`, one per row."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def quality(matrix: Codes, labels: tuple[Label, ...], texts: tuple[str, ...], positive: int | None) -> Quality:
    """
    Return what `sklearn.metrics.classification_report` says of a confusion matrix with at least one row counted.

    `positive` is the place of the positive class, which only matters where there are two.
    """
    right, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    table = np.column_stack(
        [_ratio(right, predicted), _ratio(right, support), _ratio(2 * right, support + predicted)],
    )
    seen = support + predicted > 0
    rows = int(support.sum())
    classes = [_scores(each, n) if exists else None for each, n, exists in zip(table, support, seen, strict=True)]
    return Quality(
        accuracy=float(right.sum() / rows),
        labels=labels,
        texts=texts,
        classes=tuple(classes),
        macro=_scores(table[seen].mean(axis=0), rows),
        weighted=_scores(np.average(table, axis=0, weights=support), rows),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        rates=_rates(matrix, positive) if positive is not None and len(labels) == 2 else None,  # noqa: PLR2004
    )


def _scores(measures: Floats, support: int) -> Scores:
    precision, recall, f1 = measures.tolist()
    return Scores(precision, recall, f1, int(support))


def _ratio(part: Codes, whole: Codes) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _rates(matrix: Codes, positive: int) -> Rates:
    order = [positive, 1 - positive]
    (tp, fn), (fp, tn) = matrix[np.ix_(order, order)].tolist()
    of_positives, of_others = tp + fn, fp + tn
    return Rates(
        tpr=tp / of_positives if of_positives else None,
        tnr=tn / of_others if of_others else None,
        fpr=fp / of_others if of_others else None,
        fnr=fn / of_positives if of_positives else None,
    )


@dataclass(frozen=True, slots=True)
class Ranking:
    """
    The rows of one class against the others, by descending probability of the class.

    `tps` and `fps` count the rows of the class and the others with a probability of at least each distinct value, in
    `thresholds`, which descend.
    """

    is_class: Bools  # per row
    probability: Floats  # per row
    thresholds: Floats
    tps: Codes
    fps: Codes

    @classmethod
    def of(cls, is_class: Bools, probability: Floats) -> Ranking:
        """Rank the rows; there is at least one, and every probability is finite. Rows that tie stay in order."""
        order = np.argsort(-probability, kind="stable")
        is_class, probability = is_class[order], probability[order]
        last = np.append(np.flatnonzero(probability[1:] != probability[:-1]), len(probability) - 1)
        tps = np.cumsum(is_class, dtype=np.int64)[last]
        return cls(is_class, probability, probability[last], tps, last + 1 - tps)

    @property
    def is_long(self) -> bool:
        """Whether a curve may be thinned: it is not, when all its thresholds are few enough."""
        return len(self.thresholds) > _FULL_CURVE

    def roc_auc(self) -> float | None:
        """
        Return the share of pairs of a row of the class and another in which the former has the greater probability.

        A tie counts half: the Mann-Whitney statistic, which is the area under the ROC curve. None without a pair.
        """
        tps, fps = self.tps.astype(np.float64), self.fps.astype(np.float64)
        if not tps[-1] or not fps[-1]:
            return None
        below = np.concatenate([[0.0], tps[:-1]])
        return float(np.sum(np.diff(fps, prepend=0.0) * (tps + below)) / 2 / (tps[-1] * fps[-1]))

    def roc_curve(self) -> RocCurve:
        """
        Return the curve of `sklearn.metrics.roc_curve`, without the points on straight lines.

        The first threshold, which no row reaches, is the greatest one + 1, as before scikit-learn 1.3.
        """
        if not self.tps[-1] or not self.fps[-1]:
            return RocCurve()
        tps, fps, thresholds = self.tps, self.fps, self.thresholds
        if len(tps) > 2:  # noqa: PLR2004 - a line has two ends
            bends = np.concatenate([[True], (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), [True]])
            tps, fps, thresholds = tps[bends], fps[bends], thresholds[bends]
        kept = thinned(len(tps) + 1)
        return RocCurve(
            fpr=tuple((np.append(0, fps) / fps[-1])[kept].tolist()),
            tpr=tuple((np.append(0, tps) / tps[-1])[kept].tolist()),
            thrs=tuple(np.append(thresholds[0] + 1, thresholds)[kept].tolist()),
        )

    def pr_curve(self) -> PrCurve:
        """Return the curve of `sklearn.metrics.precision_recall_curve`: recall falls to 0, where precision is 1."""
        if not self.tps[-1]:
            return PrCurve()
        kept = thinned(len(self.tps) + 1)[:-1]
        precision = (self.tps / (self.tps + self.fps))[::-1][kept]
        recall = (self.tps / self.tps[-1])[::-1][kept]
        return PrCurve(
            pr=(*precision.tolist(), 1.0),
            rcl=(*recall.tolist(), 0.0),
            thrs=tuple(self.thresholds[::-1][kept].tolist()),
        )

    def pr_table(self) -> tuple[PrRow, ...]:
        """
        Return what is found in the most probable 5 %, 10 %, ... of the rows, rounded as Evidently 0.1.x did.

        The probability is that of the first row that is left out. Recall is 0 where the class has no rows.
        """
        found, rows = np.cumsum(self.is_class).tolist(), len(self.is_class)
        step = max(round(0.05 * rows), 1)
        table = []
        for cut in range(step, rows + step, step):
            count = min(cut, rows)
            tp = found[count - 1]
            table.append(
                (
                    round(100 * count / rows, 1),
                    count,
                    round(float(self.probability[min(cut, rows - 1)]), 2),
                    tp,
                    count - tp,
                    round(100 * tp / count, 1),
                    round(100 * tp / found[-1], 1) if found[-1] else 0.0,
                )
            )
        return tuple(table)

    def separation(self) -> Separation:
        """Count the rows of the class and the others in 20 bins of the probability; those outside, in the outermost."""
        edges, probability = np.linspace(0, 1, BINS + 1), np.clip(self.probability, 0, 1)
        own, others = (np.histogram(probability[rows], edges)[0] for rows in (self.is_class, ~self.is_class))
        return Separation(tuple(own.tolist()), tuple(others.tolist()))


def thinned(points: int) -> Codes:
    """Return which points of a curve to keep: all of a short one, else 1000 at even distances, both ends included."""
    if points <= _FULL_CURVE + 1:
        return np.arange(points)
    return np.linspace(0, points - 1, _THINNED).round().astype(np.int64)


def log_loss(true: Codes, probabilities: Floats) -> float:
    """
    Return the mean of -ln(probability of the true class), by the rules of scikit-learn before 1.5.

    `probabilities` has a row per row and a column per class, `true` the column of each row's class. They are clipped
    to 1e-15 from 0 and 1; then each row is divided by its sum.
    """
    clipped = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    of_true = clipped[np.arange(len(true)), true] / clipped.sum(axis=1)
    return float(-np.log(of_true).mean())


def predicted_classes(probabilities: Floats, threshold: float) -> Codes:
    """Return each row's class: of two, the first from `threshold` on; of more, the most probable, the first of ties."""
    if probabilities.shape[1] == 2:  # noqa: PLR2004
        return np.where(probabilities[:, 0] >= threshold, 0, 1).astype(np.int64)
    most_probable: Codes = probabilities.argmax(axis=1)
    return most_probable

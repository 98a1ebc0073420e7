"""How good predictions are, always beside the trivial guess: the commonest class, or the mean."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .metrics import r_squared, root_mean_square

__all__ = ["ClassificationReport", "RegressionReport", "classification_report", "regression_report"]

Array = npt.NDArray[Any]

MAX_CLASSES_SHOWN = 40
MAX_LABEL_WIDTH = 30


@dataclass(frozen=True)
class ClassificationReport:
    """Precision, recall and F1 of each class, and accuracy.

    With tp, fp and fn the rows rightly, wrongly and not given to a class,

        precision = tp / (tp + fp)    recall = tp / (tp + fn)    F1 = 2 tp / (2 tp + fp + fn)

    and NaN where the divisor is 0.

    Attributes
    ----------
    classes : tuple
        The labels.
    precision, recall, f1 : (n_classes,) array
    support : (n_classes,) array of int
        Rows that truly are of the class.
    accuracy : float
        Share of the rows answered rightly.
    trivial_class : int
        The commonest class of the training rows.
    trivial_accuracy : float
        The accuracy of always answering it.
    """

    classes: tuple[Any, ...]
    precision: Array
    recall: Array
    f1: Array
    support: Array
    accuracy: float
    trivial_class: int
    trivial_accuracy: float

    def __str__(self) -> str:
        rows = list(range(len(self.classes)))
        note = ""
        if len(rows) > MAX_CLASSES_SHOWN:
            rows = sorted(np.argsort(self.f1, kind="stable")[:MAX_CLASSES_SHOWN].tolist())
            note = f"\nthe {len(rows)} of {len(self.classes)} classes with the lowest F1 are shown"
        labels = [plain(self.classes[k]) for k in rows]
        width = max(_columns(label) for label in [*labels, "class"])
        lines = [f"{_left('class', width)}  precision  recall     F1    rows"]
        lines += [
            self._line(_left(label, width), self.precision[k], self.recall[k], self.f1[k], self.support[k])
            for label, k in zip(labels, rows, strict=True)
        ]
        means = (_mean(self.precision), _mean(self.recall), _mean(self.f1))
        lines.append(self._line(_left("mean", width), *means, self.support.sum()))
        trivial = plain(self.classes[self.trivial_class])
        return (
            "\n".join(lines) + f"{note}\n\naccuracy {self.accuracy:.4f}, where always answering {trivial} has "
            f"{self.trivial_accuracy:.4f}"
        )

    @staticmethod
    def _line(label: str, precision: float, recall: float, f1: float, rows: int) -> str:
        return f"{label}  {_share(precision):>9}  {_share(recall):>6} {_share(f1):>6} {rows:>7}"


@dataclass(frozen=True)
class RegressionReport:
    """R² and errors in the units of the target.

    With e = y - prediction and the mean taken over the same rows,

        R² = 1 - sum e² / sum (y - mean)²    RMSE = sqrt(mean e²)    MAE = mean |e|

    R² is NaN where all y are equal.

    Attributes
    ----------
    r2, rmse, mae : float
    trivial_guess : float
        The mean of the training rows.
    trivial_r2, trivial_rmse, trivial_mae : float
        The same figures for always answering it.
    """

    r2: float
    rmse: float
    mae: float
    trivial_guess: float
    trivial_r2: float
    trivial_rmse: float
    trivial_mae: float

    def __str__(self) -> str:
        columns = [
            ["", "R²", "RMSE", "MAE"],
            ["network", _share(self.r2), f"{self.rmse:.5g}", f"{self.mae:.5g}"],
            [
                f"always {self.trivial_guess:.5g}",
                _share(self.trivial_r2),
                f"{self.trivial_rmse:.5g}",
                f"{self.trivial_mae:.5g}",
            ],
        ]
        width = max(len(row[0]) for row in columns)
        return "\n".join(f"{row[0]:<{width}}" + "".join(f"  {figure:>11}" for figure in row[1:]) for row in columns)


def classification_report(
    y_true: Array, y_pred: Array, classes: Sequence[Any], *, trivial_class: int
) -> ClassificationReport:
    """Compare classes given as places in `classes`.

    Parameters
    ----------
    y_true : (m,) array of int
        -1 for a label that is none of `classes`: always answered wrongly.
    y_pred : (m,) array of int
    classes : sequence of labels
    trivial_class : int
        The class that the trivial guess always answers.
    """
    n = len(classes)
    support = np.bincount(y_true[y_true >= 0], minlength=n)
    predicted = np.bincount(y_pred, minlength=n)
    tp = np.bincount(y_pred[y_true == y_pred], minlength=n)
    return ClassificationReport(
        classes=tuple(classes),
        precision=_ratio(tp, predicted),
        recall=_ratio(tp, support),
        f1=_ratio(2 * tp, support + predicted),
        support=support,
        accuracy=float(np.mean(y_true == y_pred)),
        trivial_class=trivial_class,
        trivial_accuracy=float(np.mean(y_true == trivial_class)),
    )


def regression_report(y_true: Array, y_pred: Array, *, trivial_guess: float) -> RegressionReport:
    """Compare numbers in the units of the target.

    Parameters
    ----------
    y_true, y_pred : (m,) array of float
    trivial_guess : float
        The number that the trivial guess always answers.
    """
    error = y_true - y_pred
    trivial_error = y_true - trivial_guess
    return RegressionReport(
        r2=r_squared(y_true, y_pred),
        rmse=root_mean_square(error),
        mae=_mean(np.abs(error)),
        trivial_guess=trivial_guess,
        trivial_r2=r_squared(y_true, np.full_like(y_true, trivial_guess)),
        trivial_rmse=root_mean_square(trivial_error),
        trivial_mae=_mean(np.abs(trivial_error)),
    )


def plain(label: object) -> str:
    """Return a label as it may be shown in a terminal: printable and not too long."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(label))
    return text if len(text) <= MAX_LABEL_WIDTH else f"{text[: MAX_LABEL_WIDTH - 1]}…"


def _ratio(part: Array, whole: Array) -> Array:
    ratio = np.full(len(part), math.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _mean(values: Array) -> float:
    """Return the mean of the values that are not NaN."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}"  # no "-0.000"


def _columns(text: str) -> int:
    """Return how many columns of a terminal the text takes: East Asian characters take two."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _left(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))

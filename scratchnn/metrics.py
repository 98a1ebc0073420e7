"""How good predictions are, as numbers, and as scorers for `NeuralNetwork.train`, of which more is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .core.names import unknown
from .sparse import is_sparse

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = [
    "SCORERS",
    "Scorer",
    "accuracy",
    "balanced_accuracy",
    "classes",
    "mean_absolute_error",
    "mean_squared_error",
    "r2",
    "root_mean_squared_error",
    "scorer",
]

Array = npt.NDArray[Any]
Scorer = Callable[["NeuralNetwork", Any, Any], float]


# ---- of classes ----


def accuracy(y_true: Any, y_pred: Any) -> float:
    """Compute the share of the samples whose class, or whose whole row of labels, is right.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) or (n_samples, n_labels) array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ or are empty.
    """
    right = np.equal(*_pair(y_true, y_pred))
    return float(right.all(axis=tuple(range(1, right.ndim))).mean())


def balanced_accuracy(y_true: Any, y_pred: Any) -> float:
    """Compute the mean over the classes in `y_true` of the share of their samples that is right: their recall.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) array-likes

    Raises
    ------
    ValueError
        If the shapes differ, are empty or have two dimensions.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.ndim != 1:
        raise ValueError(f"y_true has shape {y_true.shape}; balanced accuracy is of one class for each sample")
    right = y_true == y_pred
    return float(np.mean([right[y_true == k].mean() for k in np.unique(y_true)]))


# ---- of numbers ----


def r2(y_true: Any, y_pred: Any) -> float:
    """Compute R² = 1 - sum (y - prediction)² / sum (y - mean)², the mean over the outputs.

    Where all y of an output are equal it is 1 if the predictions are right, else 0, as scikit-learn has it.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) or (n_samples, n_outputs) array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ or are empty.
    """
    y_true, y_pred = (y.reshape(len(y), -1).astype(np.float64) for y in _pair(y_true, y_pred))
    values = [r_squared(*columns) for columns in zip(y_true.T, y_pred.T, strict=True)]
    exact = (y_true == y_pred).all(axis=0)
    return float(np.mean([float(e) if math.isnan(v) else v for v, e in zip(values, exact, strict=True)]))


def mean_squared_error(y_true: Any, y_pred: Any) -> float:
    """Compute the mean of (y - prediction)² over samples and outputs.

    Parameters
    ----------
    y_true, y_pred : array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ or are empty.
    """
    return float(np.mean(_errors(y_true, y_pred) ** 2))


def root_mean_squared_error(y_true: Any, y_pred: Any) -> float:
    """Compute the square root of the mean of (y - prediction)², the mean of it over the outputs.

    Parameters
    ----------
    y_true, y_pred : array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ or are empty.
    """
    errors = _errors(y_true, y_pred)
    return float(np.mean([root_mean_square(column) for column in errors.reshape(len(errors), -1).T]))


def mean_absolute_error(y_true: Any, y_pred: Any) -> float:
    """Compute the mean of |y - prediction| over samples and outputs.

    Parameters
    ----------
    y_true, y_pred : array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ or are empty.
    """
    return float(np.mean(np.abs(_errors(y_true, y_pred))))


def r_squared(y_true: Array, y_pred: Array) -> float:
    """Return R² of vectors, NaN where all y are equal."""
    spread = root_mean_square(y_true - np.mean(y_true))
    if spread == 0:
        return math.nan
    return 1.0 - (root_mean_square(y_true - y_pred) / spread) ** 2


def root_mean_square(values: Array) -> float:
    """Return sqrt(mean v²), without overflow where the v² would."""
    largest = float(np.abs(values).max())
    return largest * math.sqrt(np.mean((values / largest) ** 2)) if largest else 0.0


def _pair(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_true has shape {y_true.shape}, y_pred {y_pred.shape}; expected one shape")
    if y_true.size == 0:
        raise ValueError(f"y_true and y_pred are empty: shape {y_true.shape}")
    return y_true, y_pred


def _errors(y_true: Any, y_pred: Any) -> Array:
    y_true, y_pred = _pair(y_true, y_pred)
    errors: Array = y_true.astype(np.float64) - y_pred
    return errors


# ---- of networks ----


def classes(network: NeuralNetwork, X: Any, y: Any) -> tuple[Array, Array]:
    """Return the classes in y and those that the network gives to X, as the functions above take them.

    One output answers 1 where it is above 0.5. Of several, the largest one is the class, if y holds class labels, rows
    with a single 1, or probabilities; other rows of 0 and 1 are labels of their own, above 0.5 each.

    Raises
    ------
    ValueError
        If y holds no classes.
    """
    outputs, y = _outputs(network, X), np.asarray(y)
    if outputs.shape[1] > 1 and y.ndim == 1:
        return y, outputs.argmax(axis=1)
    y = y.reshape(outputs.shape)
    binary = np.isin(y, (0, 1)).all()
    if outputs.shape[1] > 1 and (network.loss == "cross_entropy" or (binary and (y.sum(axis=1) == 1).all())):
        return y.argmax(axis=1), outputs.argmax(axis=1)
    if not binary:
        raise ValueError(f"y reaches from {y.min():g} to {y.max():g}; a score of classes expects 0 and 1, or labels")
    answers = outputs > 0.5
    return (y == 1, answers) if outputs.shape[1] > 1 else (y[:, 0] == 1, answers[:, 0])


def _outputs(network: NeuralNetwork, X: Any) -> Array:
    """Return what the network gives to one sample after another, also where there is one, or a vector of them."""
    if not is_sparse(X):
        X = np.asarray(X)
        X = X[:, None] if X.ndim == 1 else X
    outputs: Array = network.predict(X)
    return outputs


def _of_classes(metric: Callable[[Any, Any], float]) -> Scorer:
    return lambda network, X, y: metric(*classes(network, X, y))


def _of_numbers(metric: Callable[[Any, Any], float], sign: int = 1) -> Scorer:
    def score(network: NeuralNetwork, X: Any, y: Any) -> float:
        outputs, y = _outputs(network, X), np.asarray(y)
        if y.ndim == 1 and outputs.shape[1] > 1:
            y = np.eye(outputs.shape[1])[y]
        return sign * metric(y.reshape(outputs.shape), outputs)

    return score


SCORERS: dict[str, Scorer] = {
    "accuracy": _of_classes(accuracy),
    "balanced_accuracy": _of_classes(balanced_accuracy),
    "r2": _of_numbers(r2),
    "neg_mean_squared_error": _of_numbers(mean_squared_error, -1),
    "neg_root_mean_squared_error": _of_numbers(root_mean_squared_error, -1),
    "neg_mean_absolute_error": _of_numbers(mean_absolute_error, -1),
}


def scorer(given: str | Scorer) -> Scorer:
    """Return the function (network, X, y) -> float of a name, or the given one; of its results more is better.

    Raises
    ------
    TypeError
        If `given` is neither a name nor callable.
    ValueError
        If the name is unknown (the message names the nearest).
    """
    if isinstance(given, str):
        if given not in SCORERS:
            raise ValueError(unknown("scorer", given, SCORERS))
        return SCORERS[given]
    if isinstance(given, type) or not callable(given):
        raise TypeError(f"scorer is {given!r}; expected a name such as 'accuracy' or a callable(network, X, y)")
    return given

"""Checks of what callers give; every message says what was given and what was expected."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import sparse
from .core.arrays import plain_array
from .core.data import Source
from .losses import Loss

__all__ = [
    "as_inputs",
    "as_labels_or_targets",
    "as_order",
    "as_sample_weight",
    "assign",
    "deviation",
    "dropout_fits",
    "dropout_rate",
    "integer",
    "real_dtype",
    "real_number",
]

Array = npt.NDArray[Any]


def integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int from `minimum` to `maximum`; TypeError or ValueError otherwise."""
    expected = f"an integer >= {minimum}" + ("" if maximum is None else f" and <= {maximum}")
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; expected {expected}") from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} is {number}; expected {expected}")
    return number


def real_number(name: str, value: Any, fits: Callable[[float], bool], expected: str) -> float:
    """Return `value` as a float that fits; TypeError where it is no number, ValueError where it does not."""
    if isinstance(value, (str, bool)):
        raise TypeError(f"{name} is {value!r}; expected {expected}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} is {value!r}; expected {expected}") from None
    if not fits(number):
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return number


def dropout_fits(rate: float) -> bool:
    """Whether it is a rate of dropout: 0, or one that 65536ths can tell from 0 and from 1."""
    return rate == 0 or 2.0**-16 <= rate <= 1 - 2.0**-16


def dropout_rate(name: str, value: Any) -> float:
    """Return a rate of dropout; TypeError or ValueError where it is none."""
    return real_number(name, value, dropout_fits, "0 or a rate from 2**-16 to 1 - 2**-16")


def deviation(name: str, value: Any) -> float:
    """Return a standard deviation, finite and not negative; TypeError or ValueError where it is none."""
    return real_number(name, value, lambda number: 0 <= number < math.inf, "a finite number >= 0")


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of "float32" or "float64"; TypeError or ValueError otherwise."""
    try:
        result: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype is {dtype!r}; expected float32 or float64") from None
    if result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype is {result}; expected float32 or float64")
    return result


def assign(name: str, view: Array, values: Any) -> None:
    """Copy `values` into a view of parameters; ValueError, and no change, where they do not fit."""
    array = plain_array(name, values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: values have dtype {array.dtype}; expected numbers")
    if array.shape != view.shape:
        raise ValueError(f"{name}: values have shape {array.shape}; expected {view.shape}")
    with np.errstate(over="ignore"):
        converted = array.astype(view.dtype)
    if not np.isfinite(converted).all():
        raise ValueError(f"{name}: values hold NaN or infinity in {view.dtype}; expected finite numbers")
    view[...] = converted


def _numbers(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """Return an array of float32, float64 or uint8 as it is, other numbers converted to `dtype`."""
    if array.dtype.kind not in "biuf":
        hint = "; convert text and mixed columns to numbers first" if array.dtype.kind in "OUSTM" else ""
        raise TypeError(f"{name} has dtype {array.dtype}; expected numbers (float, int or bool){hint}")
    if array.dtype.kind == "b":
        return array.view(np.uint8)
    if array.dtype in (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8)):
        return array
    if array.dtype.kind == "f" and array.itemsize in (4, 8):
        return array.astype(array.dtype.newbyteorder("="))
    with np.errstate(over="ignore"):
        return array.astype(np.float64 if array.dtype.kind == "f" else dtype)


def _require_finite(name: str, given: Array, source: Source, dtype: np.dtype[Any]) -> None:
    place = source.first_not_finite(dtype)
    if place is None:
        return
    row, column = place
    index, value = (f"[{row}]", given[row]) if given.ndim == 1 else (f"[{row}, {column}]", given[row, column])
    if np.isfinite(value):
        raise ValueError(f"{name}{index} is {value}, beyond the largest {dtype}; use dtype='float64' or scale it")
    raise ValueError(f"{name}{index} is {value}; expected finite numbers")


def _as_source(name: str, values: Any, n_columns: int, what: str, dtype: np.dtype[Any]) -> Source:
    values = plain_array(name, values)
    array, given = _numbers(name, values, dtype), values.shape
    if array.ndim == 1 and n_columns == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != n_columns:
        raise ValueError(
            f"{name} has shape {given}; the network has {n_columns} {what}{'s' if n_columns > 1 else ''} and expects "
            f"(n_samples, {n_columns})"
        )
    if len(array) == 0:
        raise ValueError(f"{name} is empty: shape {given}; expected at least one sample")
    source = Source(array)
    _require_finite(name, values, source, dtype)
    return source


def as_inputs(name: str, values: Any, n_inputs: int, dtype: np.dtype[Any]) -> Source:
    """Return inputs (n_samples, n_inputs) as a Source; a vector is taken where there is one input, and a sparse matrix.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If the shape does not fit (both shapes are named), there is no sample, or a value is not finite.
    """
    if sparse.is_sparse(values):
        return sparse.as_source(name, values, n_inputs, dtype)
    return _as_source(name, values, n_inputs, "input", dtype)


def as_labels_or_targets(
    name: str, values: Any, n_samples: int, n_targets: int, loss: Loss, dtype: np.dtype[Any]
) -> Source:
    """Return targets as a Source: (n_samples, n_targets) numbers, or class labels where the loss takes them.

    Raises
    ------
    TypeError
        If the values are not numbers, or labels are not integers.
    ValueError
        If the shape does not fit, or a value is not finite, out of the loss's range, or no label.
    """
    values = plain_array(name, values)
    if values.ndim == 0 or len(values) != n_samples:
        raise ValueError(f"{name} has shape {values.shape}, X has {n_samples} rows; expected one target for each row")
    if loss.takes_labels and values.ndim == 1:
        return _as_labels(name, values, n_targets)
    what = "output" if loss.outputs_per_target == 1 else "target"
    source = _as_source(name, values, n_targets, what, dtype)
    low, high = loss.target_range
    least, most = source.array.min(), source.array.max()
    if least < low or most > high:
        expected = f"numbers from {low:g} to {high:g}" if np.isfinite(high) else f"numbers >= {low:g}"
        raise ValueError(f"{name} reaches from {least} to {most}; the loss {loss.name!r} expects {expected}")
    if loss.takes_labels:
        sums = source.array.sum(axis=1, dtype=np.float64)
        worst = int(np.argmax(np.abs(sums - 1)))
        if abs(sums[worst] - 1) > 1e-3:
            raise ValueError(
                f"{name}[{worst}] sums to {sums[worst]:g}; the loss {loss.name!r} expects class labels, or rows of "
                "probabilities that sum to 1"
            )
    return source


def as_sample_weight(name: str, values: Any, n_samples: int, dtype: np.dtype[Any]) -> Source:
    """Return weights of samples, in `dtype` and one after another, as a Source of one column.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If there is not one for each sample, one is negative or not finite, or all are 0.
    """
    given = plain_array(name, values)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {given.dtype}; expected numbers")
    if given.shape != (n_samples,):
        raise ValueError(f"{name} has shape {given.shape}; expected ({n_samples},), one weight for each sample")
    with np.errstate(over="ignore"):
        weights = given.astype(dtype, order="C")  # a copy, which nobody changes after the check
    wrong = np.flatnonzero(~(weights >= 0) | np.isinf(weights))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {given[wrong[0]]}; expected finite numbers >= 0")
    if not weights.any():
        raise ValueError(f"{name} is 0 for all samples; expected a weight > 0")
    return Source(weights[:, None])


def as_order(order: Any, n_samples: int) -> Array:
    """Return the order of the samples in an epoch: n_samples indices as int64, each from 0 to n_samples - 1.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If there are more or fewer, or one is out of range.
    """
    array = plain_array("the order", order)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the order has dtype {array.dtype}; expected indices of samples")
    if array.shape != (n_samples,):
        raise ValueError(f"the order has shape {array.shape}; expected ({n_samples},), an index for each sample")
    if array.min() < 0 or array.max() >= n_samples:
        wrong = array.min() if array.min() < 0 else array.max()
        raise ValueError(f"the order has the index {wrong}; the samples are 0 ... {n_samples - 1}")
    return array.astype(np.int64, order="C")  # a copy, which nobody changes after the check


def _as_labels(name: str, labels: Array, n_classes: int) -> Source:
    # A copy, which nobody can change after the check: labels become addresses below Python.
    labels = labels.copy()
    if labels.dtype.kind not in "iub":
        hint = "; np.unique(y, return_inverse=True) numbers them" if labels.dtype.kind in "OUST" else ""
        raise TypeError(f"{name} has dtype {labels.dtype}; class labels are integers 0 ... {n_classes - 1}{hint}")
    least, most = labels.min(), labels.max()
    if least < 0 or most >= n_classes:
        wrong = least if least < 0 else most
        raise ValueError(f"{name} holds the label {wrong}; the network's {n_classes} outputs are 0 ... {n_classes - 1}")
    return Source(labels.astype(np.int64, order="C", copy=False), n_classes)

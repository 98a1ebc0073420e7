"""Checks of what callers give; every message says what was given and what was expected."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from . import sparse
from .bounds import Bounds
from .core.arrays import plain_array
from .core.data import Source
from .losses import Loss
from .scaling import Scaling, scale

__all__ = [
    "as_inputs",
    "as_labels_or_targets",
    "as_order",
    "as_sample_weight",
    "assign",
    "dropout_fits",
    "dropout_rate",
    "integer",
    "number",
    "real_dtype",
    "validation_parts",
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


def number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> float:
    """Return `value` as a float above and below these limits, and from `least` to `most`; ValueError otherwise."""
    try:
        result = math.nan if isinstance(value, (str, bool, np.bool_)) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if math.isfinite(result) and above < result < below and least <= result <= most:
        return result
    limits = {">": above, ">=": least, "<": below, "<=": most}
    expected = " and ".join(f"{sign} {limit:g}" for sign, limit in limits.items() if math.isfinite(limit))
    raise ValueError(f"{name} is {value!r}; expected a finite number {expected}".rstrip())


def dropout_fits(rate: float) -> bool:
    """Whether it is a rate of dropout: 0, or one that 65536ths can tell from 0 and from 1."""
    return rate == 0 or 2.0**-16 <= rate <= 1 - 2.0**-16


def dropout_rate(name: str, value: Any) -> float:
    """Return a rate of dropout; ValueError where it is none."""
    rate = number(name, value, least=0, below=1)
    if not dropout_fits(rate):
        raise ValueError(f"{name} is {value!r}; expected 0, or a rate from 2**-16 to 1 - 2**-16")
    return rate


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


def _require_finite(name: str, given: Array, source: Source, dtype: np.dtype[Any], scaling: Scaling | None) -> None:
    place = source.first_not_finite(dtype)
    if place is None:
        return
    row, column = place
    index, value = (f"[{row}]", given[row]) if given.ndim == 1 else (f"[{row}, {column}]", given[row, column])
    if not np.isfinite(value):
        raise ValueError(f"{name}{index} is {value}; expected finite numbers")
    if scaling is not None and scaling.known is not None:
        raise ValueError(f"{name}{index} is {value}, which scaled is beyond the largest {dtype}")
    raise ValueError(f"{name}{index} is {value}, beyond the largest {dtype}; use dtype='float64' or scale it")


def _as_source(
    name: str, values: Any, n_columns: int, what: str, dtype: np.dtype[Any], scaling: Scaling | None
) -> Source:
    values = plain_array(name, values)
    array, given = _numbers(name, values, dtype if scaling is None else np.dtype(np.float64)), values.shape
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
    _require_finite(name, values, source, scale(source, dtype, scaling), scaling)
    return source


def as_inputs(name: str, values: Any, n_inputs: int, dtype: np.dtype[Any], scaling: Scaling | None = None) -> Source:
    """Return inputs (n_samples, n_inputs) as a Source; a vector is taken where there is one input, and a sparse matrix.

    With a scaling that is known they are scaled. With one that is still to be measured they are not, and have to be
    finite in float64 only.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If the shape does not fit (both shapes are named), there is no sample, or a value is not finite, as it is or
        scaled.
    """
    if sparse.is_sparse(values):
        return sparse.as_source(name, values, n_inputs, dtype, scaling)
    return _as_source(name, values, n_inputs, "input", dtype, scaling)


def as_labels_or_targets(
    name: str,
    values: Any,
    n_samples: int,
    n_targets: int,
    loss: Loss,
    dtype: np.dtype[Any],
    scaling: Scaling | None = None,
    bounds: Bounds | None = None,
) -> Source:
    """Return targets as a Source: (n_samples, n_targets) numbers, or class labels where the loss takes them.

    `scaling` is as for :func:`as_inputs`; no loss that takes labels has one.

    Raises
    ------
    TypeError
        If the values are not numbers, or labels are not integers.
    ValueError
        If the shape does not fit, or a value is not finite, out of the loss's range or the bounds, or no label.
    """
    values = plain_array(name, values)
    if values.ndim == 0 or len(values) != n_samples:
        raise ValueError(f"{name} has shape {values.shape}, X has {n_samples} rows; expected one target for each row")
    if loss.takes_labels and values.ndim == 1:
        return _as_labels(name, values, n_targets)
    what = "output" if loss.outputs_per_target == 1 else "target"
    source = _as_source(name, values, n_targets, what, dtype, scaling)
    if bounds is not None:
        bounds.check_targets(name, source.array if values.ndim == 2 else source.array[:, 0])
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
        If there is not one for each sample, one is negative, not finite or out of the range of `dtype`, or all are 0.
    """
    given = plain_array(name, values)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {given.dtype}; expected numbers")
    if given.shape != (n_samples,):
        raise ValueError(f"{name} has shape {given.shape}; expected ({n_samples},), a weight for each sample")
    wrong = np.flatnonzero(~((given >= 0) & np.isfinite(given)))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {given[wrong[0]]}; expected a finite number >= 0")
    with np.errstate(over="ignore", under="ignore"):
        weights = given.astype(dtype, order="C")  # a copy, which nobody changes after the check
    lost = np.flatnonzero(np.isinf(weights) | ((weights < np.finfo(dtype).tiny) & (given > 0)))
    if lost.size:
        raise ValueError(f"{name}[{lost[0]}] is {given[lost[0]]}, which {dtype} cannot hold; expected weights around 1")
    with np.errstate(over="ignore"):
        total = weights.sum(dtype=np.float64)
    if total == 0 or np.isinf(total):
        raise ValueError(f"{name} sums to {total}; expected a finite number > 0")
    return Source(weights[:, None])


def validation_parts(validation_data: Any) -> tuple[Any, Any, Any]:
    """Return X, y and the samples' weights, None for ones.

    Raises
    ------
    TypeError
        If they are no tuple or list.
    ValueError
        If there are more or fewer parts.
    """
    expected = "expected (X, y) or (X, y, sample_weight)"
    if not isinstance(validation_data, (tuple, list)):
        raise TypeError(f"validation_data is {type(validation_data).__name__}; {expected}")
    n = len(validation_data)
    if n not in (2, 3):
        raise ValueError(f"validation_data has {n} part{'' if n == 1 else 's'}; {expected}")
    X, y, weights = (*validation_data, None)[:3]
    return X, y, weights


def as_order(name: str, values: Any, n_samples: int) -> Array:
    """Return the order of the samples in an epoch: as many indices as there are samples, as int64.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If there are more or fewer, or one is out of range.
    """
    order = plain_array(name, values)
    if order.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {order.dtype}; expected integers, an index of a sample each")
    if order.shape != (n_samples,):
        raise ValueError(f"{name} has shape {order.shape}; expected ({n_samples},), as many indices as samples")
    if order.min() < 0 or order.max() >= n_samples:
        wrong = np.flatnonzero((order < 0) | (order >= n_samples))
        raise ValueError(f"{name}[{wrong[0]}] is {order[wrong[0]]}; the samples are 0 ... {n_samples - 1}")
    return order.astype(np.int64, order="C")  # a copy, which nobody changes after the check


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

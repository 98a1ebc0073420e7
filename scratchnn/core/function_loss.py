"""Losses that are Python functions: what one returns for some rows, checked."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import plain_array


def call(function: Any, y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return float64 losses, one a row, and a gradient of y_pred's dtype.

    Raises
    ------
    TypeError
        If the function does not return a pair of arrays of numbers.
    ValueError
        If their shapes are others, or they are not finite though y_pred is.
    """
    m = len(y_pred)
    if not np.isfinite(y_pred).all():  # the network has diverged, which is no fault of the function
        return np.full(m, np.nan), np.zeros_like(y_pred)
    result = function(y_true, y_pred)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        given = f"{len(result)} items" if isinstance(result, (tuple, list)) else type(result).__name__
        raise TypeError(f"the loss function returned {given}; expected a pair, the loss of each row and the gradient")
    return (
        _checked("losses", result[0], (m,), np.float64),
        _checked("a gradient", result[1], y_pred.shape, y_pred.dtype),
    )


def _checked(what: str, values: Any, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    array = plain_array(what, values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"the loss function returned {what} of dtype {array.dtype}; expected floats")
    if array.shape != shape:
        raise ValueError(f"the loss function returned {what} of shape {array.shape}; expected {shape}")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype)
    if not np.isfinite(converted).all():
        place = tuple(np.argwhere(~np.isfinite(converted))[0])
        number = float(array[place])
        kind = f" in {np.dtype(dtype)}" if math.isfinite(number) else ""
        raise ValueError(
            f"the loss function returned {what} with {number!r} in row {place[0]}; expected finite numbers{kind}"
        )
    return converted

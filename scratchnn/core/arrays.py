"""What the operations ask of their arguments: dtype, shape, strides, ranges, and where a result goes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

REAL_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def plain_array(name: str, values: Any) -> np.ndarray:
    """Return values as a plain NumPy array, without a copy where there is one.

    Raises
    ------
    ValueError
        If rows differ in length, or an array has masked values, which a plain one would uncover.
    """
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        raise ValueError(f"{name} is a masked array with masked values; fill or drop them first")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no rectangular array of numbers: {error}") from None


def real_arrays(**arguments: Any) -> list[Any]:
    """Return the arguments as aligned arrays of one dtype, float32 or float64; None stays None.

    Arrays keep their dtype or are refused; anything else, such as a list, becomes float64.

    Raises
    ------
    TypeError
        If an array has another dtype, or two of them differ.
    """
    arrays = []
    for name, argument in arguments.items():
        if argument is not None:
            is_array = isinstance(argument, (np.ndarray, np.generic))
            argument = plain_array(name, argument)
            argument = np.require(argument, None if is_array else np.float64, "A")
            if argument.dtype not in REAL_DTYPES or not argument.dtype.isnative:
                raise TypeError(f"{name} is {argument.dtype}; expected float32 or float64")
        arrays.append(argument)
    given = {name: a.dtype for name, a in zip(arguments, arrays, strict=True) if a is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} is {dtype}" for name, dtype in given.items())
        raise TypeError(f"expected one dtype for all arrays; {listed}")
    return arrays


def expect_dimensions(**arguments: tuple[np.ndarray | None, int]) -> None:
    """Raise ValueError unless every array has its number of dimensions."""
    for name, (array, ndim) in arguments.items():
        if array is not None and array.ndim != ndim:
            raise ValueError(f"{name} has shape {array.shape}; expected {ndim} dimension{'s' if ndim > 1 else ''}")


def expect(condition: bool, message: str, *shapes: object) -> None:
    """Raise ValueError with the shapes put into the message unless the condition holds."""
    if not condition:
        raise ValueError(message.format(*shapes))


def number_within(name: str, value: Any, low: float, from_low: bool, high: float, to_high: bool = False) -> float:
    """Return value as a float between `low` and `high`; ValueError otherwise.

    They are in the range themselves where `from_low` and `to_high` say so.
    """
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if low < number < high or (from_low and number == low) or (to_high and number == high):
        return number
    limits = f"{'>=' if from_low else '>'} {low:g}"
    if math.isfinite(high):
        limits += f" and {'<=' if to_high else '<'} {high:g}"
    raise ValueError(f"{name} is {value!r}; expected a finite number {limits}")


def strided(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy of it where a stride is no whole number of elements."""
    return array if all(s % array.itemsize == 0 for s in array.strides) else array.copy()


def rows(array: np.ndarray) -> np.ndarray:
    """Return the matrix, or a copy of it whose rows are contiguous and lie in ascending order."""
    row, column = array.strides
    if (column == array.itemsize or array.shape[1] <= 1) and row >= 0 and row % array.itemsize == 0:
        return array
    return np.ascontiguousarray(array)


def compute_into(
    out: np.ndarray | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    inputs: Sequence[np.ndarray | None],
    compute: Callable[[np.ndarray], object],
    direct: Callable[[np.ndarray], bool] = lambda out: out.flags.c_contiguous,
) -> np.ndarray:
    """Call ``compute(result)`` on a new array or on `out`, and return it.

    Where `out` overlaps an input or `direct(out)` is false, the result is computed elsewhere and copied.

    Raises
    ------
    TypeError
        If `out` is no array or has another dtype.
    ValueError
        If `out` has another shape or is read-only.
    """
    if out is None:
        result = np.empty(shape, dtype)
        compute(result)
        return result
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is {type(out).__name__}; expected a NumPy array")
    if out.dtype != dtype:
        raise TypeError(f"out is {out.dtype}; expected {dtype}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}; expected {shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if out.flags.aligned and direct(out) and not any(a is not None and np.may_share_memory(out, a) for a in inputs):
        compute(out)
    else:
        result = np.empty(shape, dtype)
        compute(result)
        out[...] = result
    return out

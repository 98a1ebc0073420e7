"""Columns of a table as arrays: numbers or text, cells without a value, and words to speak of them.

A column of numbers has an integer or float dtype, NaN where a cell is missing; a column of text holds
objects, `str` or None where a cell is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "ColumnError",
    "MissingCellError",
    "as_column",
    "check_finite",
    "count",
    "is_number",
    "kind_of",
    "listed",
    "missing_cells",
    "parse_number",
    "shown",
]

Array: TypeAlias = npt.NDArray[Any]
Kind: TypeAlias = Literal["numeric", "text"]


class ColumnError(ValueError):
    """A table's columns do not fit: one is missing, of the wrong kind, or has cells without value."""


class MissingCellError(ColumnError):
    """A column has cells without a value where every cell needs one."""


def as_column(name: str, values: npt.ArrayLike) -> Array:
    """Return `values` as a column: numbers of a NumPy dtype, or objects that are `str` or None."""
    column = np.asarray(values)
    if column.ndim != 1:
        raise ColumnError(f"column {shown(name)} must have one dimension, not the shape {column.shape}")
    if column.dtype.kind in "iuf":
        return column
    if column.dtype.kind == "b":
        return column.astype(np.int64)
    if column.dtype.kind in "OU":
        column = column.astype(object)
        if all(cell is None or isinstance(cell, str) for cell in column):
            return column
    raise ColumnError(f"column {shown(name)} holds neither numbers nor text (dtype {column.dtype})")


def parse_number(text: str) -> float:
    """Return the number that the text of a cell is; ValueError if it is none."""
    if "_" in text:  # Python's notation, no table's
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def is_number(text: str) -> bool:
    """Return whether the text of a cell is a number."""
    with suppress(ValueError):
        parse_number(text)
        return True
    return False


def kind_of(column: Array) -> Kind:
    """Return whether a column holds numbers or text."""
    return "text" if column.dtype == object else "numeric"


def missing_cells(column: Array) -> npt.NDArray[np.bool_]:
    """Return where cells have no value: NaN among numbers, None among text."""
    if kind_of(column) == "text":
        return np.fromiter((cell is None for cell in column), dtype=bool, count=len(column))
    return np.isnan(column)


def check_finite(name: str, column: Array) -> None:
    """Raise ColumnError for the first infinite number, naming its row."""
    if column.dtype.kind == "f" and (infinite := np.isinf(column)).any():
        raise ColumnError(
            f"column {shown(name)} has {count(infinite, 'infinite number')}, "
            f"the first in row {int(infinite.argmax()) + 1}"
        )


def count(where: npt.NDArray[np.bool_], what: str) -> str:
    """Return how often `where` is true, as in "1 row" and "2 rows"."""
    n = int(where.sum())
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def shown(value: object) -> str:
    """Return `value` as Python writes it, shortened, so that it is safe to print."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(names: Iterable[str]) -> str:
    """Return names for a message, the first eight if they are many."""
    names = list(names)
    first = ", ".join(map(shown, names[:8]))
    return f"{first} and {len(names) - 8} more" if len(names) > 8 else first or "no column"

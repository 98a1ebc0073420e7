"""Rows of features as they are given: an array, or a frame of pandas or Polars, neither of which is imported."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.arrays import plain_array

__all__ = ["Table"]

Array = npt.NDArray[Any]


class Table:
    """Features in columns, and other rows of the same kind.

    Parameters
    ----------
    X : (n_samples, n_features) array-like, sparse matrix or frame

    Attributes
    ----------
    columns : list of (n_samples,) arrays
        Numbers as float64, anything else as it is.
    names : list or None
        A frame's.

    Raises
    ------
    TypeError
        If an array does not hold numbers.
    ValueError
        If it has not two dimensions or no row, or a frame has two columns of one name.
    """

    def __init__(self, X: Any) -> None:
        self._frame = type(X) if hasattr(X, "columns") and hasattr(X, "shape") else None
        if self._frame is not None:
            self.names: list[Any] | None = list(X.columns)
            if len(set(self.names)) < len(self.names):
                raise ValueError(f"X has several columns of one name: {self.names}")
            self.columns = [_numbers_or_others(np.asarray(X[name])) for name in self.names]
            shape = tuple(X.shape)
        else:
            array = plain_array("X", X.toarray() if hasattr(X, "toarray") else X)
            shape = array.shape
            if len(shape) != 2:
                raise ValueError(f"X has shape {shape}; expected (n_samples, n_features)")
            if array.dtype.kind not in "biuf":
                raise TypeError(f"X has dtype {array.dtype}; expected numbers, or a frame")
            self.names = None
            self.columns = list(array.T.astype(np.float64))
        if not shape[0]:
            raise ValueError(f"X has shape {shape}; expected at least one row")

    def place(self, feature: Any) -> int:
        """Return the column that a number or, of a frame, a name means; ValueError where there is none."""
        n = len(self.columns)
        if self.names is not None and feature in self.names:
            return self.names.index(feature)
        if isinstance(feature, (int, np.integer)) and not isinstance(feature, bool) and -n <= feature < n:
            return int(feature) % n
        names = "" if self.names is None else f", or a name out of {', '.join(map(repr, self.names))}"
        raise ValueError(f"X has no feature {feature!r}; expected a number from 0 to {n - 1}{names}")

    def numbers(self, i: int) -> Array:
        """Return a column of finite numbers; TypeError or ValueError where it is none."""
        column, name = self.columns[i], i if self.names is None else repr(self.names[i])
        if column.dtype.kind != "f":
            raise TypeError(f"feature {name} has dtype {column.dtype}; expected numbers")
        wrong = np.flatnonzero(~np.isfinite(column))
        if len(wrong):
            raise ValueError(f"feature {name} is {column[wrong[0]]} in row {wrong[0]}; expected finite numbers")
        return column

    @cached_property
    def typical(self) -> list[Any]:
        """Each column's median or, of one that is not numbers, its commonest value."""
        return [
            float(np.nanmedian(column)) if column.dtype.kind == "f" else Counter(column.tolist()).most_common(1)[0][0]
            for column in self.columns
        ]

    def rows(self, varied: dict[int, Array], *, as_frame: bool) -> Any:
        """Return rows with these columns, and everywhere the typical value in the others."""
        n = len(next(iter(varied.values())))
        columns = [varied[i] if i in varied else [value] * n for i, value in enumerate(self.typical)]
        if self._frame is not None and as_frame:
            return self._frame(dict(zip(self.names or (), columns, strict=True)))
        return np.column_stack(columns)


def _numbers_or_others(column: Array) -> Array:
    """Return a frame's column as float64, those that may lack values too; text and the like as it is."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    if column.dtype.kind == "O" and not any(isinstance(value, (str, bytes)) for value in column):
        try:
            return column.astype(np.float64)
        except (TypeError, ValueError):
            pass
    return column

"""Sparse matrices of SciPy as inputs; SciPy itself is not needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .core.data import Source
from .scaling import Scaling, scale

__all__ = ["as_source", "is_sparse"]


def is_sparse(values: Any) -> bool:
    """Whether values are a sparse matrix or array."""
    return hasattr(values, "tocsr") and hasattr(values, "nnz")


def as_source(name: str, values: Any, n_columns: int, dtype: np.dtype[Any], scaling: Scaling | None = None) -> Source:
    """Return a sparse matrix (n_samples, n_columns) as a Source, whose batches are made dense one by one.

    `scaling` is as for ``validation.as_inputs``; it moves zeros, too.

    Raises
    ------
    TypeError
        If its elements are not numbers.
    ValueError
        If the shape does not fit, there is no sample, a value is not finite, or the matrix is not consistent.
    """
    if values.ndim != 2 or values.shape[1] != n_columns or values.shape[0] == 0:
        raise ValueError(f"{name} has shape {values.shape}; expected (n_samples, {n_columns}) with at least one sample")
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {values.dtype}; expected numbers (float, int or bool)")
    rows = values.tocsr(copy=True)  # starts and columns become addresses: nobody changes them after the check
    _check_structure(name, rows)
    rows.sum_duplicates()
    elements = rows.data
    if elements.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        with np.errstate(over="ignore"):
            elements = elements.astype(dtype if scaling is None else np.float64)
    starts, columns = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
    source = Source(elements, starts=starts, columns=columns, n_columns=n_columns)
    dtype = scale(source, dtype, scaling)
    place = source.first_not_finite(dtype)
    if place is not None:
        scaled = ", which is scaled" * (scaling is not None and scaling.known is not None)
        raise ValueError(f"{name}[{place[0]}, {place[1]}] is {rows[place]}{scaled}; expected finite numbers of {dtype}")
    return source


def _check_structure(name: str, rows: Any) -> None:
    n_rows, n_columns = rows.shape
    starts, columns, n = rows.indptr, rows.indices, len(rows.data)
    ascending = len(starts) == n_rows + 1 and starts[0] == 0 and (np.diff(starts) >= 0).all()
    if not ascending or starts[-1] > min(n, len(columns)):
        raise ValueError(f"{name} is no consistent sparse matrix: its rows do not start in ascending order within {n}")
    if len(columns) and (columns.min() < 0 or columns.max() >= n_columns):
        wrong = columns.min() if columns.min() < 0 else columns.max()
        raise ValueError(f"{name} is no consistent sparse matrix: it has the column {wrong} of {n_columns}")

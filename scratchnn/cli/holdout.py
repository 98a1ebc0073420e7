"""Choose the rows that are held out of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.random import Generator

__all__ = ["hold_out"]

Rows = npt.NDArray[np.intp]

STREAM = 0x5E1EC7  # apart from the streams that a network of the same seed draws from


def hold_out(
    n_rows: int, fraction: float, seed: int, labels: npt.NDArray[Any] | None = None
) -> tuple[Rows, Rows]:
    """Return the training rows and the held-out rows, each in ascending order.

    Parameters
    ----------
    n_rows : int
    fraction : float
        Share to hold out, rounded to whole rows, at least one unless it is 0.
    seed : int
        Chooses the rows; the choice depends on nothing else.
    labels : (n_rows,) array, optional
        Classes: each is held out in its share of the rows, and keeps at least one to train on.

    Raises
    ------
    ValueError
        Too few rows to hold one out and train on another.
    """
    n_held = round(fraction * n_rows) or int(fraction > 0)
    if labels is None:
        groups = [np.arange(n_rows)]
    else:
        _, group = np.unique(labels, return_inverse=True)
        groups = [np.flatnonzero(group == k) for k in range(group.max() + 1)]
    quotas = _quotas([len(rows) for rows in groups], n_held)
    if fraction > 0 and sum(quotas) == 0:
        of_one_class = "" if labels is None else " of one class"
        raise ValueError(
            f"{n_rows} {'row is' if n_rows == 1 else 'rows are'} too few: to hold any out, at least "
            f"two{of_one_class} are needed (or hold out none: --validation-fraction 0)"
        )
    random = Generator(seed, STREAM)
    held = [rows[random.permutation(len(rows))[:q]] for rows, q in zip(groups, quotas, strict=True)]
    held_out = np.sort(np.concatenate(held))
    training = np.setdiff1d(np.arange(n_rows), held_out, assume_unique=True)
    return training, held_out


def _quotas(sizes: list[int], total: int) -> list[int]:
    """Share `total` rows among groups by the method of largest remainders, one row always left over."""
    shares = [total * size / sum(sizes) for size in sizes]
    quotas = [min(int(share), size - 1) for share, size in zip(shares, sizes, strict=True)]
    by_remainder = sorted(range(len(sizes)), key=lambda k: quotas[k] - shares[k])
    for k in by_remainder[: total - sum(quotas)]:
        quotas[k] = min(quotas[k] + 1, sizes[k] - 1)
    return quotas

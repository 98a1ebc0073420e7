"""Choose the rows that are held out of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core.random import Generator
from .data import Data, HeldOut
from .losses import Loss
from .sparse import is_sparse
from .validation import number

__all__ = ["hold_out", "split"]

Rows = npt.NDArray[np.intp]

STREAM = 0x5E1EC7  # apart from the streams that a network of the same seed draws from


def split(data: Data, X: Any, y: Any, fraction: float, seed: int, loss: Loss) -> tuple[Data, HeldOut]:
    """Return copies of the samples to train on, in their order, and of those that are held out.

    `data` is what was made of `X` and `y`.

    Class labels are held out in proportion: those of a loss that takes labels, and the 0 and 1 of one logistic output.

    Raises
    ------
    ValueError
        If `fraction` does not lie between 0 and 1, or no row can be spared.
    """
    fraction = number("validation_fraction", fraction, above=0, below=1)
    targets, labels = data.targets.array, None
    if loss.takes_labels:
        labels = targets if targets.ndim == 1 else targets.argmax(axis=1)
    elif loss.link == "sigmoid" and targets.shape[1] == 1:
        labels = targets[:, 0] >= 0.5
    training, held_out = hold_out(data.n_samples, fraction, seed, labels)
    return data.take(training), HeldOut(data.take(held_out), _rows_of(X, held_out), _rows_of(y, held_out))


def _rows_of(values: Any, rows: Rows) -> Any:
    """Return rows as a scorer gets them: of a frame a frame, of a sparse matrix one of SciPy's, else an array."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    return values.tocsr()[rows] if is_sparse(values) else np.asarray(values)[rows]


def hold_out(n_rows: int, fraction: float, seed: int, labels: npt.NDArray[Any] | None = None) -> tuple[Rows, Rows]:
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
        No row can be spared.
    """
    n_held = round(fraction * n_rows) or int(fraction > 0)
    if labels is None:
        groups = [np.arange(n_rows)]
    else:
        _, group = np.unique(labels, return_inverse=True)
        groups = [np.flatnonzero(group == k) for k in range(group.max() + 1)]
    quotas = _quotas([len(rows) for rows in groups], n_held)
    if fraction > 0 and sum(quotas) == 0:
        reason = "there is one row only" if n_rows == 1 else "every class has one row only"
        raise ValueError(f"{reason}: none can be held out")
    random = Generator(seed, STREAM)
    held = [rows[random.permutation(len(rows))[:q]] for rows, q in zip(groups, quotas, strict=True)]
    held_out = np.sort(np.concatenate(held))
    training = np.setdiff1d(np.arange(n_rows), held_out, assume_unique=True)
    return training, held_out


def _quotas(sizes: list[int], total: int) -> list[int]:
    """Share `total` rows among groups by the method of largest remainders, one row always left over."""
    shares = [total * size / sum(sizes) for size in sizes]
    quotas = [min(int(share), size - 1) for share, size in zip(shares, sizes, strict=True)]
    spare = [k for k, size in enumerate(sizes) if quotas[k] < size - 1]
    spare.sort(key=lambda k: quotas[k] - shares[k])
    for k in spare[: total - sum(quotas)]:
        quotas[k] += 1
    return quotas

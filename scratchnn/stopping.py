"""When there is no improvement any more: early stopping, and plateaus (docs/math.md, "Early stopping").

Epochs are judged by a value of which more is better; NaN is never better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .schedules import ReduceOnPlateau

__all__ = ["EarlyStopping", "Plateaus"]

Array = npt.NDArray[Any]


class _Waiting:
    """For how many epochs none has beaten the best before it by more than min_delta."""

    def __init__(self, min_delta: float) -> None:
        self._min_delta = min_delta
        self._best = -math.inf
        self.epochs = 0

    def see(self, value: float) -> bool:
        """Count an epoch, and return whether it is the best so far, by however little."""
        self.epochs = 0 if value > self._best + self._min_delta else self.epochs + 1
        if value > self._best:
            self._best = value
            return True
        return False


class EarlyStopping:
    """Patience, and the parameters of the best epoch.

    Parameters
    ----------
    parameters : array
        The network's.
    patience : int
        Epochs without an improvement until it is over.
    min_delta : float
        What an improvement must be more than.
    restore_best : bool
        Whether :meth:`finish` gives the parameters of the best epoch back.
    """

    def __init__(self, parameters: Array, patience: int, min_delta: float, restore_best: bool) -> None:
        self._parameters = parameters
        self._patience = patience
        self._restore_best = restore_best
        self._waiting = _Waiting(min_delta)
        self._kept: Array | None = None

    def see(self, value: float) -> None:
        """Judge the epoch that has ended."""
        if self._waiting.see(value) and self._restore_best:
            if self._kept is None:
                self._kept = self._parameters.copy()
            else:
                np.copyto(self._kept, self._parameters)

    @property
    def is_over(self) -> bool:
        return self._waiting.epochs >= self._patience

    def finish(self) -> bool:
        """Give back the best parameters, and return whether there are any."""
        if self._kept is None:
            return False
        self._parameters[...] = self._kept
        return True


class Plateaus:
    """How often a schedule has met a plateau.

    Parameters
    ----------
    schedule : ReduceOnPlateau or None
        None meets none.
    values : iterable of float
        What the epochs since the schedule began were judged by.
    """

    def __init__(self, schedule: ReduceOnPlateau | None, values: Iterable[float]) -> None:
        self.number = 0
        self._patience = 0 if schedule is None else schedule.patience
        self._waiting = _Waiting(0.0 if schedule is None else schedule.min_delta)
        for value in values:
            self.see(value)

    def see(self, value: float) -> None:
        """Judge the epoch that has ended."""
        self._waiting.see(value)
        if 0 < self._patience <= self._waiting.epochs:
            self.number += 1
            self._waiting.epochs = 0

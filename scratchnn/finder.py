"""Find a learning rate: train a copy with rates that grow from step to step, and see where the loss falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import optimizers
from .callbacks.base import Callback, Run
from .errors import DivergenceError
from .optimizers import Optimizer
from .validation import integer, number

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = ["LearningRateSearch", "find_learning_rate"]

Array = npt.NDArray[np.float64]

DIVERGED = 4  # times the lowest loss is where a search ends
AVERAGED = 20  # the loss is averaged over this part of the search before a step and after it
FITTED = 10  # and its slope is that of a line through this part of it before and after


@dataclass(frozen=True)
class LearningRateSearch:
    """The outcome of :func:`find_learning_rate`.

    Attributes
    ----------
    rates : (n,) array
        The learning rates of the steps that were taken, in ascending order.
    losses : (n,) array
        The loss of each step's batch, before the step.
    smoothed : (n,) array
        The same, averaged over the steps before and after, a tenth of them all.
    suggestion : float or None
        The rate at which the loss falls the fastest over the logarithm of the rate; None if it never fell.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float | None

    def __str__(self) -> str:
        tried = f"learning rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        if self.suggestion is None:
            return f"the loss fell with none of the {tried}"
        return f"the loss fell the fastest with a learning rate of {self.suggestion:.3g}, of {tried}"


def find_learning_rate(
    network: NeuralNetwork,
    X: Any,
    y: Any,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int | str = 32,
    shuffle: bool = True,
    optimizer: str | Optimizer = "sgd",
    **arguments: Any,
) -> LearningRateSearch:
    """Train a copy with a learning rate that grows exponentially from step to step, and watch its loss (Smith 2017).

    The search ends early where the loss is four times the lowest. The network stays as it is.

    Parameters
    ----------
    network : NeuralNetwork
    X, y
        As ``network.train`` takes them.
    lowest, highest : float
        The learning rates of the first and the last step.
    steps : int
        How many steps to take, at least 10.
    batch_size : int or "full"
        As in the training to come: the best rate depends on it.
    shuffle : bool
    optimizer : str or Optimizer
        As in the training to come.
    arguments
        More arguments for ``network.train``, such as ``sample_weight``.

    Returns
    -------
    LearningRateSearch

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnn import NeuralNetwork, find_learning_rate
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> search = find_learning_rate(NeuralNetwork([1, 16, 1], activation="tanh", seed=1), X, X**2, batch_size="full")
    >>> print(search)
    the loss fell the fastest with a learning rate of 0.0..., of learning rates from 1e-06 to ...
    """
    lowest = number("lowest", lowest, above=0)
    highest = number("highest", highest, above=lowest)
    steps = integer("steps", steps, 10)
    sweep = _Sweep(np.geomspace(lowest, highest, steps))
    copy = network.copy()
    try:
        copy.train(
            X,
            y,
            epochs=steps,
            max_steps=steps,
            batch_size=batch_size,
            shuffle=shuffle,
            optimizer=optimizers.get(optimizer, lowest),
            callback=sweep,
            **arguments,
        )
    except DivergenceError:
        if not sweep.losses:
            raise
    losses = np.array(sweep.losses)
    smoothed = np.array([sweep.average(i) for i in range(len(losses))])
    steepest = _steepest(losses, int(np.argmin(smoothed)), steps // FITTED)
    suggestion = None if steepest is None else float(sweep.rates[steepest])
    return LearningRateSearch(sweep.rates[: len(losses)], losses, smoothed, suggestion)


class _Sweep(Callback):
    """Gives each step the next rate, and ends where the loss is far above the lowest."""

    def __init__(self, rates: Array) -> None:
        self.rates = rates
        self.losses: list[float] = []
        self._half = len(rates) // AVERAGED
        self._lowest = math.inf

    def on_train_begin(self, network: NeuralNetwork, run: Run) -> None:
        network.learning_rate = float(self.rates[0])

    def on_batch_end(self, network: NeuralNetwork, step: int, loss: float) -> bool:
        self.losses.append(loss)
        if len(self.losses) < len(self.rates):
            network.learning_rate = float(self.rates[len(self.losses)])
        if len(self.losses) <= self._half:
            return False
        average = self.average(len(self.losses) - 1 - self._half)
        self._lowest = min(self._lowest, average)
        return average > DIVERGED * self._lowest

    def average(self, i: int) -> float:
        """Return the mean loss of the steps around step i."""
        return float(np.mean(self.losses[max(0, i - self._half) : i + self._half + 1]))


def _steepest(losses: Array, lowest: int, half: int) -> int | None:
    """Return the step, up to that of the lowest loss, where a line through the losses around it falls the fastest."""
    slopes = {}
    for i in range(min(half, lowest), lowest + 1):  # a line through fewer steps says little
        around = np.arange(max(0, i - half), min(i + half, lowest) + 1)
        offsets = around - around.mean()
        slopes[i] = float(offsets @ losses[around]) / float(offsets @ offsets) if len(around) > 1 else 0.0
    steepest = min(slopes, key=slopes.__getitem__)
    return steepest if slopes[steepest] < 0 else None

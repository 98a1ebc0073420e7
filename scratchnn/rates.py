"""The learning rates of a training's steps, handed to the trainer many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .callbacks.base import Run
from .core.trainer import Trainer
from .schedules import Pace
from .stopping import Plateaus

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = ["Rates"]

# Of so many steps at a time: half a megabyte, computed while it stays in the cache.
STEPS_AT_A_TIME = 1 << 16


class Rates:
    """The optimizer's learning rate times what the network's schedule makes of it.

    Parameters
    ----------
    network : NeuralNetwork
    trainer : Trainer
    run : Run
    """

    def __init__(self, network: NeuralNetwork, trainer: Trainer, run: Run) -> None:
        self._network, self._trainer = network, trainer
        self._schedule = network._schedule
        self._first_step, first_epoch = network._schedule_start
        self._run = run
        self._steps_per_epoch = -(-run.n_samples // run.batch_size)
        plateau = None if self._schedule is None else self._schedule.plateau
        self.look_back = plateau is not None
        past = run.values(network.history)[first_epoch:] if self.look_back else []
        self._plateaus = Plateaus(plateau, past)
        self._given: tuple[float, int] | None = None  # for which learning rate, after how many plateaus
        self._end = 0  # the step after which the trainer has no rates

    def see(self, value: float) -> None:
        """Judge the epoch that has ended."""
        self._plateaus.see(value)

    def provide(self, epochs: int) -> None:
        """Give the trainer rates for the next steps of the epochs to come, unless it has them."""
        optimizer = self._network.optimizer
        assert optimizer is not None
        trainer, rate = self._trainer, optimizer.learning_rate
        if self._schedule is None:
            trainer.learning_rate = rate
            return
        valid = (rate, self._plateaus.number)
        if valid == self._given and trainer.steps < self._end:
            return
        pace = Pace(self._steps_per_epoch, self._run.n_samples, self._plateaus.number)
        first = trainer.steps - self._first_step
        steps = np.arange(first, first + self._n_steps(epochs))
        rates = rate * np.asarray(self._schedule.shares(steps, pace), np.float64)
        if rates.shape != steps.shape or not (rates.min() >= 0 and rates.max() < np.inf):
            raise ValueError(
                f"{self._schedule!r} gives {len(steps)} steps rates from {rates.min()} to {rates.max()} in shape "
                f"{rates.shape}; expected a finite number >= 0 for each"
            )
        trainer.set_rates(rates)
        self._given, self._end = valid, trainer.steps + len(steps)

    def _n_steps(self, epochs: int) -> int:
        """Return how many steps come at a time: whole epochs if one fits."""
        n = self._steps_per_epoch
        of_this = n - -(-self._trainer.first // self._run.batch_size)
        most = of_this + (epochs - 1) * n
        if most <= STEPS_AT_A_TIME or of_this > STEPS_AT_A_TIME:
            return min(most, STEPS_AT_A_TIME)
        return of_this + (STEPS_AT_A_TIME - of_this) // n * n

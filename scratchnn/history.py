"""What training recorded."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["History"]

# Held while what training has appended is counted or read. One for all histories, so that they can be copied and
# pickled. Its thread may come again, in a signal's handler. A fork may copy it while a thread has it that is not there
# in the child to release it.
_reading = threading.RLock()


def _renew() -> None:
    global _reading
    _reading = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


class History:
    """The course of a network's training, over all calls of ``train``.

    Attributes
    ----------
    loss : list of float
        Training loss of each epoch: the mean over its samples of their batch's loss as it was seen, penalties
        included (docs/math.md, eq. 105); of L-BFGS that after each iteration.
    validation_loss : list of float
        Loss on the validation data: entry i belongs to epoch i + 1, and is NaN where that epoch had none.
    validation_score : list of float
        What the scorer said of the validation data, likewise.
    learning_rate : list of float
        The learning rate of each epoch's last step, likewise; L-BFGS has none, and old files do not tell.
    seconds : float
        Time spent training.
    samples : int
        Samples trained on in whole epochs, each counted every time; of L-BFGS in all evaluations.
    stopped : str
        Why the last training ended: "completed", "patience", "callback", "max_steps", "max_seconds", "interrupted",
        "diverged"; with L-BFGS also "converged", "line_search" (no step decreases the loss) and "max_evaluations"; ""
        before the first.
    """

    def __init__(
        self,
        loss: Iterable[float] = (),
        validation_loss: Iterable[float] = (),
        seconds: float = 0.0,
        samples: int = 0,
        stopped: str = "",
        validation_score: Iterable[float] = (),
        learning_rate: Iterable[float] = (),
    ) -> None:
        self._loss = list(loss)
        self._learning_rate = list(learning_rate)
        self._unread: list[npt.NDArray[np.float64]] = []
        self.validation_loss = list(validation_loss)
        self.validation_score = list(validation_score)
        self.seconds = seconds
        self.samples = samples
        self.stopped = stopped

    @property
    def loss(self) -> list[float]:
        self.read()
        return self._loss

    @loss.setter
    def loss(self, losses: Iterable[float]) -> None:
        self._loss = list(losses)
        self._unread.clear()

    @property
    def learning_rate(self) -> list[float]:
        self.read()
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rates: Iterable[float]) -> None:
        self.read()
        self._learning_rate = list(rates)

    def read(self) -> None:
        """Make numbers of what training has appended: up to 180 ns an epoch, in as much as 2-3-1 trains one."""
        if not self._unread:  # all is in its place, whoever has read it
            return
        with _reading:
            while self._unread:
                record = self._unread[0]
                losses, rates = record.tolist()
                unknown = [math.nan] * (len(self._loss) - len(self._learning_rate))
                last = self._learning_rate[-1] if self._learning_rate else math.nan
                rates = [last if rate == last else rate for rate in rates]  # one object for all that are equal
                if math.isnan(rates[0]):  # of an optimizer that has none
                    rates, unknown = [], []
                # No call stands from here until all is in its place: after any may come Ctrl-C, or a handler.
                if not self._unread or self._unread[0] is not record:
                    continue
                self._learning_rate += unknown
                self._learning_rate += rates
                self._loss += losses
                del self._unread[0]

    @property
    def unread(self) -> list[npt.NDArray[np.float64]]:
        """Arrays (2, n) of losses and learning rates of the latest epochs, to which training appends."""
        return self._unread

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        with _reading:
            unread: int = sum([record.shape[1] for record in self._unread])
            return len(self._loss) + unread

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, of the highest validation score, without any of the lowest validation loss."""
        for values, sign in ((self.validation_score, -1), (self.validation_loss, 1)):
            known = [(sign * value, i + 1) for i, value in enumerate(values) if not math.isnan(value)]
            if known:
                return min(known)[1]
        return None

    def add_validation_loss(self, loss: float) -> None:
        """Record the validation loss after the latest epoch."""
        self._add(self.validation_loss, loss)

    def add_validation_score(self, score: float) -> None:
        """Record the validation score after the latest epoch."""
        self._add(self.validation_score, score)

    def _add(self, series: list[float], value: float) -> None:
        series += [math.nan] * (self.epochs - 1 - len(series))
        series.append(value)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def _fields(self) -> tuple[Any, ...]:
        series = (self.loss, self.validation_loss, self.validation_score, self.learning_rate)
        # NaN is like NaN here.
        return *([None if x != x else x for x in values] for values in series), self.seconds, self.samples, self.stopped

    def __repr__(self) -> str:
        loss = f", loss={self.loss[-1]:.6g}" if self.loss else ""
        validation = f", validation_loss={self.validation_loss[-1]:.6g}" if self.validation_loss else ""
        score = f", validation_score={self.validation_score[-1]:.6g}" if self.validation_score else ""
        return f"History(epochs={self.epochs}{loss}{validation}{score}, stopped={self.stopped!r})"

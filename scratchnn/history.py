"""What training recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["History"]


class History:
    """The course of a network's training, over all calls of ``train``.

    Attributes
    ----------
    loss : list of float
        Training loss of each epoch: the mean over its samples of their batch's loss as it was seen, penalties
        included (docs/math.md, eq. 67).
    validation_loss : list of float
        Loss on the validation data: entry i belongs to epoch i + 1, and is NaN where that epoch had none.
    seconds : float
        Time spent training.
    samples : int
        Samples trained on in whole epochs, each counted every time.
    stopped : str
        Why the last training ended: "completed", "patience", "callback", "interrupted", "diverged", or
        "" before the first.
    """

    def __init__(
        self,
        loss: Iterable[float] = (),
        validation_loss: Iterable[float] = (),
        seconds: float = 0.0,
        samples: int = 0,
        stopped: str = "",
    ) -> None:
        self._loss = list(loss)
        self._unread: list[npt.NDArray[np.float64]] = []
        self.validation_loss = list(validation_loss)
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

    def read(self) -> None:
        """Make numbers of what training has appended: up to 90 ns an epoch, in as much as 2-3-1 trains one."""
        while self._unread:
            self._loss += self._unread.pop(0).tolist()

    @property
    def unread(self) -> list[npt.NDArray[np.float64]]:
        """Arrays of the losses of the latest epochs, to which training appends."""
        return self._unread

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self._loss) + sum(map(len, self._unread))

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, of the lowest validation loss; None without any."""
        losses = [(loss, i + 1) for i, loss in enumerate(self.validation_loss) if not math.isnan(loss)]
        return min(losses)[1] if losses else None

    def add_validation_loss(self, loss: float) -> None:
        """Record the validation loss after the latest epoch."""
        self.validation_loss += [math.nan] * (self.epochs - 1 - len(self.validation_loss))
        self.validation_loss.append(loss)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def _fields(self) -> tuple[Any, ...]:
        return self.loss, self.validation_loss, self.seconds, self.samples, self.stopped

    def __repr__(self) -> str:
        loss = f", loss={self.loss[-1]:.6g}" if self.loss else ""
        validation = f", validation_loss={self.validation_loss[-1]:.6g}" if self.validation_loss else ""
        return f"History(epochs={self.epochs}{loss}{validation}, stopped={self.stopped!r})"

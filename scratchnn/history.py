"""What training recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["History"]


@dataclass
class History:
    """The course of a network's training, over all calls of ``train``.

    Attributes
    ----------
    loss : list of float
        Mean training loss of each epoch, as its batches were seen.
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

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: float = 0.0
    samples: int = 0
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, of the lowest validation loss; None without any."""
        losses = [(loss, i + 1) for i, loss in enumerate(self.validation_loss) if not math.isnan(loss)]
        return min(losses)[1] if losses else None

    def add_validation_loss(self, loss: float) -> None:
        """Record the validation loss after the latest epoch."""
        self.validation_loss += [math.nan] * (self.epochs - 1 - len(self.validation_loss))
        self.validation_loss.append(loss)

    def __repr__(self) -> str:
        loss = f", loss={self.loss[-1]:.6g}" if self.loss else ""
        validation = f", validation_loss={self.validation_loss[-1]:.6g}" if self.validation_loss else ""
        return f"History(epochs={self.epochs}{loss}{validation}, stopped={self.stopped!r})"

"""Save the network while it is trained."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ..validation import integer
from .base import Callback, Run

if TYPE_CHECKING:
    from ..history import History
    from ..network import NeuralNetwork

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write the model file after every so many epochs, as a whole or not at all.

    A training that goes on from the file, with the arguments of the one that was cut short, ends in the same bits.

    Parameters
    ----------
    path : str or path-like
        Where to; ``{epoch}`` stands for the number of the epoch, ``{epoch:04d}`` for that with four digits.
    every : int
        Write after the epochs whose number is a multiple of it.
    best_only : bool
        Write only after an epoch that was better than all before: by the validation score, without one by the
        validation loss, without that by the training loss.
    keep_last : int, optional
        Remove older files of this training once there are more.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; `keep_last` needs a `path` with ``{epoch}``.

    Examples
    --------
    >>> from scratchnn.callbacks import Checkpoint
    >>> checkpoint = Checkpoint("digits-{epoch:03d}.snn", every=10, keep_last=3)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int = 1,
        best_only: bool = False,
        keep_last: int | None = None,
    ) -> None:
        self._path = os.fspath(path)
        self._every = integer("every", every, 1)
        self._best_only = best_only
        self._keep_last = None if keep_last is None else integer("keep_last", keep_last, 1)
        try:
            changes = self._name(1) != self._name(2)
        except (LookupError, ValueError, AttributeError):
            raise ValueError(
                f"path is {self._path!r}; expected {{epoch}} as its only field, as in {{epoch:04d}}"
            ) from None
        if keep_last is not None and not changes:
            raise ValueError(
                f"keep_last is {keep_last}, but every file has the name {self._path!r}; put {{epoch}} in it"
            )
        self._written: list[str] = []

    def _name(self, epoch: int) -> str:
        return self._path.format(epoch=epoch)

    def on_train_begin(self, network: NeuralNetwork, run: Run) -> None:
        self._run = run
        past = run.values(network.history) if self._best_only else []
        self._best = max((value for value in past if not math.isnan(value)), default=-math.inf)

    def on_epoch_end(self, network: NeuralNetwork, epoch: int, history: History) -> None:
        if self._best_only:
            value = self._run.latest(history)
            if not value > self._best:
                return
            self._best = value
        if epoch % self._every == 0:
            self._save(network, self._name(epoch))

    def _save(self, network: NeuralNetwork, name: str) -> None:
        network.save(name)
        if self._keep_last is not None:
            self._written = [other for other in self._written if other != name] + [name]
            while len(self._written) > self._keep_last:
                with suppress(FileNotFoundError):
                    os.unlink(self._written.pop(0))

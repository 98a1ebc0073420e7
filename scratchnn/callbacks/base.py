"""What a callback is, and the callbacks of one training together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ..history import History
    from ..network import NeuralNetwork

__all__ = ["Callback", "Callbacks", "Function", "Run"]

Function = Callable[["NeuralNetwork", int, "History"], Any]


class Run(NamedTuple):
    """What a call of ``train`` sets out to do.

    Attributes
    ----------
    epochs : int
        How many are to come, at the most.
    n_samples : int
        Of an epoch.
    batch_size : int
    watched : str
        The series of the history that tells better epochs from worse: "validation_score", where greater is better,
        "validation_loss" or "loss".
    """

    epochs: int
    n_samples: int
    batch_size: int
    watched: str

    def latest(self, history: History) -> float:
        """Return what the latest epoch is judged by; greater is better."""
        value: float = getattr(history, self.watched)[-1]
        return value if self.watched == "validation_score" else -value

    def values(self, history: History) -> list[float]:
        """Return what each epoch is judged by; greater is better, and NaN is unknown."""
        series: list[float] = getattr(history, self.watched)
        return list(series) if self.watched == "validation_score" else [-value for value in series]


class Callback:
    """Something to do while a network is trained: a base class whose methods do nothing.

    Training ends where one of ``on_batch_end`` and ``on_epoch_end`` returns True (or NumPy's True); all callbacks are
    still called. They may read the history, save the network, change its parameters, and set
    ``network.learning_rate``, which the next step takes. An exception ends the training, with network and history in
    order, and reaches the caller of ``train``.
    """

    def on_train_begin(self, network: NeuralNetwork, run: Run) -> None:
        """Prepare, before the first step of a call of ``train``."""

    def on_batch_end(self, network: NeuralNetwork, step: int, loss: float) -> Any:
        """See a step: its number, counted over all calls with this optimizer, and the loss of its batch.

        Only where a callback has this method does training return to Python after every batch.
        """

    def on_epoch_end(self, network: NeuralNetwork, epoch: int, history: History) -> Any:
        """See an epoch, numbered from 1 over all calls, with what the history has of it."""

    def on_train_end(self, network: NeuralNetwork, history: History) -> None:
        """Tidy up, however training has ended: ``history.stopped`` tells."""


class Callbacks:
    """All callbacks of one training.

    Parameters
    ----------
    items : sequence of Callback and callable

    Raises
    ------
    TypeError
        If one is neither a Callback nor callable.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        for item in items:
            if not isinstance(item, Callback) and (isinstance(item, type) or not callable(item)):
                name = item.__name__ if isinstance(item, type) else type(item).__name__
                what = "a Callback, a callable(network, epoch, history), or a list of them"
                raise TypeError(f"callback is {name}; expected {what}")
        self._objects = [item for item in items if isinstance(item, Callback)]
        self._after_batches = [item.on_batch_end for item in self._objects if _has(item, "on_batch_end")]
        self._after_epochs = [
            item.on_epoch_end if isinstance(item, Callback) else item
            for item in items
            if not isinstance(item, Callback) or _has(item, "on_epoch_end")
        ]
        self._begun: list[Callback] = []

    @property
    def see_batches(self) -> bool:
        return bool(self._after_batches)

    @property
    def see_epochs(self) -> bool:
        return bool(self._after_epochs)

    def begin(self, network: NeuralNetwork, run: Run) -> None:
        for callback in self._objects:
            self._begun.append(callback)
            callback.on_train_begin(network, run)

    def batch_end(self, network: NeuralNetwork, step: int, loss: float) -> bool:
        answers = [see(network, step, loss) for see in self._after_batches]  # all are called
        return any(map(_is_true, answers))

    def epoch_end(self, network: NeuralNetwork, epoch: int, history: History) -> bool:
        answers = [see(network, epoch, history) for see in self._after_epochs]
        return any(map(_is_true, answers))

    def end(self, network: NeuralNetwork, history: History) -> None:
        """Call on_train_end of all that have begun, the last first, even where one of them fails."""
        with ExitStack() as stack:
            for callback in self._begun:
                stack.callback(callback.on_train_end, network, history)


def _has(callback: Callback, method: str) -> bool:
    """Whether the callback has a method of its own."""
    return getattr(getattr(callback, method), "__func__", None) is not getattr(Callback, method)


def _is_true(answer: Any) -> bool:
    return isinstance(answer, (bool, np.bool_)) and bool(answer)

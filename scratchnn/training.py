"""A call of ``train``: what it was asked, checked before anything changes, and how it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import threads
from .core.data import Source
from .core.penalties import Penalties
from .core.team import Team
from .core.trainer import Trainer
from .errors import DivergenceError
from .optimizers import Optimizer
from .validation import as_order, integer

if TYPE_CHECKING:
    from .network import Callback, NeuralNetwork

__all__ = ["Data", "Plan"]

Array = npt.NDArray[Any]

# Epochs of one call below Python where nobody looks on in between: bounds the memory of their losses.
EPOCHS_IN_A_CALL = 1 << 16


def _is_true(answer: Any) -> bool:
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


class Data(NamedTuple):
    """Samples that have been checked."""

    inputs: Source
    targets: Source
    sample_weight: Source | None = None

    @property
    def n_samples(self) -> int:
        return self.inputs.n_rows

    @property
    def weight(self) -> float:
        """What all samples weigh together."""
        if self.sample_weight is None:
            return self.n_samples
        return float(self.sample_weight.array.sum(dtype=np.float64))


class Plan:
    """One training of one network; its arguments are those of ``NeuralNetwork.train``."""

    def __init__(
        self,
        network: NeuralNetwork,
        data: Data,
        *,
        epochs: int,
        batch_size: int | str,
        shuffle: bool | Callable[[int], Any],
        optimizer: Optimizer,
        penalties: Penalties | None,
        validation: Data | None,
        patience: int | None,
        restore_best: bool,
        callback: Callback | None,
        n_threads: int | None,
    ) -> None:
        self.network = network
        self.data = data
        self.epochs = integer("epochs", epochs, 0)
        n_samples = data.n_samples
        self.batch_size = n_samples if batch_size == "full" else min(n_samples, self._batch_size(batch_size))
        self.order_of = shuffle if callable(shuffle) else None
        if self.order_of is None and not isinstance(shuffle, (bool, np.bool_)):
            raise TypeError(f"shuffle is {type(shuffle).__name__}; expected True, False or a callable(epoch)")
        self.shuffle = self.order_of is not None or bool(shuffle)
        self.optimizer = optimizer
        self.penalties = penalties
        self.validation = validation
        self.patience = None if patience is None else integer("patience", patience, 1)
        self.restore_best = restore_best
        self.callback = callback
        self.n_threads_given = None if n_threads is None else integer("n_threads", n_threads, 1, threads.MOST)
        if patience is not None and validation is None:
            raise ValueError(f"patience is {patience}, but there is no validation_data to watch")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback is {type(callback).__name__}; expected a callable(network, epoch, history)")
        if not any(layer.trainable for layer in network.layers):
            raise ValueError("no layer is trainable; expected one with layers[i].trainable = True")
        epsilon = optimizer.hyperparameters().get("epsilon")
        tiny = float(np.finfo(network.dtype).tiny)
        if epsilon is not None and epsilon < tiny:  # training flushes denormal numbers to zero
            raise ValueError(f"epsilon is {epsilon!r}; expected at least {tiny:.3g} for {network.dtype}")
        for i, layer in enumerate(network.layers):
            for name in ("weights", "biases"):
                values = getattr(layer, name)
                if values is not None and not np.isfinite(values).all():
                    raise ValueError(f"layers[{i}].{name} hold NaN or infinity; expected finite numbers")

    @staticmethod
    def _batch_size(batch_size: int | str) -> int:
        if isinstance(batch_size, str):
            raise ValueError(f"batch_size is {batch_size!r}; expected an integer >= 1 or 'full'")
        return integer("batch_size", batch_size, 1)

    def run(self) -> None:
        """Train, and leave network and history in order however it ends."""
        network, history = self.network, self.network.history
        order = self._next_order() if self.epochs else None  # an error in it changes nothing
        states, steps = network._state_for(self.optimizer)
        trainer = Trainer(
            network._step(self.data, self.batch_size, in_order=not self.shuffle, penalties=self.penalties),
            (self.optimizer.name, tuple(self.optimizer.hyperparameters().values()), states),
            steps=steps,
            shuffle=self.shuffle,
            seed=network.seed,
            counter=network._random_counter,
        )
        n_steps = self.epochs * -(-self.data.n_samples // self.batch_size)
        self.team = Team(threads.choose(self.n_threads_given, trainer.work_of_a_step(), n_steps))
        network._optimizer, network._states, network._steps = self.optimizer, states, steps
        history.stopped = ""
        try:
            with self.team:
                history.stopped = self._run_epochs(trainer, order)
        except DivergenceError:
            history.stopped = "diverged"
            raise
        except BaseException:
            history.stopped = "interrupted"
            raise

    def _next_order(self) -> Array | None:
        """Return the samples' order in the next epoch, where a function of the caller's tells it."""
        if self.order_of is None:
            return None
        epoch = self.network.history.epochs + 1
        return as_order(f"shuffle({epoch})", self.order_of(epoch), self.data.n_samples)

    def _run_epochs(self, trainer: Trainer, order: Array | None) -> str:
        if self.callback is None and self.validation is None and order is None:
            for done in range(0, self.epochs, EPOCHS_IN_A_CALL):
                self._advance(trainer, min(EPOCHS_IN_A_CALL, self.epochs - done))
            return "completed"
        network, history = self.network, self.network.history
        best_loss, best_parameters, since_best = math.inf, None, 0
        stopped = "completed"
        for epoch in range(self.epochs):
            if epoch > 0:
                order = self._next_order()
            self._advance(trainer, 1, order)
            history.read()
            if self.validation is not None:
                loss = network._evaluate(self.validation, self.team)
                history.add_validation_loss(loss)
                since_best += 1
                if loss < best_loss:
                    best_loss, since_best = loss, 0
                    best_parameters = network._parameters.copy() if self.patience else None
            if self.callback is not None and _is_true(self.callback(network, history.epochs, history)):
                stopped = "callback"
                break
            if self.patience is not None and since_best >= self.patience:
                stopped = "patience"
                break
        if self.patience is not None and self.restore_best and best_parameters is not None:
            network._parameters[...] = best_parameters
        return stopped

    def _advance(self, trainer: Trainer, epochs: int, order: Array | None = None) -> None:
        """Train for some epochs in one call below Python; the network's counters are right after it."""
        network, history = self.network, self.network.history
        start, samples_before = time.perf_counter(), history.samples - trainer.samples
        try:
            status, interruption = trainer.run(epochs, self.team, history.unread, order)
        finally:
            # Ctrl-C may come right after the call has returned. No call stands before the counters are kept, not
            # even the network's __setattr__.
            history.samples = samples_before + trainer.samples
            network.__dict__["_steps"], network.__dict__["_random_counter"] = trainer.steps, trainer.counter
            history.seconds += time.perf_counter() - start
        if status == "diverged":
            what = "a parameter" if trainer.loss_finite else "the loss"
            epoch = history.epochs + 1
            before = f"of epoch {epoch - 1}" if epoch > 1 else "from before"
            if not trainer.snapshot_taken:
                what, before = "a parameter that a callback has written", f"with which epoch {epoch - 1} began"
            raise DivergenceError(
                f"training diverged in epoch {epoch}: {what} is no longer finite. The network keeps the parameters "
                f"{before}. Try a smaller learning rate than {self.optimizer.learning_rate:g}, or scale inputs and "
                "targets to about 1",
                epoch,
            )
        if interruption is not None:
            raise interruption

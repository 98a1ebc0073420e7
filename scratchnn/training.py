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
from .core.full_batch import FullBatchTrainer
from .core.penalties import Penalties
from .core.team import Team
from .core.trainer import Trainer
from .errors import DivergenceError
from .optimizers import LBFGS, Optimizer
from .validation import as_order, integer

if TYPE_CHECKING:
    from .network import Callback, NeuralNetwork

__all__ = ["Data", "Plan"]

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
        batch_size: int | str | None,
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
        self.batch_size = self._batch_size(batch_size, data.n_samples, isinstance(optimizer, LBFGS))
        self.shuffle = bool(shuffle)
        self.order = shuffle if callable(shuffle) else None
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
        if isinstance(optimizer, LBFGS):
            self._check_full_batch()
        network._check_batches(data.n_samples, self.batch_size)
        if all(not layer.trainable for layer in network.layers):
            raise ValueError("no layer is trainable: set trainable of one to True")
        epsilon = optimizer.hyperparameters().get("epsilon")
        tiny = float(np.finfo(network.dtype).tiny)
        if epsilon is not None and epsilon < tiny:  # training flushes denormal numbers to zero
            raise ValueError(f"epsilon is {epsilon!r}; expected at least {tiny:.3g} for {network.dtype}")
        for i, layer in enumerate(network.layers):
            for name in ("weights", "biases", "gain", "shift", "running_mean", "running_variance"):
                values = getattr(layer, name)
                if values is not None and not np.isfinite(values).all():
                    raise ValueError(f"layers[{i}].{name} hold NaN or infinity; expected finite numbers")

    @staticmethod
    def _batch_size(batch_size: int | str | None, n_samples: int, full: bool) -> int:
        """Return the number of samples in a batch; where none is given, all of them or one."""
        if batch_size == "full" or (batch_size is None and full):
            return n_samples
        if isinstance(batch_size, str):
            raise ValueError(f"batch_size is {batch_size!r}; expected an integer >= 1 or 'full'")
        return min(n_samples, 1 if batch_size is None else integer("batch_size", batch_size, 1))

    def _check_full_batch(self) -> None:
        """Refuse what L-BFGS, which minimises one function of the parameters, can do nothing with."""
        if self.batch_size != self.data.n_samples:
            raise ValueError(
                f"batch_size is {self.batch_size}, of {self.data.n_samples} samples; lbfgs takes all at once: leave "
                "it out, or give 'full'"
            )
        if self.shuffle:
            raise ValueError("shuffle is given, but lbfgs takes all samples at once: leave it out")
        if self.network._noise() is not None:
            raise ValueError("lbfgs minimises one function, and dropout and input noise make every step's another")
        if self.penalties is not None and not self.penalties.only_in_loss:
            raise ValueError(
                "regularization has weight_decay, max_norm, clip_value or clip_norm, which are no part of the loss "
                "that lbfgs minimises; expected l1 and l2 alone"
            )

    def run(self) -> None:
        """Train, and leave network and history in order however it ends."""
        network, history = self.network, self.network.history
        states, steps = network._state_for(self.optimizer)
        trainer = self._trainer(states, steps)
        n_steps = self.epochs * -(-self.data.n_samples // self.batch_size)
        self.team = Team(threads.choose(self.n_threads_given, trainer.work_of_a_step(), n_steps))
        network._optimizer, network._states, network._steps = self.optimizer, states, steps
        history.stopped = ""
        try:
            with self.team:
                history.stopped = self._run_epochs(trainer)
        except DivergenceError:
            history.stopped = "diverged"
            raise
        except BaseException:
            history.stopped = "interrupted"
            raise

    def _trainer(self, states: list[npt.NDArray[Any]], steps: int) -> Trainer | FullBatchTrainer:
        network, optimizer = self.network, self.optimizer
        step = network._step(self.data, self.batch_size, in_order=not self.shuffle, penalties=self.penalties)
        self.noise = step.noise
        if isinstance(optimizer, LBFGS):
            tolerances = optimizer.gradient_tolerance, optimizer.function_tolerance
            settings = optimizer.memory, optimizer.max_evaluations, *tolerances
            return FullBatchTrainer(step, network._parameters, settings, steps, network._random_counter)
        return Trainer(
            step,
            (optimizer.name, tuple(optimizer.hyperparameters().values()), states),
            steps=steps,
            shuffle=self.shuffle,
            seed=network.seed,
            counter=network._random_counter,
        )

    def _run_epochs(self, trainer: Trainer | FullBatchTrainer) -> str:
        if self.callback is None and self.validation is None and self.order is None:
            status = "completed"
            for done in range(0, self.epochs, EPOCHS_IN_A_CALL):
                status = self._advance(trainer, min(EPOCHS_IN_A_CALL, self.epochs - done))
                if status != "completed":
                    break
            return status
        network, history = self.network, self.network.history
        best_loss, best_parameters, since_best = math.inf, None, 0
        stopped = "completed"
        for _ in range(self.epochs):
            before = history.epochs
            stopped = self._advance(trainer, 1)
            history.read()
            if history.epochs == before:
                break
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
            if stopped != "completed":
                break
        if self.patience is not None and self.restore_best and best_parameters is not None:
            network._parameters[...] = best_parameters
        return stopped

    def _advance(self, trainer: Trainer | FullBatchTrainer, epochs: int) -> str:
        """Train for some epochs in one call below Python, and return "completed" or why there were fewer.

        The network's counters are right after it.
        """
        network, history = self.network, self.network.history
        order = None if self.order is None else as_order(self.order(history.epochs + 1), self.data.n_samples)
        start, samples_before = time.perf_counter(), history.samples - trainer.samples
        try:
            status, interruption = trainer.run(epochs, self.team, history.unread, order)
        finally:
            # Ctrl-C may come right after the call has returned. No call stands before the counters are kept, not
            # even the network's __setattr__.
            history.samples = samples_before + trainer.samples
            network.__dict__["_steps"], network.__dict__["_random_counter"] = trainer.steps, trainer.counter
            if self.noise is not None:
                network.__dict__["_noise_counter"] = self.noise.counter
            history.seconds += time.perf_counter() - start
        if status == "diverged":
            raise self._divergence(trainer)
        if interruption is not None:
            raise interruption
        return status

    def _divergence(self, trainer: Trainer | FullBatchTrainer) -> DivergenceError:
        epoch = self.network.history.epochs + 1
        before = f"of epoch {epoch - 1}" if epoch > 1 else "from before"
        if isinstance(trainer, FullBatchTrainer):
            what = "the loss or its gradient"
        elif not trainer.snapshot_taken:
            what, before = "a parameter that a callback has written", f"with which epoch {epoch - 1} began"
        else:
            what = "a parameter" if trainer.loss_finite else "the loss"
        return DivergenceError(
            f"training diverged in epoch {epoch}: {what} is no longer finite. The network keeps the parameters "
            f"{before}. {self.optimizer.remedy}",
            epoch,
        )

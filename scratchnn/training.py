"""A call of ``train``: what it was asked, checked before anything changes, and how it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import metrics, threads
from .callbacks.base import Callbacks, Run
from .core.full_batch import FullBatchTrainer
from .core.penalties import Penalties
from .core.team import Team
from .core.trainer import Trainer
from .data import Data, HeldOut
from .errors import DivergenceError
from .optimizers import LBFGS, Optimizer
from .rates import Rates
from .schedules import Schedule
from .stopping import EarlyStopping
from .validation import as_order, integer, number

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = ["Plan"]

# Epochs of one call below Python where nobody looks on in between: bounds the memory of their losses.
EPOCHS_IN_A_CALL = 1 << 16


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
        schedule: Schedule | None,
        held_out: HeldOut | None,
        scorer: str | metrics.Scorer | None,
        patience: int | None,
        min_delta: float,
        restore_best: bool,
        max_steps: int | None,
        max_seconds: float | None,
        callbacks: Sequence[Any],
        n_threads: int | None,
    ) -> None:
        self.network = network
        self.data = data
        self.epochs = integer("epochs", epochs, 0)
        self.batch_size = self._batch_size(batch_size, data.n_samples, isinstance(optimizer, LBFGS))
        self.order = shuffle if callable(shuffle) else None
        if self.order is None and not isinstance(shuffle, (bool, np.bool_)):
            raise TypeError(f"shuffle is {type(shuffle).__name__}; expected True, False or a callable(epoch)")
        self.shuffle = self.order is not None or bool(shuffle)
        self.optimizer = optimizer
        self.penalties = penalties
        self.schedule = schedule
        self.held_out = held_out
        self.scorer = None if scorer is None else metrics.scorer(scorer)
        self.patience = None if patience is None else integer("patience", patience, 1)
        self.min_delta = number("min_delta", min_delta, least=0)
        self.restore_best = bool(restore_best)
        self.max_steps = None if max_steps is None else integer("max_steps", max_steps, 1)
        self.max_seconds = None if max_seconds is None else number("max_seconds", max_seconds, above=0)
        self.callbacks = Callbacks(callbacks)
        self.n_threads_given = None if n_threads is None else integer("n_threads", n_threads, 1, threads.MOST)
        if scorer is not None and held_out is None:
            raise ValueError(f"scorer is {scorer!r}, but there is no validation_data to score")
        if isinstance(optimizer, LBFGS):
            self._check_full_batch()
        network._check_batches(data.n_samples, self.batch_size)
        network._check_trainable()
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
        if self.schedule is not None:
            raise ValueError(f"schedule is {self.schedule!r}, but lbfgs has no learning rate: leave it out")
        if self.penalties is not None and not self.penalties.only_in_loss:
            raise ValueError(
                "regularization has weight_decay, max_norm, clip_value or clip_norm, which are no part of the loss "
                "that lbfgs minimises; expected l1 and l2 alone"
            )

    def run(self) -> None:
        """Train, and leave network and history in order however it ends."""
        network, history = self.network, self.network.history
        watched = "loss" if self.held_out is None else "validation_loss" if self.scorer is None else "validation_score"
        self.whole = Run(self.epochs, self.data.n_samples, self.batch_size, watched)
        # The first order is asked for before anything changes: an error in it leaves the network as it was.
        self.first_order = self._order_of(history.epochs + 1) if self.epochs else None
        trainer = self._start()
        history.stopped = ""
        try:
            with self.team:
                self.callbacks.begin(network, self.whole)
                history.stopped = self._run_epochs(trainer)
        except DivergenceError:
            history.stopped = "diverged"
            raise
        except BaseException:
            history.stopped = "interrupted"
            raise
        finally:
            self.callbacks.end(network, history)

    def _order_of(self, epoch: int) -> npt.NDArray[np.int64] | None:
        """Return the order of an epoch's samples, where a function of the caller's tells it."""
        if self.order is None:
            return None
        return as_order(f"shuffle({epoch})", self.order(epoch), self.data.n_samples)

    # ---- the start ----

    def _start(self) -> Trainer | FullBatchTrainer:
        """Return what trains, at the point that an earlier call with an optimizer of the same kind has reached."""
        network = self.network
        states, steps = network._state_for(self.optimizer)
        goes_on = states is network._states
        trainer = self._trainer(states, steps, goes_on)
        n_steps = self.epochs * -(-self.data.n_samples // self.batch_size)
        n_threads = threads.choose(self.n_threads_given, trainer.work_of_a_step(), n_steps)
        self.team = Team(1 if network._loss.in_python else n_threads)
        changed = {"_optimizer": self.optimizer, "_states": states, "_steps": steps, "_schedule": self.schedule}
        if self.schedule is None or not goes_on or self.schedule != network._schedule:
            changed["_schedule_start"] = steps, network.history.epochs
        if not goes_on:
            changed["_unfinished"] = None
        network.__dict__.update(changed)  # all or nothing, whether Ctrl-C comes or memory ends
        return trainer

    def _trainer(self, states: list[npt.NDArray[Any]], steps: int, goes_on: bool) -> Trainer | FullBatchTrainer:
        network, optimizer = self.network, self.optimizer
        step = network._step(self.data, self.batch_size, in_order=not self.shuffle, penalties=self.penalties)
        self.noise = step.noise
        if isinstance(optimizer, LBFGS):
            tolerances = optimizer.gradient_tolerance, optimizer.function_tolerance
            settings = optimizer.memory, optimizer.max_evaluations, *tolerances
            return FullBatchTrainer(step, network._parameters, settings, steps, network._random_counter)
        first, epoch_loss, epoch_penalty = 0, 0.0, 0.0
        if goes_on and network._unfinished is not None and network._unfinished[:3] == self._batches():
            first, epoch_loss, epoch_penalty = network._unfinished[3:]
        return Trainer(
            step,
            (optimizer.name, tuple(optimizer.hyperparameters().values()), states),
            steps=steps,
            shuffle=self.shuffle,
            seed=network.seed,
            counter=network._random_counter,
            first=first,
            epoch_loss=epoch_loss,
            epoch_penalty=epoch_penalty,
        )

    def _batches(self) -> tuple[int, int, bool]:
        """What an epoch's batches must have in common to be one epoch."""
        return self.data.n_samples, self.batch_size, self.shuffle

    # ---- the course ----

    def _run_epochs(self, trainer: Trainer | FullBatchTrainer) -> str:
        """Train until there is a reason to stop, and return it."""
        network, history, callbacks = self.network, self.network.history, self.callbacks
        deadline = math.inf if self.max_seconds is None else time.perf_counter() + self.max_seconds
        last_epoch, last_step = history.epochs + self.epochs, trainer.steps + (self.max_steps or 0)
        self.rates = Rates(network, trainer, self.whole) if isinstance(trainer, Trainer) else None
        self.early = None
        if self.patience is not None:
            self.early = EarlyStopping(network._parameters, self.patience, self.min_delta, self.restore_best)
        self.ordered = 0  # the epoch whose order the trainer has
        look = callbacks.see_epochs or callbacks.see_batches or self.held_out is not None or self.early is not None
        look = look or self.order is not None or (self.rates is not None and self.rates.look_back)
        stopped = "" if self.epochs else "completed"
        while not stopped:
            steps = None if self.max_steps is None else last_step - trainer.steps
            seconds = None if self.max_seconds is None else deadline - time.perf_counter()
            if steps == 0:
                stopped = "max_steps"
            elif seconds is not None and seconds <= 0:
                stopped = "max_seconds"
            else:
                stopped = self._stretch(trainer, last_epoch - history.epochs, look, steps, seconds)
        if self.early is not None and self.early.finish():
            network._unfinished = None
        return stopped

    def _stretch(
        self,
        trainer: Trainer | FullBatchTrainer,
        epochs: int,
        look: bool,
        max_steps: int | None,
        max_seconds: float | None,
    ) -> str:
        """Train until somebody is to look on, and return why training should stop, if it should."""
        network, history, callbacks = self.network, self.network.history, self.callbacks
        before, steps_before = history.epochs, trainer.steps
        if self.rates is not None:
            self.rates.provide(epochs)
        steps = 1 if callbacks.see_batches else max_steps
        status = self._advance(trainer, 1 if look else min(epochs, EPOCHS_IN_A_CALL), steps, max_seconds)
        ended = history.epochs - before
        stopped = "" if status in ("completed", "paused") else status
        if callbacks.see_batches and trainer.steps > steps_before:
            stopped = "callback" if callbacks.batch_end(network, trainer.steps, trainer.batch_loss) else stopped
        if look and ended:
            stopped = self._look() or stopped
        return stopped or ("completed" if ended == epochs else "")

    def _look(self) -> str:
        """Judge an epoch that has ended, and return why training should stop, if it should."""
        network, history = self.network, self.network.history
        history.read()
        if self.held_out is not None:
            history.add_validation_loss(network._evaluate(self.held_out.data, self.team))
            if self.scorer is not None:
                history.add_validation_score(_score(self.scorer, network, self.held_out))
        value = self.whole.latest(history)
        if self.rates is not None:
            self.rates.see(value)
        if self.early is not None:
            self.early.see(value)
        if self.callbacks.epoch_end(network, history.epochs, history):
            return "callback"
        return "patience" if self.early is not None and self.early.is_over else ""

    def _advance(
        self, trainer: Trainer | FullBatchTrainer, epochs: int, max_steps: int | None, max_seconds: float | None
    ) -> str:
        """Train for a while in one call below Python, and return "completed" or why there were fewer epochs.

        The network's counters are right after it.
        """
        network, history = self.network, self.network.history
        order, epoch = None, history.epochs + 1
        if self.order is not None and self.ordered != epoch:
            order, self.ordered = self._order_of(epoch) if self.first_order is None else self.first_order, epoch
            self.first_order = None
        batches = self._batches()
        start, samples_before = time.perf_counter(), history.samples - trainer.samples
        try:
            status, interruption = trainer.run(epochs, self.team, history.unread, order, max_steps, max_seconds)
        finally:
            # Ctrl-C may come right after the call has returned. No call stands before the counters are kept, not
            # even the network's __setattr__.
            history.samples = samples_before + trainer.samples
            network.__dict__["_steps"], network.__dict__["_random_counter"] = trainer.steps, trainer.counter
            if self.noise is not None:
                network.__dict__["_noise_counter"] = self.noise.counter
            done = trainer.first, trainer.epoch_loss, trainer.epoch_penalty
            network.__dict__["_unfinished"] = batches + done if trainer.first else None
            history.seconds += time.perf_counter() - start
        if status == "diverged":
            raise self._divergence(trainer)
        if interruption is not None:
            raise interruption
        return status

    def _divergence(self, trainer: Trainer | FullBatchTrainer) -> DivergenceError:
        network = self.network
        epoch = network.history.epochs + 1
        before = f"of epoch {epoch - 1}" if epoch > 1 else "from before"
        if isinstance(trainer, FullBatchTrainer):
            what = "the loss or its gradient"
        elif not (trainer.finite_at_start or trainer.snapshot_taken):
            what, before = "a parameter that a callback has written", f"with which epoch {epoch - 1} began"
        else:
            what = "a parameter" if trainer.loss_finite else "the loss"
        remedy = (network.optimizer or self.optimizer).remedy
        return DivergenceError(
            f"training diverged in epoch {epoch}: {what} is no longer finite. The network keeps the parameters "
            f"{before}. {remedy}",
            epoch,
        )


def _score(scorer: metrics.Scorer, network: NeuralNetwork, held_out: HeldOut) -> float:
    score = scorer(network, held_out.X, held_out.y)
    try:
        result = float(score)
    except (TypeError, ValueError):
        raise TypeError(f"the scorer returned {score!r}; expected a number") from None
    if math.isnan(result):
        raise ValueError("the scorer returned NaN; expected a number, greater where the network is better")
    return result

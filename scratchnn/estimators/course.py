"""The course of a stochastic fit: curves, learning rate, when to stop; scikit-learn's rules and words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..history import History
from ..network import NeuralNetwork
from .tasks import Tasks

__all__ = ["Course"]


class Course:
    """What is decided after an epoch. Its attributes outlive a call of fit where training goes on.

    Parameters
    ----------
    early_stopping : bool
        Whether a score on validation data is watched, instead of the loss.
    learning_rate : float
        At the start.
    """

    def __init__(self, *, early_stopping: bool, learning_rate: float) -> None:
        self.loss_curve: list[float] = []
        self.early_stopping = early_stopping
        self.validation_scores: list[float] = []
        self.validation_losses: list[float] = []
        self.best_loss: float | None = None if early_stopping else math.inf
        self.best_score: float | None = -math.inf if early_stopping else None
        self.best_parameters: Any = None
        self.no_improvement = 0
        self.samples = 0
        self.learning_rate = float(learning_rate)

    def begin(
        self,
        settings: Any,
        n_samples: int,
        n_epochs: int,
        watch: Callable[[], tuple[float, float]] | None,
        tasks: Tasks | None,
    ) -> None:
        """Begin a fit: `settings` is the estimator, `watch` computes score and loss on the validation data."""
        self.settings, self.watch, self.tasks = settings, watch, tasks
        self.n_samples, self.n_epochs = n_samples, n_epochs
        self.epochs, self.stopped, self.interrupted = 0, False, False
        if tasks is not None:
            tasks.begin_epoch()

    def end(self) -> None:
        """Forget what belongs to the data of the fit."""
        del self.settings, self.watch, self.tasks

    def after_epoch(self, network: NeuralNetwork, _: int, history: History) -> bool:
        """Record the epoch, change the learning rate if it is time to, and say whether to stop."""
        rate = self.learning_rate
        self._record(network, history.loss[-1])
        if self.settings.solver == "sgd" and self.settings.learning_rate == "invscaling":
            self.learning_rate = self.settings.learning_rate_init / (self.samples + 1) ** self.settings.power_t
        if self.settings.solver != "lbfgs" and self.no_improvement > self.settings.n_iter_no_change:
            self._no_longer_improves()
        if self.tasks is not None:
            self.stopped |= self.tasks.end_epoch()
            if not self.stopped and self.epochs < self.n_epochs:
                self.tasks.begin_epoch()
        if self.learning_rate != rate:
            network.learning_rate = self.learning_rate
        return self.stopped

    def after_all(self, network: NeuralNetwork, losses: list[float]) -> None:
        """Record epochs after which nothing was decided."""
        for loss in losses:
            self._record(network, loss)

    def _record(self, network: NeuralNetwork, loss: float) -> None:
        self.epochs += 1
        self.samples += self.n_samples
        tol, verbose = self.settings.tol, self.settings.verbose
        self.loss_curve.append(loss)
        if verbose:
            print(f"Iteration {self.epochs}, loss = {loss:.8f}")
        score = math.nan if self.watch is None else self._validate(*self.watch())
        if self.early_stopping:
            best = -math.inf if self.best_score is None else self.best_score
            self.no_improvement = self.no_improvement + 1 if score < best + tol else 0
            if score > best:
                self.best_score, self.best_parameters = score, network._parameters.copy()
        else:
            best = math.inf if self.best_loss is None else self.best_loss
            self.no_improvement = self.no_improvement + 1 if loss > best - tol else 0
            self.best_loss = min(best, loss)

    def _validate(self, score: float, loss: float) -> float:
        self.validation_scores.append(score)
        self.validation_losses.append(loss)
        if self.settings.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _no_longer_improves(self) -> None:
        tol, n = self.settings.tol, self.settings.n_iter_no_change
        what = "Validation score" if self.early_stopping else "Training loss"
        message = f"{what} did not improve more than tol={tol:f} for {n} consecutive epochs."
        if not (self.settings.solver == "sgd" and self.settings.learning_rate == "adaptive"):
            self.stopped, outcome = True, "Stopping."
        elif self.learning_rate <= 1e-6:
            self.stopped, outcome = True, "Learning rate too small. Stopping."
        else:
            self.learning_rate /= 5.0
            self.no_improvement, outcome = 0, f"Setting learning rate to {self.learning_rate:f}"
        if self.settings.verbose:
            print(f"{message} {outcome}")

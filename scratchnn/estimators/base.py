"""What classifier and regressor share: parameters, attributes, and a fit in scikit-learn's steps."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .. import diagnosis
from ..architecture import parse_dropout
from ..callbacks import Callback
from ..core import activations
from ..core.names import unknown
from ..errors import DivergenceError
from ..losses import Loss
from ..network import NeuralNetwork
from ..optimizers import LBFGS, AdamHat, Momentum, Nesterov, Optimizer
from ..regularization import Regularization
from ..schedules import Schedule
from ..validation import validation_parts
from .compatibility import CallbackSupportMixin, validate_data
from .course import Course
from .draws import Draws
from .samples import Samples
from .tasks import Tasks

__all__ = ["BaseMLP", "as_tuple"]

Array = npt.NDArray[Any]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)

# SciPy's numbers and words for how L-BFGS ends before it has converged.
LBFGS_ENDS = {
    "completed": (1, "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"),
    "max_evaluations": (1, "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"),
    "line_search": (2, "ABNORMAL: "),
}

# scikit-learn's names of activations that have another one here.
SYNONYMS = {"logistic": "sigmoid"}


class BaseMLP(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """Base of MLPClassifier and MLPRegressor, with scikit-learn's parameters in its order."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str, "array-like"],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "normalization": [str, "array-like", None],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "scale_inputs": [str, "array-like", None],
        "regularization": [Regularization, None],
        "scoring": [str, callable, None],
        "schedule": [str, Schedule, None],
        "callbacks": [list, tuple, callable, Callback, None],
        "max_steps": [Interval(Integral, 1, None, closed="left"), None],
        "max_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "diagnose": ["boolean"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    network_: NeuralNetwork
    _draws: Draws
    _course: Course

    def _set_parameters(self, values: dict[str, Any]) -> None:
        """Keep the arguments of a constructor, given as its locals(), as they are."""
        for name, value in values.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # ---- what was fitted ----

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer: views, so that to write in one changes the network."""
        return [layer.weights for layer in self._fitted("coefs_").layers]

    @coefs_.setter
    def coefs_(self, values: Iterable[Any]) -> None:
        for layer, weights in zip(self._fitted("coefs_").layers, values, strict=True):
            layer.weights = weights

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, the shifts of those that batches normalise: views, as :attr:`coefs_`."""
        layers = self._fitted("intercepts_").layers
        return [np.asarray(layer.shift if layer.biases is None else layer.biases) for layer in layers]

    @intercepts_.setter
    def intercepts_(self, values: Iterable[Any]) -> None:
        for layer, biases in zip(self._fitted("intercepts_").layers, values, strict=True):
            if layer.biases is None:
                layer.shift = biases
            else:
                layer.biases = biases

    @property
    def n_layers_(self) -> int:
        return len(self._fitted("n_layers_").layer_sizes)

    @property
    def n_outputs_(self) -> int:
        return self._fitted("n_outputs_").n_outputs

    @property
    def out_activation_(self) -> str:
        name = self._fitted("out_activation_").layers[-1].activation
        return {"sigmoid": "logistic"}.get(name, name)

    def _fitted(self, name: str) -> NeuralNetwork:
        network: NeuralNetwork | None = self.__dict__.get("network_")
        if network is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r} before it is fitted")
        return network

    # ---- what a subclass says about its targets ----

    @abstractmethod
    def _validate_input(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """Return X and y checked; fitted attributes about y are set where `reset`."""

    @abstractmethod
    def _validate_known(self, X: Any, y: Any) -> tuple[Any, Array]:
        """Return X and y checked against what the estimator was fitted with."""

    @abstractmethod
    def _targets(self, y: Array) -> Array:
        """Return what the network trains on."""

    @abstractmethod
    def _output(self, targets: Array) -> tuple[int, Loss]:
        """Return the number of outputs and the loss."""

    @abstractmethod
    def _output_settings(self, loss: Loss, dtype: np.dtype[Any]) -> dict[str, Any]:
        """Return what the network is told of its outputs beyond the loss, "output_activation" at least."""

    @abstractmethod
    def _weights(self, y: Array, sample_weight: Array | None, *, incremental: bool) -> Array | None:
        """Return the samples' weights, those of their classes included; None for ones."""

    @abstractmethod
    def _stratify(self, targets: Array) -> Array | None:
        """Return by what a split of the samples is stratified."""

    @abstractmethod
    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        """Return the score of the network's outputs, the greater the better."""

    # ---- fit ----

    def _is_stochastic(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, *, incremental: bool = False
    ) -> Self:
        if self.early_stopping and incremental and self.solver != "lbfgs":
            raise ValueError("partial_fit does not support early_stopping=True")
        self._check_scoring()
        hidden = self._hidden_layer_sizes()
        afresh = not hasattr(self, "network_") or not (self.warm_start or incremental)
        if not afresh:
            self._check_architecture(hidden)
        X, y = self._validate_input(X, y, incremental=incremental, reset=afresh)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        weights = self._weights(y, sample_weight, incremental=incremental)
        training = Samples(X, y, self._targets(y), weights)
        validation = None if validation_data is None else self._validation(*validation_parts(validation_data))
        anew = afresh or incremental or self._draws.n_samples != training.n
        if anew:
            self._draws = Draws(check_random_state(self.random_state), training.n)
        if afresh:
            self._start(hidden, training)
        if anew:
            self.network_._unfinished = None  # what an epoch of other samples has left
        self._set_noise()
        if self.solver != "lbfgs" and validation is None and self.early_stopping:
            parts = self._draws.split(self.validation_fraction, self._stratify(training.targets))
            training, validation = map(training.take, parts)
        try:
            self._train(training, validation, 1 if incremental else self.max_iter)
        except DivergenceError as error:
            self._diagnose(training)
            raise ValueError(NOT_FINITE) from error
        if not incremental:
            self._warn()
        self._diagnose(training)
        return self

    def _diagnose(self, training: Samples) -> None:
        if self.diagnose:
            found = self.network_.diagnose(training.X, training.targets, sample_weight=training.weights)
            diagnosis.warn(found, stacklevel=5)

    def _validation(self, X: Any, y: Any, sample_weight: Any) -> Samples:
        """Return validation data of the caller's, checked against what the estimator was fitted with."""
        X, y = self._validate_known(X, y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return Samples(X, y, self._targets(y), sample_weight)

    def _check_scoring(self) -> None:
        if isinstance(self.scoring, str) and self.scoring not in (names := ["loss", *get_scorer_names()]):
            message = f"The 'scoring' parameter of {type(self).__name__} is {self.scoring!r}: "
            raise InvalidParameterError(message + unknown("scorer", self.scoring, names))

    def _hidden_layer_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if isinstance(sizes, Iterable) else [sizes]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return tuple(int(size) for size in sizes)

    def _activations(self, n_hidden: int) -> list[str]:
        given = self.activation
        names = [given] * n_hidden if isinstance(given, str) else list(given)
        if len(names) != n_hidden:
            raise InvalidParameterError(
                f"The 'activation' parameter of {type(self).__name__} has {len(names)} names for {n_hidden} hidden "
                "layers."
            )
        return [self._activation("activation", name) for name in names]

    def _activation(self, parameter: str, name: Any) -> str:
        """Return the library's name of an activation that a parameter names."""
        try:
            return str(activations.get(SYNONYMS.get(name, name)))
        except (TypeError, ValueError):
            message = f"The {parameter!r} parameter of {type(self).__name__} is {name!r}: "
            known = [*SYNONYMS, *activations.names()]
            raise InvalidParameterError(message + unknown("activation", name, known)) from None

    def _start(self, hidden: tuple[int, ...], training: Samples) -> None:
        """Make the network, with scikit-learn's starting values, and forget what was fitted."""
        n_outputs, loss = self._output(training.targets)
        settings = self._output_settings(loss, training.X.dtype)
        activation = [*self._activations(len(hidden)), settings.pop("output_activation")]
        sizes = (training.X.shape[1], *hidden, n_outputs)
        sigmoid = {SYNONYMS.get(name, name) for name in np.atleast_1d(self.activation)} == {"sigmoid"}
        weights, biases = self._draws.initial_parameters(sizes, 2.0 if sigmoid else 6.0, training.X.dtype)
        self.network_ = NeuralNetwork(
            sizes,
            activation=activation,
            loss=loss,
            normalization=as_tuple(self.normalization),
            weight_init=weights,
            bias_init=biases,
            scale_inputs=as_tuple(self.scale_inputs),
            dtype=training.X.dtype,
            seed=self._draws.seed(),
            **settings,
        )
        self._made_with = self._architecture(hidden)
        self._course = Course(
            early_stopping=self.early_stopping and self.solver != "lbfgs", learning_rate=self.learning_rate_init
        )

    def _architecture(self, hidden: tuple[int, ...]) -> dict[str, Any]:
        """Return what the network is made with, and a fit that goes on cannot change."""
        names = ("activation", "loss", "normalization", "scale_inputs", "output_activation", "scale_targets", "bounds")
        given = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {"hidden_layer_sizes": hidden} | {name: _comparable(value) for name, value in given.items()}

    def _check_architecture(self, hidden: tuple[int, ...]) -> None:
        for name, value in self._architecture(hidden).items():
            if value != self._made_with[name]:
                raise ValueError(
                    f"{name} is {value!r}, the fitted network has {self._made_with[name]!r}; a fit that goes on cannot "
                    "change it"
                )

    def _set_noise(self) -> None:
        rates = parse_dropout(as_tuple(self.dropout), len(self.network_.layers) - 1)
        self.network_._set_noise(rates, self.input_dropout, self.input_noise)

    def _train(self, training: Samples, validation: Samples | None, epochs: int) -> None:
        course, network, tasks = self._course, self.network_, None
        if getattr(self, "_skl_callbacks", None):
            tasks = Tasks(self, epochs, training.for_callbacks(), self._fitted_attributes)
        course.begin(self, training.n, epochs, self._watch(validation), tasks)
        regularization = Regularization(l2=self.alpha, per_sample=True)
        settings: dict[str, Any] = {}
        if self.solver != "lbfgs":
            settings["batch_size"] = self._batch_size(training.n)
            settings["shuffle"] = self._draws.orders(training.n) if self.shuffle else False
        given = self.callbacks
        more = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
        # L-BFGS stays below Python where nobody waits for what an iteration brought.
        looks_on = self.solver != "lbfgs" or self.verbose or validation is not None or tasks is not None
        epochs_before = network.history.epochs
        try:
            network.train(
                training.X,
                training.targets,
                epochs=epochs,
                optimizer=self._optimizer(),
                sample_weight=training.weights,
                regularization=regularization if self.regularization is None else self.regularization,
                schedule=self.schedule,
                max_steps=self.max_steps,
                max_seconds=self.max_seconds,
                callback=[*([course.after_epoch] if looks_on else []), *more],
                n_threads=self.n_threads,
                **settings,
            )
            course.stopped |= network.history.stopped != "completed"
        except KeyboardInterrupt:
            course.interrupted = True
            warnings.warn("Training interrupted by user.", stacklevel=4)
        finally:
            if not looks_on:
                course.after_all(network, network.history.loss[epochs_before:])
            course.end()
            self._keep(course)
        if course.best_parameters is not None:
            network._parameters[...] = course.best_parameters
            network._unfinished = None
        if tasks is not None:
            tasks.end()

    def _warn(self) -> None:
        """Say so where the fit has ended before it converged, in scikit-learn's words."""
        n, stopped = self._course.epochs, self.network_.history.stopped
        if self._course.interrupted or stopped == "converged":
            return
        if self.solver != "lbfgs":
            if self._course.stopped:
                return
            message = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet."
            )
        else:
            status, why = LBFGS_ENDS.get(stopped, LBFGS_ENDS["completed"])
            message = f"lbfgs failed to converge after {n} iteration(s) (status={status}):\n{why}\n"
            if n == self.max_iter:
                message += f"\nIncrease the number of iterations to improve the convergence (max_iter={self.max_iter})."
            message += (
                "\nYou might also want to scale the data as shown in:\n"
                "    https://scikit-learn.org/stable/modules/preprocessing.html"
            )
        warnings.warn(message, ConvergenceWarning, stacklevel=5)

    def _watch(self, validation: Samples | None) -> Callable[[], tuple[float, float]] | None:
        """Return a function that computes (score, loss) on the validation data."""
        if validation is None:
            return None
        X, y, targets, weights = validation
        scorer = None if self.scoring in (None, "loss") else check_scoring(self, self.scoring)

        def watch() -> tuple[float, float]:
            loss = self.network_.evaluate(X, targets, sample_weight=weights)
            if scorer is not None:
                return float(scorer(self, X, y) if weights is None else scorer(self, X, y, sample_weight=weights)), loss
            if self.scoring == "loss":
                return -loss, loss
            outputs = self.network_.predict(X)
            return self._score_outputs(y, outputs, weights) if np.isfinite(outputs).all() else math.nan, loss

        return watch

    def _fitted_attributes(self) -> dict[str, Any]:
        """Return what a copy of the estimator needs to predict as this one would now."""
        return {"network_": self.network_.copy()}

    def _batch_size(self, n_samples: int) -> int:
        if self.batch_size == "auto":
            return min(200, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return min(int(self.batch_size), n_samples)

    def _optimizer(self) -> Optimizer:
        if self.solver == "lbfgs":
            return LBFGS(max_evaluations=self.max_fun, gradient_tolerance=self.tol)
        rate = self._course.learning_rate
        if self.solver == "adam":
            return AdamHat(rate, self.beta_1, self.beta_2, self.epsilon)
        return (Nesterov if self.nesterovs_momentum else Momentum)(rate, self.momentum)

    def _keep(self, course: Course) -> None:
        """Set the fitted attributes that tell the course of the fit."""
        self.loss_curve_ = course.loss_curve
        watched = course.early_stopping or bool(course.validation_scores)
        self.validation_scores_ = course.validation_scores if watched else None
        self.validation_loss_curve_ = course.validation_losses if watched else None
        self.best_loss_, self.best_validation_score_ = course.best_loss, course.best_score
        self.n_iter_, self.t_ = course.epochs, course.samples
        if course.loss_curve:
            self.loss_ = course.loss_curve[-1]

    # ---- predict ----

    def _outputs(self, X: Any) -> Array:
        """Return the network's outputs (n_samples, n_outputs)."""
        if "network_" not in self.__dict__:
            check_is_fitted(self)
        if type(X) is np.ndarray and X.ndim == 2 and "feature_names_in_" not in self.__dict__:
            outputs = self.network_._predictor.predict(X)  # None for what does not fit
            if outputs is not None:
                return np.asarray(outputs)
        return np.asarray(self.network_.predict(self._checked(X)))

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)

    def jacobian(self, X: Any) -> Array:
        """Return the derivative of each of the network's outputs for each feature, (n_samples, n_outputs, n_features).

        Outputs are probabilities of classes (of two, that of the second), rates, or numbers.
        """
        return self.network_.jacobian(self._checked(X))

    def input_gradient(self, X: Any, output: int | None = None) -> Array:
        """Return the derivative of one of the network's outputs for each feature, (n_samples, n_features).

        `output` says which where there are several, such as the place of a class in ``classes_``.
        """
        return self.network_.input_gradient(self._checked(X), output)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def as_tuple(value: Any) -> Any:
    """Return a parameter as a network takes it: a tuple of what can be iterated over, any other as it is."""
    return value if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)


def _comparable(value: Any) -> Any:
    """Return a parameter with tuples throughout."""
    value = as_tuple(value)
    return tuple(map(_comparable, value)) if isinstance(value, tuple) else value

"""The regressor."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metaestimators import available_if

from .. import losses
from ..bounds import Bounds
from ..core.names import unknown
from ..losses import Loss
from .base import BaseMLP, as_tuple
from .compatibility import validate_data, with_callbacks
from .documentation import documented

__all__ = ["MLPRegressor"]

Array = npt.NDArray[Any]


# scikit-learn's names of losses that have another one here, or another meaning.
NAMES = {
    "squared_error": "half_squared_error",
    "poisson": "poisson_deviance",
    "absolute_error": "mean_absolute_error",
}


def r2(y: Array, outputs: Array, weights: Array | None) -> float:
    """Return the mean over outputs of ``1 - sum w (y - a)² / sum w (y - mean y)²``, 0 and 1 where y is constant."""
    w = np.ones(len(y)) if weights is None else weights
    y, outputs = y.astype(np.float64), outputs.astype(np.float64)
    errors = w @ (y - outputs) ** 2
    spread = w @ (y - np.average(y, axis=0, weights=w)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(spread > 0, 1 - errors / spread, np.where(errors > 0, 0.0, 1.0))
    return float(scores.mean())


@documented
class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Predict numbers with a multilayer perceptron: scikit-learn's estimator of this name, trained by this package.

    With several outputs, the loss is the sum of theirs, whose gradient training follows. (scikit-learn follows the same
    gradient, and reports the mean over the outputs of the squared error.)

    Parameters
    ----------
    loss : str, Loss or callable, default="squared_error"
        "squared_error", half of it; "poisson", half the deviance of counts y >= 0, whose rate is the exponential of the
        last layer; "absolute_error", "huber(1.0)"; "quantile(0.05, 0.5, 0.95)", quantiles that do not cross;
        "gaussian", mean and standard deviation; another of ``scratchnn.losses`` (docs/math.md, "Losses"); or a function
        ``(y_true, y_pred) -> (losses of the rows, gradient)``, which is slow.
    {parameters}
    {architecture}
    scale_targets : {"standard", "minmax"}, (shift, scale) or None, default=None
        The same for targets, for the losses of numbers. Losses are those of scaled targets; predictions and scores are
        in the units of the data.
    bounds : (low, high) or None, default=None
        Between which predictions lie and targets must, one of them None for none: the output activation is then sigmoid
        or softplus.
    output_activation : str or None, default=None
        Of the last layer, for losses that leave it open: by default "identity".
    {added}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPClassifier : For classes.
    scratchnn.NeuralNetwork : What it is made of.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> regressor = MLPRegressor(activation="tanh", solver="sgd", learning_rate_init=0.1, max_iter=1000,
    ...                          random_state=1).fit(X, np.sin(X[:, 0]))
    >>> regressor.score(X, np.sin(X[:, 0])) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [str, callable, Loss],
        "scale_targets": [str, "array-like", None],
        "bounds": ["array-like", None],
        "output_activation": [str, None],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        normalization: Any = None,
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        scale_inputs: Any = None,
        scale_targets: Any = None,
        bounds: Any = None,
        output_activation: str | None = None,
        regularization: Any = None,
        scoring: Any = None,
        schedule: Any = None,
        callbacks: Any = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        diagnose: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Train from the beginning, or with `warm_start` go on.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)
            float32 stays float32, with about twice the speed; other numbers become float64.
        y : array-like (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like (n_samples,), optional
            Weights >= 0.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Scored after every epoch; what `early_stopping` watches, in place of a part of X and y.

        Returns
        -------
        MLPRegressor
            Itself.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit, or training leaves the finite numbers.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(BaseMLP._is_stochastic)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these data, all as for :meth:`fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _validate_known(self, X: Any, y: Any) -> tuple[Any, Array]:
        return self._validate_input(X, y, incremental=True, reset=False)

    def _validate_input(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _targets(self, y: Array) -> Array:
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _output(self, targets: Array) -> tuple[int, Loss]:
        loss = self._loss()
        return targets.shape[1] * loss.outputs_per_target, loss

    def _output_settings(self, loss: Loss, dtype: np.dtype[Any]) -> dict[str, Any]:
        limits = as_tuple(self.bounds)
        bounds = Bounds.parse(limits, dtype)
        default = loss.link or ("identity" if bounds is None else bounds.activation)
        given = self.output_activation
        return {
            "output_activation": default if given is None else self._activation("output_activation", given),
            "scale_targets": as_tuple(self.scale_targets),
            "bounds": limits,
        }

    def _loss(self) -> Loss:
        if not isinstance(self.loss, str):
            loss = losses.get(self.loss)
        else:
            try:
                loss = losses.get(NAMES.get(self.loss) or self.loss)
            except ValueError as error:
                known = [*NAMES, *(name for name in losses.Loss.registry if name not in NAMES.values())]
                names = unknown("loss", self.loss, known) if "unknown" in str(error) else str(error)
                raise InvalidParameterError(f"The 'loss' parameter of MLPRegressor is {self.loss!r}: {names}") from None
        if loss.takes_labels or loss.link == "sigmoid":
            raise InvalidParameterError(f"The 'loss' parameter of MLPRegressor is {self.loss!r}, a loss of classes")
        return loss

    def _stratify(self, targets: Array) -> Array | None:
        return None

    def _weights(self, y: Array, sample_weight: Array | None, *, incremental: bool) -> Array | None:
        return sample_weight

    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        return r2(y.reshape(len(y), -1), self._points(outputs), sample_weight)

    def _points(self, outputs: Array) -> Array:
        """Return one number for each target: the mean, or the quantile nearest to the median."""
        loss = self.network_._loss
        columns = loss.outputs_per_target
        if columns == 1:
            return outputs
        place = 0
        if isinstance(loss, losses.Quantile):
            place = int(np.argmin(np.abs(np.array(loss.levels) - 0.5)))
        return outputs[:, place::columns]

    def predict(self, X: Any) -> Array:
        """Return a number for each row of X (n_samples, n_features), an array or a sparse matrix.

        Of the loss "gaussian" it is the mean, of quantiles the one nearest to the median.

        Returns
        -------
        (n_samples,) or (n_samples, n_targets) array
        """
        points = self._points(self._outputs(X))
        return points.ravel() if points.shape[1] == 1 else points

    def predict_all(self, X: Any) -> Array:
        """Return all that the network says of each target: its quantiles, ascending, or mean and standard deviation.

        Returns
        -------
        (n_samples, k) or (n_samples, n_targets, k) array
        """
        outputs = self._outputs(X)
        columns = self.network_._loss.outputs_per_target
        parts = outputs.reshape(len(outputs), -1, columns)
        return parts[:, 0] if parts.shape[1] == 1 else parts

    def predict_interval(self, X: Any, coverage: float = 0.9) -> tuple[Array, Array]:
        """Return the lower and the upper ends of intervals that hold the target with this probability.

        They need the loss "gaussian", or "quantile" with the levels (1 - coverage)/2 and (1 + coverage)/2.

        Returns
        -------
        two arrays (n_samples,) or (n_samples, n_targets)
        """
        lower, upper = self.network_.predict_interval(self._checked(X), coverage)
        return (lower.ravel(), upper.ravel()) if lower.ndim == 2 and lower.shape[1] == 1 else (lower, upper)

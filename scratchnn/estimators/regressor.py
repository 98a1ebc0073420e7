"""The regressor."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from .. import losses
from ..losses import Loss
from .base import BaseMLP
from .compatibility import validate_data
from .documentation import documented

__all__ = ["MLPRegressor"]

Array = npt.NDArray[Any]


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
    loss : {"squared_error", "poisson"}, default="squared_error"
        Half the squared error; or half the deviance of Poisson counts y >= 0, whose rate is the exponential of the last
        layer (docs/math.md, "Losses").
    {parameters}
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
        "loss": [StrOptions({"squared_error", "poisson"})],
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
        n_threads: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from the beginning, or with `warm_start` go on.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features)
            float32 stays float32, with about twice the speed; other numbers become float64.
        y : array-like (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like (n_samples,), optional
            Weights >= 0.

        Returns
        -------
        MLPRegressor
            Itself.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit, or training leaves the finite numbers.
        """
        return self._fit(X, y, sample_weight)

    @available_if(BaseMLP._is_stochastic)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these data, all as for :meth:`fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

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
        loss = losses.PoissonDeviance() if self.loss == "poisson" else losses.HalfSquaredError()
        return targets.shape[1], loss

    def _stratify(self, targets: Array) -> Array | None:
        return None

    def _weights(self, y: Array, sample_weight: Array | None, *, incremental: bool) -> Array | None:
        return sample_weight

    def _score_outputs(self, y: Array, outputs: Array, sample_weight: Array | None) -> float:
        return r2(y.reshape(len(y), -1), outputs, sample_weight)

    def predict(self, X: Any) -> Array:
        """Return the outputs for each row of X (n_samples, n_features), an array or a sparse matrix.

        Returns
        -------
        (n_samples,) or (n_samples, n_outputs) array
        """
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

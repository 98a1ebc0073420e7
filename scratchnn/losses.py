"""Losses by name, each with its convention of what is averaged (docs/math.md, "Losses").

The functions are in csrc/losses.inc.c and the files beside it. A loss with a `link` takes logits: the network's last
activation must be that link, and the two are computed together, which is exact where the parts would
overflow. To add one, write its function there and its class here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .core import losses as kernels
from .core.names import name_and_parameter, unknown
from .core.random import normal_quantile

__all__ = [
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CrossEntropy",
    "CustomLoss",
    "Focal",
    "GaussianNLL",
    "HalfSquaredError",
    "HalfSumSquaredError",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "PoissonDeviance",
    "Quantile",
    "SummedBinaryCrossEntropy",
    "get",
    "mse_loss",
]

Array = npt.NDArray[Any]
Function = Callable[[Array, Array], tuple[Any, Any]]


class Loss:
    """Base of all losses, which it knows by name and alias."""

    registry: ClassVar[dict[str, type[Loss]]] = {}

    name: str
    alias: ClassVar[str] = ""
    kernel: ClassVar[str]
    in_python: ClassVar[bool] = False
    parameter: ClassVar[str] = ""
    factor: ClassVar[float] = 1.0
    mean_over_samples: ClassVar[bool] = True
    mean_over_outputs: ClassVar[bool] = True
    takes_labels: ClassVar[bool] = False
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    symmetric: ClassVar[bool] = True  # whether it is the same for predictions above the target and below
    link: str = ""
    outputs_per_target: int = 1

    def __init_subclass__(cls) -> None:
        # A subclass without a name of its own is the caller's, and takes none that is known.
        for name in (cls.__dict__.get("name"), cls.__dict__.get("alias")):
            if name and Loss.registry.setdefault(name, cls) is not cls:
                raise TypeError(f"the loss name {name!r} is taken by {Loss.registry[name].__name__}")

    def _set(self, value: Any) -> None:
        setattr(self, self.parameter, kernels.parameter(self.parameter, value))

    def _parameter(self) -> float | tuple[float, ...] | None:
        value: float | tuple[float, ...] | None = getattr(self, self.parameter) if self.parameter else None
        return value

    def __str__(self) -> str:
        value = self._parameter()
        if value is None:
            return self.name
        return f"{self.name}({', '.join(map(repr, value if isinstance(value, tuple) else (value,)))})"

    def __repr__(self) -> str:
        value = self._parameter()
        return f"{type(self).__name__}({'' if value is None else repr(value)})"

    def _kernel(self) -> int | Function:
        return kernels.index(self.kernel)

    def for_kernel(self) -> tuple[int | Function, float, bool, bool, tuple[float, ...]]:
        """Return the loss as scratchnn.core takes it."""
        parameters = kernels.as_kernel(self._parameter())
        return self._kernel(), self.factor, self.mean_over_samples, self.mean_over_outputs, parameters

    @property
    def scales_targets(self) -> bool:
        """Whether targets are numbers of any unit: neither classes nor counts nor probabilities."""
        return not self.takes_labels and self.target_range == (-math.inf, math.inf)

    def of_outputs(self, shift: Array, scale: Array) -> tuple[Array, Array]:
        """Return shift and scale of each output, given those of each target."""
        return np.repeat(shift, self.outputs_per_target), np.repeat(scale, self.outputs_per_target)

    def interval(self, outputs: Array, coverage: float) -> tuple[Array, Array]:
        """Return the ends, each (n_samples, n_targets), that outputs (n_samples, n_outputs) give an interval.

        ValueError where they give none for this coverage.
        """
        raise ValueError(
            f"the loss {str(self)!r} has no intervals; expected 'gaussian', or 'quantile' with both levels"
        )


class MeanSquaredError(Loss):
    """The mean of squares, ``1/(m n) sum (a - y)²``, as in the first article's ``mse_loss``."""

    name = "mean_squared_error"
    alias = "mse"
    kernel = "squared_error"


class HalfSumSquaredError(Loss):
    """Half the sum of squares, ``1/2 sum (a - y)²`` over samples and outputs, as the second article's
    gradient ``(a - y) g'(z)``, summed over the samples, implies."""

    name = "half_sum_squared_error"
    kernel = "squared_error"
    factor = 0.5
    mean_over_samples = False
    mean_over_outputs = False


class HalfSquaredError(Loss):
    """Half the square of the error's norm, ``1/(2m) sum (a - y)²``, summed over outputs and averaged over samples:
    its gradient is scikit-learn's."""

    name = "half_squared_error"
    kernel = "squared_error"
    factor = 0.5
    mean_over_outputs = False


class MeanAbsoluteError(Loss):
    """The mean of absolute errors, ``1/(m n) sum |a - y|``."""

    name = "mean_absolute_error"
    alias = "mae"
    kernel = "absolute_error"


class Huber(Loss):
    """Half the square within delta of the target, linear beyond; averaged (Huber 1964)."""

    name = "huber"
    kernel = "huber"
    parameter = "delta"

    def __init__(self, delta: float = 1.0) -> None:
        self._set(delta)


class Quantile(Loss):
    """The pinball loss of quantiles, ``max(t (y - q), (t - 1) (y - q))`` for every level t, averaged.

    With several levels the network has so many outputs for each target, first those of the first target. They take
    logits: ``q_1 = z_1, q_k = q_(k-1) + softplus(z_k)``, so that quantiles never cross (Koenker & Bassett 1978).

    Parameters
    ----------
    levels : float or sequence of float
        Between 0 and 1, each above the one before; 0.5 is the median.
    """

    name = "quantile"
    kernel = "quantile"
    parameter = "levels"
    link = "quantiles"
    symmetric = False
    levels: tuple[float, ...]

    def __init__(self, levels: float | Sequence[float] = 0.5) -> None:
        self._set(levels)
        self.outputs_per_target = len(self.levels)
        if len(self.levels) == 1:
            self.link = ""

    def interval(self, outputs: Array, coverage: float) -> tuple[Array, Array]:
        quantiles = outputs.reshape(len(outputs), -1, len(self.levels))
        ends = []
        for wanted in ((1 - coverage) / 2, (1 + coverage) / 2):
            nearest = min(range(len(self.levels)), key=lambda k: abs(self.levels[k] - wanted))
            if abs(self.levels[nearest] - wanted) > 1e-12:  # more than rounding in `wanted`
                raise ValueError(
                    f"coverage {coverage:g} needs the levels {(1 - coverage) / 2:g} and {(1 + coverage) / 2:g}; "
                    f"the network has {', '.join(map(repr, self.levels))}"
                )
            ends.append(quantiles[:, :, nearest])
        return ends[0], ends[1]


class GaussianNLL(Loss):
    """The negative log-likelihood of normal distributions, averaged over samples and targets (Nix & Weigend 1994).

    ``(s + (y - mu)² exp(-s) + log 2 pi) / 2`` of two logits for each target, the mean mu and the logarithm s of the
    variance, which counts as at least -40 and at most 40. The network's outputs are mean and standard deviation.
    """

    name = "gaussian"
    kernel = "gaussian"
    link = "gaussian"
    factor = 2.0  # a mean over targets, of which there are half as many as outputs
    outputs_per_target = 2

    def of_outputs(self, shift: Array, scale: Array) -> tuple[Array, Array]:
        shifts, scales = super().of_outputs(shift, scale)
        shifts[1::2] = 0  # a deviation is a difference
        return shifts, scales

    def interval(self, outputs: Array, coverage: float) -> tuple[Array, Array]:
        mean, deviation = outputs[:, ::2], outputs[:, 1::2]
        half_width = normal_quantile((1 + coverage) / 2) * deviation
        return mean - half_width, mean + half_width


class _Smoothed(Loss):
    """Cross-entropies, whose targets may be mixed with equal probabilities for all classes (Szegedy et al. 2016)."""

    parameter = "label_smoothing"
    target_range = (0.0, 1.0)
    label_smoothing: float

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self._set(label_smoothing)

    def __str__(self) -> str:
        return super().__str__() if self.label_smoothing else self.name


class BinaryCrossEntropy(_Smoothed):
    """``-y log p - (1-y) log(1-p)`` with ``p = sigmoid(z)``, averaged over samples and outputs.

    With label smoothing e, y is ``(1-e) y + e/2``.
    """

    name = "binary_cross_entropy"
    alias = "bce"
    kernel = "binary_cross_entropy"
    link = "sigmoid"


class SummedBinaryCrossEntropy(BinaryCrossEntropy):
    """Binary cross-entropy summed over outputs and averaged over samples: that of independent labels."""

    name = "summed_binary_cross_entropy"
    alias = ""
    mean_over_outputs = False


class CrossEntropy(_Smoothed):
    """``-sum_j y_j log p_j`` with ``p = softmax(z)``, averaged over samples.

    With label smoothing e and n classes, y is ``(1-e) y + e/n``.
    """

    name = "cross_entropy"
    kernel = "cross_entropy"
    link = "softmax"
    mean_over_outputs = False
    takes_labels = True


class BinaryFocal(Loss):
    """``-y (1-p)^g log p - (1-y) p^g log(1-p)`` with ``p = sigmoid(z)``, averaged over samples and outputs.

    The greater gamma is, the less do samples count that are right already (Lin et al. 2017).
    """

    name = "binary_focal"
    kernel = "binary_focal"
    parameter = "gamma"
    link = "sigmoid"
    target_range = (0.0, 1.0)

    def __init__(self, gamma: float = 2.0) -> None:
        self._set(gamma)


class Focal(Loss):
    """``-sum_j y_j (1-p_j)^g log p_j`` with ``p = softmax(z)``, averaged over samples (Lin et al. 2017)."""

    name = "focal"
    kernel = "focal"
    parameter = "gamma"
    link = "softmax"
    mean_over_outputs = False
    takes_labels = True
    target_range = (0.0, 1.0)

    def __init__(self, gamma: float = 2.0) -> None:
        self._set(gamma)


class Poisson(Loss):
    """``exp(z) - y z``, the Poisson log-likelihood of counts y with rate exp(z), averaged; log y! is left out."""

    name = "poisson"
    kernel = "poisson"
    link = "exp"
    target_range = (0.0, math.inf)


class PoissonDeviance(Poisson):
    """Half the deviance of Poisson counts, ``exp(z) - y z + y log y - y``, summed over outputs and averaged over
    samples."""

    name = "poisson_deviance"
    kernel = "poisson_deviance"
    mean_over_outputs = False


class CustomLoss(Loss):
    """A loss that a Python function computes, averaged over samples. Slow: Python is called for every batch.

    Training with it has one thread. The network can be copied, and pickled if the function can, but not saved to a
    file.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` of some rows, arrays (n, n_targets) and (n, n_outputs) of the network's dtype,
        which it may change, returns the loss of each row (n,) and its gradient for y_pred (n, n_outputs). A row's must
        not depend on the others. Predictions are outputs, after the last activation; where targets are scaled, both
        are.
    outputs_per_target : int
        How many columns of y_pred stand for one of y_true.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        If `outputs_per_target` is no integer above 0.

    Examples
    --------
    >>> def fourth_power(y_true, y_pred):
    ...     error = y_pred - y_true
    ...     return (error**4).sum(axis=1), 4 * error**3
    >>> from scratchnn import NeuralNetwork
    >>> network = NeuralNetwork([2, 3, 1], loss=fourth_power, seed=1)
    >>> network.loss
    'custom(fourth_power)'
    """

    in_python = True
    mean_over_outputs = False
    symmetric = False  # for all that is known

    def __init__(self, function: Function, outputs_per_target: int = 1) -> None:
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"function is {function!r}; expected a callable(y_true, y_pred)")
        if isinstance(outputs_per_target, bool) or not isinstance(outputs_per_target, (int, np.integer)):
            raise TypeError(f"outputs_per_target is {outputs_per_target!r}; expected an integer >= 1")
        if outputs_per_target < 1:
            raise ValueError(f"outputs_per_target is {outputs_per_target}; expected an integer >= 1")
        self.function = function
        self.outputs_per_target = int(outputs_per_target)
        self.name = f"custom({getattr(function, '__name__', type(function).__name__)})"

    def _kernel(self) -> Function:
        return self.function

    def __repr__(self) -> str:
        return f"CustomLoss({self.function!r}, {self.outputs_per_target})"


def get(loss: str | Loss | Function) -> Loss:
    """Return the loss of a name such as ``"mse"``, ``"huber(0.5)"`` or ``"quantile(0.1, 0.5, 0.9)"``.

    A Python function becomes a :class:`CustomLoss`.

    Raises
    ------
    TypeError
        If `loss` is neither a name, nor a :class:`Loss`, nor a function.
    ValueError
        If the name is unknown (the message names the nearest) or its parameters are out of their range.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type):
        hint = f", such as {loss.__name__}()" if issubclass(loss, Loss) else ""
        raise TypeError(f"loss is the class {loss.__name__}; expected a loss{hint}")
    if callable(loss):
        return CustomLoss(loss)
    if not isinstance(loss, str):
        raise TypeError(f"loss is {type(loss).__name__}; expected a name such as 'mean_squared_error'")
    name, parameter = name_and_parameter(loss)
    cls = Loss.registry.get(name)
    if cls is None:
        raise ValueError(unknown("loss", loss, Loss.registry))
    if parameter is None:
        return cls()
    if not cls.parameter:
        raise ValueError(f"loss {cls.name!r} takes no parameter; {parameter} was given")
    values = [_number(text.strip()) for text in parameter.split(",")]
    return cls(**{cls.parameter: values[0] if len(values) == 1 else values})


def _number(text: str) -> float | str:
    """Return the number that a text is; else the text, for the loss to refuse by what it expects."""
    try:
        return float(text)
    except ValueError:
        return text


def mse_loss(y_true: Any, y_pred: Any) -> float:
    """Compute the mean of squares, ``1/n sum (y_true - y_pred)²``, as in the first article.

    Parameters
    ----------
    y_true, y_pred : array-likes of one shape

    Raises
    ------
    ValueError
        If the shapes differ: NumPy would broadcast (4,) against (4, 1) to sixteen differences.
    """
    y_true, y_pred = np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_true has shape {y_true.shape}, y_pred {y_pred.shape}; expected one shape")
    if y_true.size == 0:
        raise ValueError(f"y_true and y_pred are empty: shape {y_true.shape}")
    return float(np.mean((y_true - y_pred) ** 2))

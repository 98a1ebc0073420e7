"""Losses by name, each with its convention of what is averaged (docs/math.md, "Losses").

The element functions are in csrc/losses.inc.c. A loss with a `link` takes logits: the network's last
activation must be that link, and the two are computed together, which is exact where the parts would
overflow. To add one, write its function there and its class here.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from .core import losses as kernels
from .core.names import name_and_parameter, unknown

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "HalfSumSquaredError",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "get",
    "mse_loss",
]


class Loss:
    """Base of all losses, which it knows by name and alias."""

    registry: ClassVar[dict[str, type[Loss]]] = {}

    name: ClassVar[str]
    alias: ClassVar[str] = ""
    kernel: ClassVar[str]
    link: ClassVar[str] = ""
    factor: ClassVar[float] = 1.0
    mean_over_samples: ClassVar[bool] = True
    mean_over_outputs: ClassVar[bool] = True
    takes_labels: ClassVar[bool] = False
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    parameter: ClassVar[str] = ""
    delta = 1.0

    def __init_subclass__(cls) -> None:
        # A subclass without a name of its own is the caller's, and takes none that is known.
        for name in (cls.__dict__.get("name"), cls.__dict__.get("alias")):
            if name and Loss.registry.setdefault(name, cls) is not cls:
                raise TypeError(f"the loss name {name!r} is taken by {Loss.registry[name].__name__}")

    def __str__(self) -> str:
        return f"{self.name}({self.delta!r})" if self.parameter else self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.delta!r})" if self.parameter else f"{type(self).__name__}()"

    def for_kernel(self) -> tuple[int, float, bool, bool, float]:
        """Return the loss as scratchnn.core takes it."""
        index = kernels.index(self.kernel)
        return index, self.factor, self.mean_over_samples, self.mean_over_outputs, self.delta


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
        if not (math.isfinite(delta) and delta > 0):
            raise ValueError(f"delta is {delta!r}; expected a finite number > 0")
        self.delta = float(delta)


class BinaryCrossEntropy(Loss):
    """``-y log p - (1-y) log(1-p)`` with ``p = sigmoid(z)``, averaged over samples and outputs."""

    name = "binary_cross_entropy"
    alias = "bce"
    kernel = "binary_cross_entropy"
    link = "sigmoid"
    target_range = (0.0, 1.0)


class SummedBinaryCrossEntropy(BinaryCrossEntropy):
    """Binary cross-entropy summed over outputs and averaged over samples: that of independent labels."""

    name = "summed_binary_cross_entropy"
    alias = ""
    mean_over_outputs = False


class CrossEntropy(Loss):
    """``-sum_j y_j log p_j`` with ``p = softmax(z)``, averaged over samples."""

    name = "cross_entropy"
    kernel = "cross_entropy"
    link = "softmax"
    mean_over_outputs = False
    takes_labels = True
    target_range = (0.0, 1.0)


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
    mean_over_outputs = False


def get(loss: str | Loss) -> Loss:
    """Return the loss of a name such as ``"mse"`` or ``"huber(0.5)"``.

    Raises
    ------
    TypeError
        If `loss` is neither a name nor a :class:`Loss`.
    ValueError
        If the name is unknown (the message names the nearest) or its parameter is no positive number.
    """
    if isinstance(loss, Loss):
        return loss
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
    try:
        return cls(**{cls.parameter: float(parameter)})
    except ValueError:
        raise ValueError(f"{cls.parameter} in {loss!r} is not a finite number > 0") from None


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

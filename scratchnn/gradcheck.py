"""Gradient checking: backpropagation against central differences (docs/math.md, "Gradient checking")."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .network import NeuralNetwork
    from .regularization import Regularization

__all__ = ["GradientCheck", "check_gradients"]

Array = npt.NDArray[Any]

# Rounding in a loss of size L, which sums and differences of larger terms leave, in units of eps max(1, |L|).
_ROUNDING = 32 * float(np.finfo(np.float64).eps)

# Smaller steps tried where a difference disagrees: a step across the corner of a ReLU says nothing about
# its slope, and a smaller one may not cross it.
_SHRINK = (1.0, 0.1, 0.01)


@dataclass(frozen=True)
class GradientCheck:
    """The outcome of :func:`check_gradients`; true where backpropagation is right.

    Attributes
    ----------
    tolerance : float
    errors : dict
        For every array, such as ``"layers[0].weights"``, the relative errors of its elements.
    worst : str
        The parameter with the largest error, such as ``"layers[1].weights[2, 0]"``.
    backpropagation, difference : float
        The worst parameter's gradient by either way.
    """

    tolerance: float
    errors: dict[str, Array]
    worst: str
    backpropagation: float
    difference: float

    @property
    def max_relative_error(self) -> float:
        return max(float(e.max()) for e in self.errors.values())

    def __bool__(self) -> bool:
        return self.max_relative_error <= self.tolerance

    def __str__(self) -> str:
        lines = [f"{'parameters':<24}{'number':>8}{'largest relative error':>26}"]
        lines += [f"{name:<24}{e.size:>8}{e.max():>26.2e}" for name, e in self.errors.items()]
        verdict = "agree" if self else "PART"
        lines.append(
            f"backpropagation and central differences {verdict}: worst is {self.worst}, "
            f"{self.backpropagation:.10g} against {self.difference:.10g} (tolerance {self.tolerance:g})"
        )
        if math.isinf(self.max_relative_error):
            lines.append("an infinite error: the loss or the gradient is not finite there")
        return "\n".join(lines)


def check_gradients(
    network: NeuralNetwork,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    regularization: Regularization | None = None,
    training: bool = True,
    epsilon: float = 1e-5,
    tolerance: float = 1e-6,
) -> GradientCheck:
    """Compare every gradient with ``(L(w + eps) - L(w - eps)) / (2 eps)``, in float64.

    The relative error of a parameter is ``|a - b| / max(|a|, |b|, s, r / tolerance)`` (docs/math.md, eq. 57). Here
    s, a thousandth of the largest gradient, keeps rounding in gradients near zero from counting, and r is the
    rounding of the loss divided by 2 eps: a difference that is no larger says nothing, and stays within the
    tolerance.

    Parameters
    ----------
    network : NeuralNetwork
        Unchanged; a copy in float64 is checked. Its cost is two evaluations a parameter.
    X, y, sample_weight, regularization
        As for ``network.train``; a few samples suffice. Layers that are not trainable are left out, and so are limits
        to gradients and weights, which are no part of the loss.
    training : bool
        Whether the loss is that of the next step of training, with the activations dropped that it would drop, and its
        noise on the inputs, and layers normalised by the batch; else it is that of what the network predicts. Without
        these there is no difference.
    epsilon : float
        The step, relative to a weight's size where that is above 1.
    tolerance : float
        The largest relative error that counts as agreement.

    Returns
    -------
    GradientCheck
        True in a condition if all agree; printed, it says where they part.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit the network, no layer is trainable, or epsilon or tolerance is not a number > 0.
    """
    for name, value in (("epsilon", epsilon), ("tolerance", tolerance)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value!r}; expected a finite number > 0")
    network._check_trainable()
    network = network.copy(dtype="float64")
    gradients = network.gradients(X, y, sample_weight=sample_weight, regularization=regularization, training=training)
    data, penalties = network._data(X, y, sample_weight), network._penalties(regularization)
    loss = partial(network._training_loss if training else network._evaluate, data, penalties=penalties)
    largest = max(float(np.abs(g).max()) for of_layer in gradients for g in of_layer if g is not None)
    floor = 1e-3 * largest if 0 < largest < math.inf else 1.0

    rounding = _ROUNDING * max(1.0, abs(loss()))
    errors: dict[str, Array] = {}
    worst = (-1.0, "", 0.0, 0.0)
    for name, values, gradient in _pairs(network, gradients):
        errors[name] = np.empty(values.shape)
        for index in np.ndindex(values.shape):
            a = float(gradient[index])
            error, b = math.inf, math.nan
            for shrink in _SHRINK:
                difference, width = _difference(loss, values, index, epsilon * shrink)
                if not (math.isfinite(a) and math.isfinite(difference)):
                    continue
                scale = max(abs(a), abs(difference), floor, rounding / width / tolerance)
                part = abs(a - difference) / scale
                if math.isinf(error) or part <= tolerance:  # the widest step tells most of an error
                    error, b = part, difference
                if error <= tolerance:
                    break
            errors[name][index] = error
            if error > worst[0]:
                place = ", ".join(map(str, index))
                worst = (error, f"{name}[{place}]", a, b)
    return GradientCheck(tolerance, errors, *worst[1:])


def _pairs(network: NeuralNetwork, gradients: list[tuple[Array | None, ...]]) -> Iterator[tuple[str, Array, Array]]:
    for i, (layer, of_layer) in enumerate(zip(network.layers, gradients, strict=True)):
        if not layer.trainable:
            continue
        for name, gradient in zip(("weights", "biases", "gain", "shift"), of_layer, strict=False):
            if gradient is not None:
                yield f"layers[{i}].{name}", getattr(layer, name), gradient


def _difference(loss: Callable[[], float], values: Array, index: Any, epsilon: float) -> tuple[float, float]:
    """Return the difference quotient in one parameter, and the width it was taken over."""
    value = values[index]
    step = epsilon * max(1.0, abs(value))
    values[index] = value + step
    above, up = values[index], loss()
    values[index] = value - step
    below, down = values[index], loss()
    values[index] = value
    width = float(above - below)
    return float(up - down) / width, width

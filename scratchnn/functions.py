"""The articles' functions under the articles' names.

``sigmoid_derivative`` and its kin take the *output* of the function, as the second article's code does:
``sigmoid_derivative(sigmoid(z))`` is the slope at z. ``activations.sigmoid.slope(z)`` takes z itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core import activations

__all__ = ["relu", "relu_derivative", "sigmoid", "sigmoid_derivative", "softmax", "tanh", "tanh_derivative"]

sigmoid = activations.sigmoid
tanh = activations.tanh
relu = activations.relu
softmax = activations.softmax


def _real(a: Any) -> npt.NDArray[Any]:
    array = np.asarray(a)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def sigmoid_derivative(a: Any) -> Any:
    """Compute ``a (1 - a)``, the sigmoid's slope where its value is a."""
    a = _real(a)
    return a * (1 - a)


def tanh_derivative(a: Any) -> Any:
    """Compute ``1 - a²``, the slope of tanh where its value is a."""
    return 1 - _real(a) ** 2


def relu_derivative(a: Any) -> Any:
    """Compute 1 where a > 0 and 0 elsewhere, the slope of ReLU where its value is a."""
    a = _real(a)
    return (a > 0).astype(a.dtype)[()]

"""Starting values of weights and biases (docs/math.md, "Initialisation").

Numbers come from the package's own generator, so one seed gives one network on every system and NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .core.arrays import plain_array
from .core.names import unknown
from .core.random import Generator

__all__ = ["NAMES", "draw", "recommended"]

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


def _normal(deviation: Callable[[int, int], float]) -> Callable[[Generator, Shape, Shape], Array]:
    return lambda generator, shape, fans: deviation(*fans) * generator.normal(shape)


def _uniform(limit: Callable[[int, int], float]) -> Callable[[Generator, Shape, Shape], Array]:
    return lambda generator, shape, fans: limit(*fans) * (2 * generator.uniform(shape) - 1)


_INITIALIZERS: dict[str, Callable[[Generator, Shape, Shape], Array]] = {
    "zeros": lambda generator, shape, fans: np.zeros(shape),
    "normal": _normal(lambda n_in, n_out: 1.0),
    # Glorot & Bengio 2010: keeps the variance of signals and of gradients alike
    "glorot_uniform": _uniform(lambda n_in, n_out: math.sqrt(6 / (n_in + n_out))),
    "glorot_normal": _normal(lambda n_in, n_out: math.sqrt(2 / (n_in + n_out))),
    # He et al. 2015: makes up for the half of the signal that a ReLU drops
    "he_uniform": _uniform(lambda n_in, n_out: math.sqrt(6 / n_in)),
    "he_normal": _normal(lambda n_in, n_out: math.sqrt(2 / n_in)),
    # LeCun et al. 1998: keeps the variance of signals; what SELU assumes
    "lecun_uniform": _uniform(lambda n_in, n_out: math.sqrt(3 / n_in)),
    "lecun_normal": _normal(lambda n_in, n_out: math.sqrt(1 / n_in)),
}
NAMES = tuple(_INITIALIZERS)

_RELU_FAMILY = {"relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "hard_silu", "relu6"}


def recommended(activation: str) -> str:
    """Return the initialiser for the weights before an activation, by its name without parameter."""
    if activation == "selu":
        return "lecun_normal"
    return "he_normal" if activation in _RELU_FAMILY else "glorot_uniform"


def draw(initializer: Any, shape: Shape, fans: Shape, generator: Generator) -> Array:
    """Return starting values of a shape, drawn from `generator`; an array is returned as it is.

    `fans` are the layer's (n_inputs, n_outputs), which weights and biases go by alike.

    Raises
    ------
    ValueError
        If `initializer` is a name that is not known; the message names the nearest.
    """
    if isinstance(initializer, str):
        if initializer not in _INITIALIZERS:
            raise ValueError(unknown("initializer", initializer, NAMES))
        return _INITIALIZERS[initializer](generator, shape, fans)
    return plain_array("initial values", initializer)

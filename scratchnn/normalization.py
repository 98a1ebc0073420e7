"""What normalised layers compute, outside of training and prediction (docs/math.md, "Normalisation")."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core.layers.normalization import EPSILON
from .layers import Dense

__all__ = ["argument", "grad_normalized", "normalized"]

Array = npt.NDArray[Any]


def normalized(layer: Dense, z: Array, *, by_batch: bool = False) -> tuple[Array, Array]:
    """Return the sums z (n_rows, n_outputs) normalised, and what they were multiplied by.

    A layer with "batch" takes its running mean and variance, or with `by_batch` those of these rows.
    """
    if layer.normalization == "layer":
        mean, variance = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
    elif by_batch or layer.running_mean is None or layer.running_variance is None:
        mean, variance = z.mean(axis=0, keepdims=True), z.var(axis=0, keepdims=True)
    else:
        mean, variance = layer.running_mean[None], layer.running_variance[None]
    inverse = 1 / np.sqrt(variance + z.dtype.type(EPSILON))
    return (z - mean) * inverse, inverse


def argument(layer: Dense, z: Array, *, by_batch: bool = False) -> Array:
    """Return what the layer's activation takes, of the sums z: z itself in a layer that is not normalised."""
    if layer.normalization is None:
        return z
    normal, _ = normalized(layer, z, by_batch=by_batch)
    return np.asarray(layer.gain * normal + layer.shift)


def grad_normalized(layer: Dense, normal: Array, inverse: Array, d: Array) -> Array:
    """Return derivatives for the sums from those for the activation's argument, d (n_rows, k, n_outputs)."""
    d, normal, inverse = d * layer.gain, normal[:, None], inverse[:, None]
    if layer.normalization == "batch":
        return np.asarray(d * inverse)
    mean, slope = d.mean(axis=2, keepdims=True), (d * normal).mean(axis=2, keepdims=True)
    return np.asarray((d - mean - normal * slope) * inverse)

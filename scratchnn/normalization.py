"""What normalised layers compute, outside of training and prediction (docs/math.md, "Normalisation")."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core.layers.normalization import EPSILON
from .layers import Dense

__all__ = ["argument", "gained", "grad_normalized", "grad_normalized_rows", "normalized", "normalized_rows"]

Array = npt.NDArray[Any]


def normalized(layer: Dense, z: Array, *, by_batch: bool = False) -> tuple[Array, Array]:
    """Return the sums z (n_rows, n_outputs) normalised, and what they were multiplied by.

    A layer with "batch" takes its running mean and variance, or with `by_batch` those of these rows.
    """
    if layer.normalization == "layer":
        return normalized_rows(z)
    if by_batch or layer.running_mean is None or layer.running_variance is None:
        mean, variance = z.mean(axis=0, keepdims=True), z.var(axis=0, keepdims=True)
    else:
        mean, variance = layer.running_mean[None], layer.running_variance[None]
    return _normalized(z, mean, variance)


def normalized_rows(z: Array) -> tuple[Array, Array]:
    """Return the sums z (n_rows, n_outputs), each row normalised by itself, and what they were multiplied by."""
    return _normalized(z, z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True))


def _normalized(z: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    inverse = 1 / np.sqrt(variance + z.dtype.type(EPSILON))
    return (z - mean) * inverse, inverse


def argument(layer: Dense, z: Array, *, by_batch: bool = False) -> Array:
    """Return what the layer's activation takes, of the sums z: z itself in a layer that is not normalised."""
    if layer.normalization is None:
        return z
    return gained(layer, normalized(layer, z, by_batch=by_batch)[0])


def gained(layer: Dense, normal: Array) -> Array:
    """Return what the layer's activation takes, of the normalised sums."""
    return np.asarray(layer.gain * normal + layer.shift)


def grad_normalized(layer: Dense, normal: Array, inverse: Array, d: Array) -> Array:
    """Return derivatives for the sums from those for the activation's argument, d (n_rows, k, n_outputs)."""
    d = d * layer.gain
    if layer.normalization == "batch":
        return np.asarray(d * inverse[:, None])
    return grad_normalized_rows(normal, inverse, d)


def grad_normalized_rows(normal: Array, inverse: Array, d: Array) -> Array:
    """Return derivatives for the sums from those for the normalised sums, d (n_rows, k, n_outputs), row by row."""
    normal, inverse = normal[:, None], inverse[:, None]
    mean, slope = d.mean(axis=2, keepdims=True), (d * normal).mean(axis=2, keepdims=True)
    return np.asarray((d - mean - normal * slope) * inverse)

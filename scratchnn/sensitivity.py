"""Derivatives of a network's outputs for its inputs (docs/math.md, "Sensitivity")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .core import activations, linalg, losses
from .normalization import gained, grad_normalized, normalized
from .validation import integer

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = ["input_gradient", "jacobian", "output_slopes"]

Array = npt.NDArray[Any]

# Elements of the widest array of a block of rows: 8 MB of float64, which stay in a cache of that size.
_BLOCK = 1 << 20


def jacobian(network: NeuralNetwork, X: Any) -> Array:
    """Return da/dx, (n_samples, n_outputs, n_inputs), of outputs a as ``network.predict`` gives them."""
    return _derivatives(network, X, np.eye(network.n_outputs))


def input_gradient(network: NeuralNetwork, X: Any, output: int | None) -> Array:
    """Return da_j/dx, (n_samples, n_inputs), of output j; None is for a network with a single one."""
    n = network.n_outputs
    if output is None and n > 1:
        raise ValueError(f"the network has {n} outputs; expected output=0 ... {n - 1}, or jacobian(X) for all")
    chosen = 0 if output is None else integer("output", output, 0, n - 1)
    return _derivatives(network, X, np.eye(n)[chosen : chosen + 1])[:, 0]


def _derivatives(network: NeuralNetwork, X: Any, directions: Array) -> Array:
    """Return ``directions`` (k, n_outputs) times the Jacobian, of every row: (n_samples, k, n_inputs)."""
    source = network._inputs("X", X)
    k = len(directions)
    result = np.empty((source.n_rows, k, network.n_inputs), network.dtype)
    block = max(1, _BLOCK // (max(network.layer_sizes) * max(k, network.n_outputs)))
    _, input_scale = network.input_scaling or (0, 1)
    if network.target_scaling is not None:
        _, output_scale = network._loss.of_outputs(*network.target_scaling)
        directions = directions / output_scale
    for first in range(0, source.n_rows, block):
        x = source.read(first, min(block, source.n_rows - first), network.dtype)
        result[first : first + block] = _of_rows(network, x, directions.astype(network.dtype)) * input_scale
    return result


def _of_rows(network: NeuralNetwork, x: Array, directions: Array) -> Array:
    us, normals, a = [], [], x
    for layer in network.layers:
        z = linalg.affine(a, layer.weights, layer.biases)
        normals.append(normalized(layer, z) if layer.normalization else None)
        us.append(z if normals[-1] is None else gained(layer, normals[-1][0]))
        a = us[-1] if layer is network.layers[-1] else activations.get(layer.activation)(us[-1])
    d = directions @ output_slopes(network.layers[-1].activation, us[-1], network._loss.outputs_per_target)
    for i in reversed(range(len(us))):
        normal = normals[i]
        if normal is not None:
            d = grad_normalized(network.layers[i], *normal, d)
        below = linalg.grad_inputs(np.ascontiguousarray(d.reshape(-1, d.shape[2])), network.layers[i].weights)
        d = below.reshape(len(x), len(directions), -1)
        if i > 0:
            d = d * activations.get(network.layers[i - 1].activation).slope(us[i - 1])[:, None]
    return d


def output_slopes(name: str, z: Array, columns: int) -> Array:
    """Return da/dz, (n_rows, n_outputs, n_outputs), of the last layer's activation or link.

    `columns` is how many outputs a target has.
    """
    n_outputs = z.shape[1]
    each = np.eye(n_outputs, dtype=z.dtype)
    if name == "softmax":
        p = activations.softmax(z)
        return np.asarray(p[:, :, None] * (each - p[:, None, :]))
    if name not in losses.links():
        return np.asarray(each * activations.get(name).slope(z)[:, None])
    target, place = np.divmod(np.arange(n_outputs), columns)
    if name == "quantiles":  # q_1 = z_1, q_k = q_(k-1) + softplus(z_k)
        slope = np.where(place == 0, 1, activations.sigmoid(z))
        counts = (target[:, None] == target) & (place <= place[:, None])
        return np.asarray(counts * slope[:, None, :])
    # mean z_1 and standard deviation exp(z_2 / 2), constant where the kernel cuts z_2 off
    deviation = losses.link("gaussian", z)
    inside = (deviation > losses.link("gaussian", np.full_like(z, -np.inf))) & (
        deviation < losses.link("gaussian", np.full_like(z, np.inf))
    )
    return np.asarray(each * np.where(place == 0, 1, 0.5 * deviation * inside)[:, None, :])

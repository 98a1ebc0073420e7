"""What rounding may do to outputs: how far the C file may be from Python (docs/math.md, eq. 130 to 132)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import activations, losses
from ..normalization import grad_normalized_rows
from ..sensitivity import output_slopes
from .forward import Sums, forward
from .plan import Layer, Plan

__all__ = ["tolerance"]

Array = npt.NDArray[Any]

# Roundings beside those of a sum: the error of an activation, which is one of up to 4 units in the last place in
# scratchnn's kernels and of 2 or so in a C library, of the weight, its scale, and the product.
OTHER_ROUNDINGS = 8

# For what a bound to first order leaves out: curvature, and kinks that rounding steps across.
SAFETY = 2

# Elements of the widest array of a block of rows, as in sensitivity.py.
_BLOCK = 1 << 20


def tolerance(plan: Plan, x: Array, network_dtype: np.dtype[Any]) -> Array:
    """Return (n_outputs,), the bound for each output over rows x (n_rows, n_inputs) of float64.

    It counts the roundings of both, the C file in ``plan.real`` and the network in its dtype.
    """
    unit = (float(np.finfo(plan.real).eps) + float(np.finfo(network_dtype).eps)) / 2
    widest = max(plan.n_inputs, *(layer.n_outputs for layer in plan.layers))
    block = max(1, _BLOCK // (widest * plan.n_outputs))
    bounds = [_of_rows(plan, x[first : first + block], unit) for first in range(0, len(x), block)]
    return np.asarray(SAFETY * np.max(bounds, axis=0))


def _of_rows(plan: Plan, x: Array, unit: float) -> Array:
    layers, outputs = forward(plan, x)
    last = plan.layers[-1]
    d = output_slopes(last.activation, layers[-1].argument, plan.outputs_per_target)
    error = (last.n_outputs + OTHER_ROUNDINGS) * unit * _size_of_outputs(plan, layers[-1].argument)
    sizes = [np.abs(layers[0].inputs), *(_size(*pair) for pair in zip(plan.layers[:-1], layers[:-1], strict=True))]
    for i in reversed(range(len(layers))):
        layer, sums = plan.layers[i], layers[i]
        if i + 1 < len(layers):
            d = d * activations.get(layer.activation).slope(sums.argument)[:, None]
        roundings = layer.n_inputs + OTHER_ROUNDINGS
        of_sums = roundings * unit * (sizes[i] @ np.abs(layer.weights) + layer.size_of_biases)
        if layer.gain is not None and layer.shift is not None and sums.normal is not None and sums.inverse is not None:
            of_argument = np.abs(layer.gain * sums.normal) + np.abs(layer.shift)
            error += _carried(d, (layer.n_outputs + OTHER_ROUNDINGS) * unit * of_argument)
            d = grad_normalized_rows(sums.normal, sums.inverse, d * layer.gain)
            of_sums = of_sums + layer.n_outputs * unit * np.abs(sums.sums).mean(axis=1, keepdims=True)
        error += _carried(d, of_sums)
        d = d @ layer.weights.T
    # What is too small for a normal number may be 0 on one side and not on the other.
    error += np.finfo(plan.real).tiny
    if plan.outputs is not None:
        error = error / np.abs(plan.outputs[1])
    return np.asarray((error + OTHER_ROUNDINGS * unit * np.abs(outputs)).max(axis=0))


def _carried(d: Array, error: Array) -> Array:
    """Return what errors (n_rows, n) do to outputs whose derivatives are d (n_rows, n_outputs, n)."""
    return np.asarray(np.einsum("mkj,mj->mk", np.abs(d), error))


def _size(layer: Layer, sums: Sums) -> Array:
    """Return what rounding of an activation is measured by: its value, and what its argument's rounding moves it."""
    g = activations.get(layer.activation)
    return np.asarray(np.abs(g(sums.argument)) + np.abs(sums.argument * g.slope(sums.argument)))


def _size_of_outputs(plan: Plan, u: Array) -> Array:
    name, columns = plan.layers[-1].activation, plan.outputs_per_target
    if name == "quantiles":  # sums of parts that may cancel
        levels = u.reshape(len(u), -1, columns)
        parts = np.concatenate([np.abs(levels[..., :1]), activations.softplus(levels[..., 1:])], axis=2)
        return np.asarray(parts.cumsum(axis=2).reshape(u.shape))
    if name not in losses.links():
        return _size(plan.layers[-1], Sums(u, u, u, None, None))
    a = np.abs(losses.link(name, u, n_levels=columns))
    if name == "gaussian":
        a[:, 1::2] *= 1 + np.abs(u[:, 1::2])  # the slope of exp(s / 2) is half of it
    return np.asarray(a)

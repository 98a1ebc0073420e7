"""The forward pass of what is exported, in float64, with all that it computes on its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import activations, losses
from ..normalization import normalized_rows
from .plan import Layer, Plan

__all__ = ["Sums", "forward"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sums:
    """What a layer computes of some rows: x, z, and u, which is z normalised (docs/math.md, eq. 120)."""

    inputs: Array
    sums: Array
    argument: Array
    normal: Array | None
    inverse: Array | None


def forward(plan: Plan, x: Array) -> tuple[list[Sums], Array]:
    """Return each layer's sums, and the outputs, for rows x (n_rows, n_inputs) of float64."""
    a = x if plan.inputs is None else (x - plan.inputs[0]) * plan.inputs[1]
    layers = []
    for layer in plan.layers:
        layers.append(_sums(layer, a))
        a = _activated(layer.activation, layers[-1].argument, plan.outputs_per_target)
    if plan.outputs is not None:
        a = a / plan.outputs[1] + plan.outputs[0]
    return layers, np.clip(a, *plan.limits)


def _sums(layer: Layer, x: Array) -> Sums:
    z = x @ layer.weights
    if layer.biases is not None:
        z += layer.biases
    if layer.gain is None:
        return Sums(x, z, z, None, None)
    normal, inverse = normalized_rows(z)
    return Sums(x, z, layer.gain * normal + layer.shift, normal, inverse)


def _activated(activation: str, u: Array, outputs_per_target: int) -> Array:
    if activation in losses.links():
        return losses.link(activation, u, n_levels=outputs_per_target)
    return activations.get(activation)(u)

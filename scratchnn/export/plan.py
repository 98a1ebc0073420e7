"""What is exported of a network: the numbers and functions of its forward pass, checked and folded."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..bounds import Bounds
from ..core.layers.normalization import EPSILON
from ..layers import Dense

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["Layer", "Plan", "plan_of", "total"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer as C computes it, ``a = g(x W + b)``, or with layer normalisation (docs/math.md, eq. 120).

    Attributes
    ----------
    weights : (n_inputs, n_outputs) array of float64
        All arrays are, and are rounded when they are written. Weights of int8 are steps times scales.
    biases : (n_outputs,) array or None
    gain, shift : (n_outputs,) array or None
        Of layer normalisation. Batch normalisation is in the weights and biases already (eq. 127).
    activation : str
        An activation with its parameter, or the link of a loss.
    size_of_biases : (n_outputs,) array
        How large the numbers are that the biases are the sums of: what rounding them is measured by.
    steps, scales : int8 array in the shape of the weights, and (n_outputs,) array of float32, or None
        Of weights that are kept as int8 (eq. 128).
    """

    weights: Array
    biases: Array | None
    gain: Array | None
    shift: Array | None
    activation: str
    size_of_biases: Array
    steps: Array | None = None
    scales: Array | None = None

    @property
    def n_inputs(self) -> int:
        return int(self.weights.shape[0])

    @property
    def n_outputs(self) -> int:
        return int(self.weights.shape[1])


@dataclass(frozen=True)
class Plan:
    """What a network computes of a row, in the order in which it computes it.

    Attributes
    ----------
    real : numpy.dtype
        float32 or float64: what C computes in.
    layers : tuple of Layer
    inputs, outputs : (shift, scale) or None
        Vectors of float64. Inputs become ``(x - shift) * scale``, outputs ``a / scale + shift``.
    limits : (float, float)
        Between which outputs are cut off once they are in the data's units.
    outputs_per_target : int
    """

    real: np.dtype[Any]
    layers: tuple[Layer, ...]
    inputs: tuple[Array, Array] | None
    outputs: tuple[Array, Array] | None
    limits: tuple[float, float]
    outputs_per_target: int

    @property
    def n_inputs(self) -> int:
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        return self.layers[-1].n_outputs

    def with_units(self, of_inputs: tuple[Array, Array], of_outputs: tuple[float, float] | None) -> Plan:
        """Return the plan with columns scaled before it, and its outputs scaled back once more."""
        shift, scale = of_inputs
        if self.inputs is not None:
            shift, scale = shift + self.inputs[0] / scale, scale * self.inputs[1]
        plan = replace(self, inputs=(shift, scale))
        if of_outputs is None:
            return plan
        outer_shift, outer_scale = of_outputs
        inner_shift, inner_scale = self.outputs or (np.zeros(self.n_outputs), np.ones(self.n_outputs))
        outputs = outer_shift + inner_shift / outer_scale, inner_scale * outer_scale
        low, high = (limit / outer_scale + outer_shift for limit in self.limits)
        return replace(plan, outputs=outputs, limits=(low, high))


def plan_of(network: NeuralNetwork, real: np.dtype[Any]) -> Plan:
    """Return what C is to compute in the dtype `real`.

    Raises
    ------
    ValueError
        If a parameter is not finite, as it is or in that dtype; or the dtype has no number between the bounds.
    """
    outputs, limits = network.target_scaling, (-math.inf, math.inf)
    if outputs is not None:
        outputs = network._loss.of_outputs(*outputs)
    if network.bounds is not None:
        limits = Bounds(*network.bounds, real).limits
    return Plan(
        real,
        tuple(_layer(f"layers[{i}]", layer, real) for i, layer in enumerate(network.layers)),
        network.input_scaling,
        outputs,
        limits,
        network._loss.outputs_per_target,
    )


def _layer(place: str, layer: Dense, real: np.dtype[Any]) -> Layer:
    weights, biases, gain, shift, mean, variance = (
        None if values is None else _finite(f"{place}.{name}", values, np.dtype(np.float64))
        for name, values in (
            ("weights", layer.weights),
            ("biases", layer.biases),
            ("gain", layer.gain),
            ("shift", layer.shift),
            ("running_mean", layer.running_mean),
            ("running_variance", layer.running_variance),
        )
    )
    assert weights is not None
    sizes = np.zeros(layer.n_outputs) if biases is None else np.abs(biases)
    if gain is not None and shift is not None and mean is not None and variance is not None:
        if (variance < 0).any():
            raise ValueError(
                f"{place}.running_variance: values reach down to {variance.min():g}; expected numbers >= 0"
            )
        factor = gain / np.sqrt(variance + EPSILON)
        weights, biases, sizes = weights * factor, shift - mean * factor, np.abs(shift) + np.abs(mean * factor)
        gain = shift = None

    for name, values in (("weights", weights), ("biases", biases), ("gain", gain), ("shift", shift)):
        if values is not None:
            _finite(f"{place}.{name}", values, real)
    return Layer(weights, biases, gain, shift, layer.activation, sizes)


def _finite(name: str, values: Array, dtype: np.dtype[Any]) -> Array:
    """Return a copy of parameters in another dtype, in which they are finite numbers."""
    with np.errstate(over="ignore"):
        converted = values.astype(dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"{name}: values hold NaN or infinity; expected finite numbers")
    if not np.isfinite(converted).all():
        raise ValueError(
            f"{name}: values reach {np.abs(values).max():g}, beyond the largest {dtype}; weights='float64' has room"
        )
    return converted


def total(plan: Plan, name: str) -> int:
    """Return how many numbers the plan's layers have of a kind, "weights" for example."""
    arrays = [getattr(layer, name) for layer in plan.layers]
    return sum(array.size for array in arrays if array is not None)

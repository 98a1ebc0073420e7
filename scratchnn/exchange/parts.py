"""Layers as other libraries have them, and the network of this package that is made of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..core.layers.normalization import EPSILON
from ..losses import Loss
from ..network import NeuralNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Part", "build", "check_chain"]

Array = npt.NDArray[Any]
Network = TypeVar("Network", bound=NeuralNetwork)


@dataclass
class Part:
    """A dense layer, and what normalises its sums.

    Attributes
    ----------
    name : str
        What its source calls it, for messages.
    weights : (n_inputs, n_outputs) array
    biases : (n_outputs,) array or None
    activation : str
        Left empty where the source says nothing of it yet.
    normalization : {"batch", "layer", None}
    gain, shift, mean, variance : (n_outputs,) array or None
    epsilon : float
        What is added to variances.
    """

    name: str
    weights: Array
    biases: Array | None = None
    activation: str = ""
    normalization: str | None = None
    gain: Array | None = None
    shift: Array | None = None
    mean: Array | None = None
    variance: Array | None = None
    epsilon: float = EPSILON

    @property
    def n_outputs(self) -> int:
        return int(self.weights.shape[1])


def check_chain(parts: Sequence[Part]) -> None:
    """Raise ValueError, naming both, unless every layer takes what the one before it gives."""
    for before, after in itertools.pairwise(parts):
        if before.n_outputs != len(after.weights):
            raise ValueError(
                f"{after.name} takes {len(after.weights)} inputs, but {before.name} before it has {before.n_outputs} "
                "outputs"
            )


def build(cls: type[Network], parts: Sequence[Part], loss: Loss, activation: Any, **arguments: Any) -> Network:
    """Return a network of class `cls` made of `parts`.

    Parameters
    ----------
    activation : str or list of str
        As for the constructor, which gets `arguments` too.

    Raises
    ------
    ValueError
        If the parts, or their parameters, are none of a network.
    """
    check_chain(parts)
    for part in parts:
        _settle(part)
    has_biases = any(part.biases is not None for part in parts)
    network = cls.__new__(cls)
    NeuralNetwork.__init__(
        network,
        [len(parts[0].weights), *(part.n_outputs for part in parts)],
        activation=activation,
        loss=loss,
        biases=has_biases,
        normalization=[part.normalization for part in parts[:-1]],
        weight_init=[part.weights for part in parts],
        bias_init=[np.zeros(part.n_outputs) if part.biases is None else part.biases for part in parts],
        **arguments,
    )
    for layer, part in zip(network.layers, parts, strict=True):
        for name, values in (
            ("gain", part.gain),
            ("shift", part.shift),
            ("running_mean", part.mean),
            ("running_variance", part.variance),
        ):
            if values is not None:
                setattr(layer, name, values)
    return network


def _settle(part: Part) -> None:
    """Give a normalised layer the epsilon that they have here, and take the biases before running means away."""
    if part.normalization == "batch":
        variance, mean = np.asarray(part.variance, np.float64), np.asarray(part.mean, np.float64)
        if (variance < 0).any():
            raise ValueError(f"{part.name} has a variance of {variance.min():g}; expected numbers >= 0")
        if part.biases is not None:  # z + b - mean
            part.mean, part.biases = mean - part.biases, None
        if not _is_ours(part.epsilon):  # the same factor, also of the variances of batches that are like these
            with np.errstate(divide="ignore", invalid="ignore"):
                part.gain = part.gain * np.sqrt((variance + EPSILON) / (variance + part.epsilon))
    elif part.normalization == "layer" and not _is_ours(part.epsilon):
        # Sums c times as large have a variance c² times as large, and c² epsilon is ours.
        if not part.epsilon > 0:
            raise ValueError(f"{part.name} is normalised with an epsilon of {part.epsilon:g}; expected one > 0")
        factor = np.sqrt(EPSILON / part.epsilon)
        part.weights = part.weights * factor
        part.biases = None if part.biases is None else part.biases * factor


def _is_ours(epsilon: float) -> bool:
    return abs(epsilon - EPSILON) <= 1e-6 * EPSILON  # float32 has it so

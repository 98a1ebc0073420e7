"""A network's layers as the reader of a network sees them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from .core.activations import Activation
from .neuron import Neuron
from .validation import assign

__all__ = ["Dense"]

Array = npt.NDArray[Any]


class Dense:
    """A dense layer, ``a = g(x W + b)``: views of one network's parameters (docs/math.md, "Layer").

    Attributes
    ----------
    weights : (n_inputs, n_outputs) array
        A view: writing an element changes the network; assigning copies values of this shape.
    biases : (n_outputs,) array or None
    activation : str
    trainable : bool
        Whether training changes the layer; False freezes it. A call of ``train`` goes by what it is when it begins. A
        frozen layer costs no update, and no backward pass where all layers below it are frozen too.
    neurons : list of Neuron
        Column j of the weights with bias j. Those of a layer with a link, such as softmax, give
        its logits.
    """

    def __init__(self, weights: Array, biases: Array | None, activation: str, function: Activation) -> None:
        self._weights, self._biases = weights, biases
        self.activation = activation
        self._trainable = True
        self._function = function

    @functools.cached_property
    def neurons(self) -> list[Neuron]:
        views = [None if self._biases is None else self._biases[j : j + 1] for j in range(self.n_outputs)]
        return [Neuron.view(self._weights[:, j], bias, self._function) for j, bias in enumerate(views)]

    @property
    def n_outputs(self) -> int:
        return int(self._weights.shape[1])

    @property
    def weights(self) -> Array:
        return self._weights

    @weights.setter
    def weights(self, values: Any) -> None:
        assign("weights", self._weights, values)

    @property
    def biases(self) -> Array | None:
        return self._biases

    @biases.setter
    def biases(self, values: Any) -> None:
        if self._biases is None:
            raise AttributeError("this layer has no biases")
        assign("biases", self._biases, values)

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"trainable is {value!r}; expected True or False")
        self._trainable = bool(value)

    def __repr__(self) -> str:
        n_inputs, n_outputs = self._weights.shape
        frozen = "" if self.trainable else ", trainable=False"
        return f"Dense({n_inputs}, {n_outputs}, activation={self.activation!r}{frozen})"

"""A network's layers as the reader of a network sees them."""

from __future__ import annotations

import functools
from typing import Any

import numpy.typing as npt

from .core.activations import Activation
from .neuron import Neuron
from .validation import assign, dropout_rate

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
        Whether training may change the layer; set it to False to freeze the layer. What lies below the lowest layer
        that is trainable costs no backward pass.
    dropout : float
        The rate at which training drops the layer's outputs (docs/math.md, "Dropout"); that of an output layer stays 0.
        It can be changed between two calls of ``train``.
    neurons : list of Neuron
        Column j of the weights with bias j. Those of a layer with a link, such as softmax, give
        its logits.
    """

    def __init__(
        self, weights: Array, biases: Array | None, activation: str, function: Activation, is_output: bool = False
    ) -> None:
        self._weights, self._biases = weights, biases
        self.activation = activation
        self.trainable = True
        self._dropout = 0.0
        self._function = function
        self._is_output = is_output

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
    def dropout(self) -> float:
        return self._dropout

    @dropout.setter
    def dropout(self, rate: Any) -> None:
        rate = dropout_rate("dropout", rate)
        if rate > 0 and self._is_output:
            raise ValueError(f"dropout is {rate!r}, but this is the output layer; expected 0")
        self._dropout = rate

    def __repr__(self) -> str:
        n_inputs, n_outputs = self._weights.shape
        return f"Dense({n_inputs}, {n_outputs}, activation={self.activation!r})"

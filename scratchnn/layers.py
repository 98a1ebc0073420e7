"""A network's layers as the reader of a network sees them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
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
    normalization : {"batch", "layer", None}
        What the sums go through before the activation (docs/math.md, "Normalisation").
    gain, shift : (n_outputs,) array or None
        What the normalised sums are multiplied by, and what is added then.
    running_mean, running_variance : (n_outputs,) array or None
        Of the sums, over the batches of training: what a layer with "batch" is normalised with in predictions, and in
        training while it is not trainable.
    activation : str
    trainable : bool
        Whether training changes the layer; False freezes it. A call of ``train`` goes by what it is when it begins. A
        frozen layer costs no update, and no backward pass where all layers below it are frozen too.
    dropout : float
        The rate at which training drops the layer's outputs (docs/math.md, "Dropout"); that of an output layer stays 0.
        It can be changed between two calls of ``train``.
    neurons : list of Neuron
        Column j of the weights with bias j. Those of a normalised layer, or of one with a link, such as softmax, give
        its sums.
    """

    def __init__(
        self,
        views: dict[str, Array],
        activation: str,
        function: Activation,
        normalization: str | None = None,
        is_output: bool = False,
    ) -> None:
        self._weights, self._biases = views["weights"], views.get("biases")
        self._gain, self._shift = views.get("gain"), views.get("shift")
        self._running_mean, self._running_variance = views.get("running_mean"), views.get("running_variance")
        self.activation = activation
        self.normalization = normalization
        self._trainable = True
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
    def gain(self) -> Array | None:
        return self._gain

    @gain.setter
    def gain(self, values: Any) -> None:
        assign("gain", self._of_normalization(self._gain), values)

    @property
    def shift(self) -> Array | None:
        return self._shift

    @shift.setter
    def shift(self, values: Any) -> None:
        assign("shift", self._of_normalization(self._shift), values)

    @property
    def running_mean(self) -> Array | None:
        return self._running_mean

    @running_mean.setter
    def running_mean(self, values: Any) -> None:
        assign("running_mean", self._of_normalization(self._running_mean, " by batches"), values)

    @property
    def running_variance(self) -> Array | None:
        return self._running_variance

    @running_variance.setter
    def running_variance(self, values: Any) -> None:
        view = self._of_normalization(self._running_variance, " by batches")
        before = view.copy()
        assign("running_variance", view, values)
        if (view < 0).any():
            least = float(view.min())
            view[...] = before
            raise ValueError(f"running_variance: values reach down to {least}; expected numbers >= 0")

    @staticmethod
    def _of_normalization(view: Array | None, how: str = "") -> Array:
        if view is None:
            raise AttributeError(f"this layer is not normalised{how}")
        return view

    @property
    def dropout(self) -> float:
        return self._dropout

    @dropout.setter
    def dropout(self, rate: Any) -> None:
        rate = dropout_rate("dropout", rate)
        if rate > 0 and self._is_output:
            raise ValueError(f"dropout is {rate!r}, but this is the output layer; expected 0")
        self._dropout = rate

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
        normalization = f", normalization={self.normalization!r}" if self.normalization else ""
        frozen = "" if self.trainable else ", trainable=False"
        return f"Dense({n_inputs}, {n_outputs}, activation={self.activation!r}{normalization}{frozen})"

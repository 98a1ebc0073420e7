"""The neuron of the first article."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core import activations, linalg
from .core.arrays import plain_array
from .validation import assign

__all__ = ["Neuron"]

Array = npt.NDArray[Any]


class Neuron:
    """A neuron: ``g(weights · x + bias)`` (docs/math.md, "Neuron").

    Parameters
    ----------
    weights : (n_inputs,) array-like
        Copied, as float64 unless they are float32.
    bias : float
    activation : str or Activation
        The function g.

    Attributes
    ----------
    weights : (n_inputs,) array
        A neuron of a network holds a view: writing an element changes the network.
    bias : float
    activation : Activation

    Examples
    --------
    >>> Neuron([0, 1], 4).feedforward([2, 3])
    0.9990889488055994
    """

    def __init__(self, weights: Any, bias: float, activation: Any = "sigmoid") -> None:
        array = plain_array("weights", weights)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"weights have shape {array.shape}; expected a vector, one weight for each input")
        dtype = np.float32 if array.dtype == np.float32 else np.float64
        self._weights: Array = np.empty(array.shape, dtype)
        self._bias: Array | None = np.empty(1, dtype)
        self.weights = array
        self.bias = bias
        self.activation = activations.get(activation)

    @classmethod
    def view(cls, weights: Array, bias: Array | None, activation: Any) -> Neuron:
        """Return a neuron on a network's own memory; `bias` is a view of one element, or None for no bias."""
        neuron = cls.__new__(cls)
        neuron._weights, neuron._bias, neuron.activation = weights, bias, activation
        return neuron

    @property
    def weights(self) -> Array:
        return self._weights

    @weights.setter
    def weights(self, values: Any) -> None:
        assign("weights", self._weights, values)

    @property
    def bias(self) -> float:
        return 0.0 if self._bias is None else self._bias[0].item()

    @bias.setter
    def bias(self, value: float) -> None:
        if self._bias is None:
            raise AttributeError("this neuron's network has no biases")
        try:
            assign("bias", self._bias[0, ...], value)
        except (TypeError, ValueError):
            raise ValueError(f"bias is {value!r}; expected a finite number") from None

    def feedforward(self, inputs: Any) -> Any:
        """Compute ``g(weights · x + bias)``.

        Parameters
        ----------
        inputs : (n_inputs,) or (n_samples, n_inputs) array-like

        Returns
        -------
        float for one sample, (n_samples,) array for several

        Raises
        ------
        TypeError
            If the inputs are not numbers.
        ValueError
            If their last dimension is not the number of weights.
        """
        x = plain_array("inputs", inputs)
        if x.dtype.kind not in "biuf":
            raise TypeError(f"inputs have dtype {x.dtype}; expected numbers")
        if x.ndim not in (1, 2) or x.shape[-1] != len(self._weights):
            raise ValueError(f"inputs have shape {x.shape}; the neuron has weights of shape {self._weights.shape}")
        rows = np.atleast_2d(x).astype(self._weights.dtype)
        z = linalg.affine(rows, self._weights[:, None], self._bias)[:, 0]
        a = self.activation(z)
        return a[0].item() if x.ndim == 1 else a

    def __repr__(self) -> str:
        return f"Neuron({self._weights.tolist()}, {self.bias!r}, activation={str(self.activation)!r})"

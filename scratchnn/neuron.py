"""The neuron of the first article."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core import activations, linalg

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
        array = np.array(weights)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"weights have dtype {array.dtype}; expected numbers")
        array = array if array.dtype == np.float32 else array.astype(np.float64)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"weights have shape {array.shape}; expected a vector, one weight for each input")
        if not np.isfinite(array).all():
            raise ValueError("weights hold NaN or infinity; expected finite numbers")
        self._weights = array
        self._bias: Array | None = np.zeros(1, array.dtype)
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
        array = np.asarray(values)
        if array.shape != self._weights.shape:
            raise ValueError(f"weights have shape {array.shape}; expected {self._weights.shape}")
        self._weights[...] = array

    @property
    def bias(self) -> float:
        return 0.0 if self._bias is None else self._bias[0].item()

    @bias.setter
    def bias(self, value: float) -> None:
        if self._bias is None:
            raise AttributeError("this neuron's network has no biases")
        number = np.asarray(value)
        if number.dtype.kind not in "biuf" or number.ndim != 0 or not np.isfinite(number):
            raise ValueError(f"bias is {value!r}; expected a finite number")
        self._bias[0] = value

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
        x = np.asarray(inputs)
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

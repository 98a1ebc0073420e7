"""Regularisation: what is asked of a network's parameters beside a small loss (docs/math.md, "Regularisation")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .core.penalties import Penalties
from .core.topology import Topology

__all__ = ["Regularization"]


class Regularization:
    """Penalties beside the loss, weight decay, and limits to gradients and weights.

    It does not change. Four settings are a number for all layers, or a sequence with one for each.

    Parameters
    ----------
    l1, l2 : float or sequence of float
        Add ``l1 sum |w| + l2/2 sum w²`` over the weights to the loss of every step.
    weight_decay : float or sequence of float
        Multiply weights by ``1 - learning_rate * weight_decay`` before every step, whatever the optimizer
        (Loshchilov & Hutter 2019).
    max_norm : float or sequence of float
        Shrink the weights into a neuron to this Euclidean norm after every step (Srebro & Shraibman 2005).
    clip_value : float
        Cut every element of the gradient to ``[-clip_value, clip_value]``.
    clip_norm : float
        Shrink the gradient of all parameters to this Euclidean norm, after `clip_value` (Pascanu, Mikolov & Bengio
        2013).
    biases : bool
        Whether l1, l2 and weight_decay are for biases too.
    per_sample : bool
        Whether l1 and l2 are divided by the number of samples in the batch, or the sum of their weights, as
        scikit-learn's ``alpha`` is.

    Raises
    ------
    TypeError, ValueError
        If a setting is no number of its range.

    Examples
    --------
    >>> Regularization(l2=1e-4, max_norm=[3, float("inf")])
    Regularization(l2=0.0001, max_norm=(3.0, inf))
    """

    l1: float | tuple[float, ...]
    l2: float | tuple[float, ...]
    weight_decay: float | tuple[float, ...]
    max_norm: float | tuple[float, ...]
    clip_value: float
    clip_norm: float
    biases: bool
    per_sample: bool

    def __init__(
        self,
        *,
        l1: float | Sequence[float] = 0.0,
        l2: float | Sequence[float] = 0.0,
        weight_decay: float | Sequence[float] = 0.0,
        max_norm: float | Sequence[float] = math.inf,
        clip_value: float = math.inf,
        clip_norm: float = math.inf,
        biases: bool = False,
        per_sample: bool = False,
    ) -> None:
        for name, value in (("l1", l1), ("l2", l2), ("weight_decay", weight_decay)):
            self.__dict__[name] = _for_layers(name, value, _penalty)
        self.__dict__["max_norm"] = _for_layers("max_norm", max_norm, _limit)
        self.__dict__["clip_value"] = _limit("clip_value", clip_value)
        self.__dict__["clip_norm"] = _limit("clip_norm", clip_norm)
        self.__dict__["biases"], self.__dict__["per_sample"] = bool(biases), bool(per_sample)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Regularization does not change; make another with {name}={value!r}")

    def penalties(self, topology: Topology, n_layers: int) -> Penalties | None:
        """Return this as scratchnn.core takes it, None where it asks for nothing; ValueError for too few layers."""
        coefficients = np.empty((n_layers, 4))
        for column, name in enumerate(("l1", "l2", "weight_decay", "max_norm")):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != n_layers:
                raise ValueError(f"{name} has {len(value)} numbers, the network {n_layers} layers")
            coefficients[:, column] = value
        limits = (self.clip_value, self.clip_norm)
        if not coefficients[:, :3].any() and np.isinf(coefficients[:, 3]).all() and min(limits) == math.inf:
            return None
        return Penalties(topology, coefficients, *limits, self.biases, self.per_sample)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regularization) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        default = Regularization.__init__.__kwdefaults__ or {}
        given = [f"{name}={value!r}" for name, value in self.__dict__.items() if value != default[name]]
        return f"Regularization({', '.join(given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.__dict__,)


def _make(settings: dict[str, Any]) -> Regularization:
    return Regularization(**settings)


def _for_layers(name: str, value: Any, check: Any) -> Any:
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str):
        return tuple(check(f"{name}[{i}]", one) for i, one in enumerate(value))
    return check(name, value)


def _number(name: str, value: Any, expected: str) -> float:
    if isinstance(value, (str, bool)):
        raise TypeError(f"{name} is {value!r}; expected {expected}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} is {value!r}; expected {expected}") from None


def _penalty(name: str, value: Any) -> float:
    expected = "a finite number >= 0"
    number = _number(name, value, expected)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return number


def _limit(name: str, value: Any) -> float:
    expected = "a number > 0, infinity for no limit"
    number = _number(name, value, expected)
    if not number > 0:
        raise ValueError(f"{name} is {value!r}; expected {expected}")
    return number

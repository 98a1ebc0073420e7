"""Regularisation: what is asked of a network's parameters beside a small loss (docs/math.md, "Regularisation")."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Self

import numpy as np

from .core.penalties import Penalties
from .core.topology import Topology

__all__ = ["Regularization"]


class Regularization:
    """Penalties beside the loss, weight decay, and limits to gradients and weights.

    In a step they come in this order: the gradient of the loss and of l1 and l2; `clip_value`; `clip_norm`;
    `weight_decay`; the optimizer's update; `max_norm`. Layers that are not trainable take no part in any. A
    Regularization does not change, and compares by value.

    Parameters
    ----------
    l1, l2 : float or sequence of float
        Add ``l1 sum |w| + l2/2 sum w²`` over the weights to the loss of every step. Like `weight_decay` and
        `max_norm`, a number for all layers, or a sequence with one for each.
    weight_decay : float or sequence of float
        Multiply weights by ``1 - learning_rate * weight_decay`` before every update, whatever the optimizer
        (Loshchilov & Hutter 2019).
    max_norm : float or sequence of float
        Shrink the weights into a neuron to this Euclidean norm after every update (Srebro & Shraibman 2005).
    clip_value : float
        Cut every element of the gradient to ``[-clip_value, clip_value]``.
    clip_norm : float
        Shrink the gradient of all parameters together to this Euclidean norm (Pascanu, Mikolov & Bengio 2013).
    biases : bool
        Whether l1, l2 and weight_decay are for biases too.
    per_sample : bool
        Whether l1 and l2 are divided by the number of samples in the batch, or the sum of their weights, as
        scikit-learn's ``alpha`` is.

    Raises
    ------
    TypeError, ValueError
        If a setting is not what is expected, which the message says.

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
        self.__dict__.update(
            l1=_for_layers("l1", l1, _strength),
            l2=_for_layers("l2", l2, _strength),
            weight_decay=_for_layers("weight_decay", weight_decay, _strength),
            max_norm=_for_layers("max_norm", max_norm, _limit),
            clip_value=_limit("clip_value", clip_value),
            clip_norm=_limit("clip_norm", clip_norm),
            biases=_truth("biases", biases),
            per_sample=_truth("per_sample", per_sample),
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Regularization does not change; make another with .replace({name}={value!r})")

    def replace(self, **settings: Any) -> Self:
        """Return a Regularization with some settings changed."""
        return type(self)(**{**self.__dict__, **settings})

    def penalties(self, topology: Topology) -> Penalties | None:
        """Return this as scratchnn.core takes it, or None where nothing is asked.

        Raises
        ------
        ValueError
            If a sequence has not one number for each layer.
        """
        settings = np.empty((topology.n_layers, 4))
        for column, name in enumerate(("l1", "l2", "weight_decay", "max_norm")):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != topology.n_layers:
                expected = f"a number, or one for each of {topology.n_layers} layers"
                raise ValueError(f"{name} is {list(value)}; expected {expected}")
            settings[:, column] = value
        limits = (self.clip_value, self.clip_norm)
        if not settings[:, :3].any() and np.isinf([*settings[:, 3], *limits]).all():
            return None
        return Penalties(topology, settings, *limits, self.biases, self.per_sample)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        defaults = Regularization().__dict__
        given = [f"{name}={value!r}" for name, value in self.__dict__.items() if value != defaults[name]]
        return f"{type(self).__name__}({', '.join(given)})"


def _for_layers(name: str, value: Any, check: Callable[[str, Any], float]) -> float | tuple[float, ...]:
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(check(f"{name}[{i}]", one) for i, one in enumerate(value))
    return check(name, value)


def _number(name: str, value: Any, expected: str) -> float:
    try:
        if isinstance(value, (str, bytes, bool, np.bool_)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} is {value!r}; expected {expected}") from None


def _strength(name: str, value: Any) -> float:
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


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; expected True or False")
    return bool(value)

"""One step of each optimizer on any array of weights; the rules stand in csrc/updates.inc.c.

Weights and state are updated in place; with ``out=`` the new weights go there and `weights` stay.
State arrays have the weights' shape and start at zero. docs/math.md, "Optimizers", has the equations.
"""

import functools
import math
import operator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import update_rules
from .arrays import compute_into, expect, number_within, real_arrays

_Real = TypeVar("_Real", np.float32, np.float64)

# Where each hyper-parameter may lie: the ends, and whether they themselves may be.
RANGES: dict[str, tuple[float, bool, float, bool]] = {
    "learning_rate": (0.0, False, math.inf, False),
    "momentum": (0.0, True, 1.0, True),
    "decay": (0.0, True, 1.0, False),
    "beta1": (0.0, True, 1.0, False),
    "beta2": (0.0, True, 1.0, False),
    "epsilon": (0.0, False, math.inf, False),
    "weight_decay": (0.0, True, math.inf, False),
    "gradient_tolerance": (0.0, True, math.inf, False),
    "function_tolerance": (0.0, True, math.inf, False),
}


def hyperparameter(name: str, value: Any) -> float:
    """Return a hyper-parameter as a float; ValueError where it is no number within its range."""
    return number_within(name, value, *RANGES[name])


@functools.cache
def specifications() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return ``{name: (names of the state arrays, names of the hyper-parameters)}`` of every update."""
    return update_rules.specifications()


def names() -> tuple[str, ...]:
    """Return the names of all updates."""
    return tuple(specifications())


def _writable(name: str, given: Any, array: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """Return a flat contiguous array to update, and whether it must be copied back."""
    if not isinstance(given, np.ndarray) or not given.flags.writeable:
        raise ValueError(f"{name} is updated in place; expected a writeable array")
    if array is given and array.flags.c_contiguous:
        return array.reshape(-1), False
    return array.reshape(-1).copy(), True


def _update(
    name: str,
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    states: dict[str, NDArray[_Real]],
    out: NDArray[_Real] | None,
    step: int = 1,
    **hyper: float,
) -> NDArray[_Real]:
    w, g, *s = real_arrays(weights=weights, gradient=gradient, **states)
    step = operator.index(step)
    expect(step >= 1, "step is {}; expected an integer >= 1", step)
    hyper = {key: hyperparameter(key, value) for key, value in hyper.items()}
    for key, array in zip(("gradient", *states), (g, *s), strict=True):
        expect(array.shape == w.shape, key + " of shape {} does not fit weights of shape {}", array.shape, w.shape)
    flat_states = [_writable(key, states[key], array) for key, array in zip(states, s, strict=True)]
    gradients = np.ascontiguousarray(g).reshape(-1)
    index, values = names().index(name), np.array(list(hyper.values()), np.float64)

    def apply(target: NDArray[Any]) -> None:
        update_rules.apply(target, gradients, [flat for flat, _ in flat_states], index, values, step)

    def compute(result: NDArray[Any]) -> None:
        flat = result.reshape(-1)
        flat[:] = w.reshape(-1)
        apply(flat)

    if out is not None:
        updated: NDArray[_Real] = compute_into(out, w.shape, w.dtype, (w, g, *s), compute)
    else:
        flat, copied = _writable("weights", weights, w)
        if np.may_share_memory(flat, gradients):
            gradients = gradients.copy()
        apply(flat)
        if copied:
            weights[...] = flat.reshape(w.shape)
        updated = weights
    for state, (flat, copied) in zip(states.values(), flat_states, strict=True):
        if copied:
            state[...] = flat.reshape(state.shape)
    return updated


def sgd(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    *,
    learning_rate: float = 0.1,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step down the gradient: ``w -= learning_rate * g`` (Robbins & Monro 1951)."""
    return _update("sgd", weights, gradient, {}, out, learning_rate=learning_rate)


def momentum(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    velocity: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step with momentum: ``v = mu v - lr g; w += v`` (Polyak 1964)."""
    return _update(
        "momentum", weights, gradient, {"velocity": velocity}, out, learning_rate=learning_rate, momentum=momentum
    )


def nesterov(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    velocity: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step with Nesterov's momentum: ``v = mu v - lr g; w += mu v - lr g`` (Nesterov 1983)."""
    return _update(
        "nesterov", weights, gradient, {"velocity": velocity}, out, learning_rate=learning_rate, momentum=momentum
    )


def rmsprop(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    v: NDArray[_Real],
    *,
    learning_rate: float = 1e-3,
    decay: float = 0.9,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step by RMSProp: ``v = d v + (1-d) g²; w -= lr g / (sqrt(v) + eps)`` (Tieleman & Hinton 2012)."""
    return _update(
        "rmsprop", weights, gradient, {"v": v}, out, learning_rate=learning_rate, decay=decay, epsilon=epsilon
    )


def adagrad(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    v: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step by Adagrad: ``v += g²; w -= lr g / (sqrt(v) + eps)`` (Duchi, Hazan & Singer 2011)."""
    return _update("adagrad", weights, gradient, {"v": v}, out, learning_rate=learning_rate, epsilon=epsilon)


def adam(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    m: NDArray[_Real],
    v: NDArray[_Real],
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step t = `step` of Adam: ``w -= lr m̂ / (sqrt(v̂) + eps)`` (Kingma & Ba 2015).

    ``m = b1 m + (1-b1) g, v = b2 v + (1-b2) g²``; the hats divide by ``1 - b1^t`` and ``1 - b2^t``.
    """
    return _update(
        "adam",
        weights,
        gradient,
        {"m": m, "v": v},
        out,
        step,
        learning_rate=learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def adamhat(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    m: NDArray[_Real],
    v: NDArray[_Real],
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step of Adam with epsilon beside the root of the uncorrected v (Kingma & Ba 2015, end of section 2).

    ``w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)``
    """
    return _update(
        "adamhat",
        weights,
        gradient,
        {"m": m, "v": v},
        out,
        step,
        learning_rate=learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )


def adamw(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    m: NDArray[_Real],
    v: NDArray[_Real],
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step of Adam after ``w -= lr * weight_decay * w`` (Loshchilov & Hutter 2019)."""
    return _update(
        "adamw",
        weights,
        gradient,
        {"m": m, "v": v},
        out,
        step,
        learning_rate=learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
        weight_decay=weight_decay,
    )


def nadam(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    m: NDArray[_Real],
    v: NDArray[_Real],
    step: int,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]:
    """Step of Adam whose mean looks one step ahead, as Nesterov's does (Dozat 2016).

    ``m̄ = b1 m / (1 - b1^(t+1)) + (1-b1) g / (1 - b1^t);  w -= lr m̄ / (sqrt(v̂) + eps)``
    """
    return _update(
        "nadam",
        weights,
        gradient,
        {"m": m, "v": v},
        out,
        step,
        learning_rate=learning_rate,
        beta1=beta1,
        beta2=beta2,
        epsilon=epsilon,
    )

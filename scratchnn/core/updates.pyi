from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

RANGES: dict[str, tuple[float, bool, float]]

def names() -> tuple[str, ...]: ...
def hyperparameter(name: str, value: Any) -> float: ...
def specifications() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]: ...
def sgd(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    *,
    learning_rate: float = 0.1,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def momentum(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    velocity: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def nesterov(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    velocity: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def rmsprop(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    v: NDArray[_Real],
    *,
    learning_rate: float = 1e-3,
    decay: float = 0.9,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def adagrad(
    weights: NDArray[_Real],
    gradient: NDArray[_Real],
    v: NDArray[_Real],
    *,
    learning_rate: float = 0.01,
    epsilon: float = 1e-8,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
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
) -> NDArray[_Real]: ...
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
) -> NDArray[_Real]: ...
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
) -> NDArray[_Real]: ...
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
) -> NDArray[_Real]: ...

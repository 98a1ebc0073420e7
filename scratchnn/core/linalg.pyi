from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

def matvec(
    weights: NDArray[_Real],
    x: NDArray[_Real],
    biases: NDArray[_Real] | None = None,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def affine(
    x: NDArray[_Real],
    weights: NDArray[_Real],
    biases: NDArray[_Real] | None = None,
    out: NDArray[_Real] | None = None,
) -> NDArray[_Real]: ...
def grad_weights(x: NDArray[_Real], dz: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...
def grad_biases(dz: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...
def grad_inputs(dz: NDArray[_Real], weights: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...

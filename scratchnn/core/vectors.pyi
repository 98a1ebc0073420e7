from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

def dot(x: NDArray[_Real], y: NDArray[_Real]) -> float: ...
def axpby(
    a: float, x: NDArray[_Real], b: float, y: NDArray[_Real], out: NDArray[_Real] | None = None
) -> NDArray[_Real]: ...
def max_abs(x: NDArray[_Real]) -> float: ...

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

def names() -> tuple[str, ...]: ...
def index(name: str) -> int: ...
def evaluate(
    name: str,
    z: NDArray[_Real],
    y: NDArray[_Real],
    *,
    scale: float = 1.0,
    delta: float = 1.0,
    sample_weight: NDArray[_Real] | None = None,
    gradient: NDArray[_Real] | None = None,
) -> float: ...

from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

RANGES: dict[str, tuple[float, bool, float]]
MOST_LEVELS: int

def names() -> tuple[str, ...]: ...
def links() -> tuple[str, ...]: ...
def index(name: str) -> int: ...
@overload
def parameter(name: str, value: float) -> float: ...
@overload
def parameter(name: str, value: Any) -> Any: ...
def as_kernel(parameter: float | tuple[float, ...] | None) -> tuple[float, ...]: ...
def evaluate(
    name: str,
    z: NDArray[_Real],
    y: NDArray[_Real],
    *,
    scale: float = 1.0,
    sample_weight: NDArray[_Real] | None = None,
    gradient: NDArray[_Real] | None = None,
    **parameters: float | Sequence[float],
) -> float: ...
@overload
def link(name: str, z: NDArray[_Real], out: NDArray[_Real] | None = None, *, n_levels: int = 1) -> NDArray[_Real]: ...
@overload
def link(name: str, z: ArrayLike, out: NDArray[Any] | None = None, *, n_levels: int = 1) -> NDArray[Any]: ...

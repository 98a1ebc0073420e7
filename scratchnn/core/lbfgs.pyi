from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

STATUS: Mapping[int, str]

class LBFGS:
    def __init__(
        self,
        x: NDArray[Any],
        memory: int,
        max_evaluations: int,
        gradient_tolerance: float,
        function_tolerance: float,
    ) -> None: ...
    @property
    def start_value(self) -> float: ...
    @property
    def value(self) -> float: ...
    @property
    def iterations(self) -> int: ...
    @property
    def evaluations(self) -> int: ...

class Minimum(NamedTuple):
    x: NDArray[Any]
    value: float
    values: NDArray[np.float64]
    start_value: float
    iterations: int
    evaluations: int
    status: str

def minimize(
    function: Callable[[NDArray[_Real]], tuple[float, ArrayLike]],
    x: NDArray[_Real],
    *,
    max_iterations: int = 15000,
    max_evaluations: int = 15000,
    memory: int = 10,
    gradient_tolerance: float = 1e-5,
    function_tolerance: float = ...,
) -> Minimum: ...
def direction(gradient: NDArray[_Real], steps: NDArray[_Real], changes: NDArray[_Real]) -> NDArray[_Real]: ...

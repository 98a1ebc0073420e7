from typing import Any

from numpy.typing import NDArray

def specifications() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]: ...
def apply(
    weights: NDArray[Any],
    gradient: NDArray[Any],
    states: list[NDArray[Any]],
    index: int,
    hyper: NDArray[Any],
    step: float,
) -> None: ...

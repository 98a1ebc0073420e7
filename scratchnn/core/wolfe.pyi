from collections.abc import Callable

def search(
    function: Callable[[float], tuple[float, float]],
    step: float,
    *,
    c1: float = 1e-3,
    c2: float = 0.9,
    narrow: float = 0.1,
) -> tuple[float, int]: ...

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy.typing as npt

from .data import Source
from .noise import Noise
from .penalties import Penalties
from .topology import Topology

class Step:
    def __init__(
        self,
        topology: Topology,
        parameters: npt.NDArray[Any],
        loss: tuple[int | Callable[..., Any], float, bool, bool, tuple[float, ...]],
        x: Source,
        y: Source,
        batch_size: SupportsIndex,
        in_order: bool,
        sample_weight: Source | None = None,
        penalties: Penalties | None = None,
        frozen: Sequence[bool] | None = None,
        noise: Noise | None = None,
        training: bool = True,
    ) -> None: ...
    @property
    def noise(self) -> Noise | None: ...
    @property
    def together(self) -> bool: ...
    def evaluate(self) -> float: ...
    def gradients(self) -> npt.NDArray[Any]: ...

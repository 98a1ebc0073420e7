from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from .activations import Activation

CONFLICT: int
KINDS: dict[str, int]
LARGE_PAGE: int

def aligned_zeros(n: SupportsIndex, dtype: npt.DTypeLike) -> npt.NDArray[Any]: ...
def padded(n: SupportsIndex, itemsize: SupportsIndex) -> int: ...

class Topology:
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[Activation | None],
        biases: bool,
        dtype: npt.DTypeLike,
        link: str = "",
        outputs_per_target: SupportsIndex = 1,
        normalization: Sequence[str] | None = None,
    ) -> None: ...
    @property
    def n_layers(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def size(self) -> int: ...
    @property
    def widest(self) -> int: ...
    def zeros(self) -> npt.NDArray[Any]: ...
    def statistics(self, vector: npt.NDArray[Any]) -> list[dict[str, npt.NDArray[Any]]]: ...
    def views(self, vector: npt.NDArray[Any]) -> list[dict[str, npt.NDArray[Any]]]: ...

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

NOISE_STREAM: int

class Noise:
    def __init__(
        self, seed: int, counter: int, dropout: Sequence[float], input_dropout: float = 0, input_noise: float = 0
    ) -> None: ...
    @property
    def counter(self) -> int: ...
    @property
    def deviation(self) -> float: ...
    @property
    def of_inputs(self) -> bool: ...
    def input_noise(self, n_rows: int, n_columns: int, dtype: npt.DTypeLike, first: int = 0) -> npt.NDArray[Any]: ...
    def mask(
        self, layer: int, n_rows: int, n_columns: int, dtype: npt.DTypeLike, first: int = 0
    ) -> npt.NDArray[Any]: ...

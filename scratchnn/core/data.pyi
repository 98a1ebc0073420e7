from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

BLOCK: int

class Source:
    def __init__(
        self,
        array: npt.NDArray[Any],
        n_classes: SupportsIndex = 0,
        starts: npt.NDArray[np.int64] | None = None,
        columns: npt.NDArray[np.int64] | None = None,
        n_columns: SupportsIndex = 0,
    ) -> None: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def array(self) -> npt.NDArray[Any]: ...
    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Source: ...
    def scale_columns(self, shift: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> None: ...
    def read(self, first: SupportsIndex, n_rows: SupportsIndex, dtype: npt.DTypeLike) -> npt.NDArray[Any]: ...
    def first_not_finite(self, dtype: npt.DTypeLike) -> tuple[int, int] | None: ...

import numpy as np
import numpy.typing as npt

from .data import Source

Vector = npt.NDArray[np.float64]

BLOCK: int

def column_statistics(source: Source) -> tuple[Vector, Vector, Vector, Vector]: ...

from typing import Any, SupportsIndex

import numpy.typing as npt

from .data import Source
from .topology import Topology

BLOCK: int

class Predictor:
    def __init__(self, topology: Topology, parameters: npt.NDArray[Any], n_rows: SupportsIndex) -> None: ...

def predict(topology: Topology, parameters: npt.NDArray[Any], x: Source) -> npt.NDArray[Any]: ...
def evaluate(
    topology: Topology,
    parameters: npt.NDArray[Any],
    x: Source,
    y: Source,
    loss: tuple[int, float, bool, bool, float],
) -> float: ...

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .topology import Topology

class Penalties:
    def __init__(
        self,
        topology: Topology,
        settings: npt.NDArray[np.float64],
        clip_value: float,
        clip_norm: float,
        biases: bool,
        per_sample: bool,
    ) -> None: ...
    def value(self, parameters: npt.NDArray[Any], weight: float, layers: Sequence[int]) -> float: ...
    @property
    def only_in_loss(self) -> bool: ...

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .data import Source
from .team import Team
from .topology import Topology

Vector = npt.NDArray[np.float64]

class Predictor:
    def __init__(
        self,
        topology: Topology,
        parameters: npt.NDArray[Any],
        choose: Callable[[None, float], int],
        inputs: tuple[Vector, Vector] | None = None,
        outputs: tuple[Vector, Vector, float, float] | None = None,
    ) -> None: ...
    def predict(self, x: object) -> float | npt.NDArray[Any] | None: ...
    def predict_checked(self, x: Source) -> npt.NDArray[Any]: ...
    def evaluate(
        self,
        x: Source,
        y: Source,
        loss: tuple[int | Callable[..., Any], float, bool, bool, tuple[float, ...]],
        team: Team | None = None,
        sample_weight: Source | None = None,
    ) -> float: ...

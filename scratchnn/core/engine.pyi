from typing import Any

import numpy as np
from numpy.typing import NDArray

from .predictor import Predictor
from .step import Step
from .topology import Topology
from .trainer import Trainer

class Engine:
    network: Any
    def __init__(
        self,
        network: Any,
        topology: Topology,
        predictor: Predictor,
        parameters: NDArray[Any],
        trainer: Trainer | None = None,
        step: Step | None = None,
        takes_labels: bool = False,
    ) -> None: ...
    @property
    def steps(self) -> int: ...
    @property
    def noise_counter(self) -> int | None: ...
    @property
    def gradients(self) -> list[dict[str, NDArray[np.floating[Any]]]]: ...

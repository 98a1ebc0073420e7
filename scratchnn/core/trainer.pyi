from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .step import Step
from .team import Team

SNAPSHOT_SAMPLES: int
SHUFFLE_STREAM: int

class Trainer:
    def __init__(
        self,
        step: Step,
        optimizer: tuple[str, Sequence[float], Sequence[npt.NDArray[Any]]],
        steps: int = 0,
        shuffle: bool = False,
        seed: int = 0,
        counter: int = 0,
    ) -> None: ...
    @property
    def counter(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def loss_finite(self) -> bool: ...
    @property
    def snapshot_taken(self) -> bool: ...
    def work_of_a_step(self) -> float: ...
    def run(
        self,
        epochs: int,
        team: Team,
        losses: list[npt.NDArray[np.float64]],
        order: npt.NDArray[np.int64] | None = None,
    ) -> tuple[str, BaseException | None]: ...

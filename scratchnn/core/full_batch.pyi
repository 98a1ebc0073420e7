from typing import Any

import numpy as np
import numpy.typing as npt

from .step import Step
from .team import Team

ENDS: dict[int, str]

class FullBatchTrainer:
    def __init__(
        self,
        step: Step,
        parameters: npt.NDArray[Any],
        settings: tuple[int, int, float, float],
        steps: int = 0,
        counter: int = 0,
    ) -> None: ...
    @property
    def counter(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def batch_loss(self) -> float: ...
    @property
    def first(self) -> int: ...
    @property
    def epoch_loss(self) -> float: ...
    @property
    def epoch_penalty(self) -> float: ...
    def work_of_a_step(self) -> float: ...
    def run(
        self,
        epochs: int,
        team: Team,
        records: list[npt.NDArray[np.float64]],
        order: npt.NDArray[np.int64] | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
    ) -> tuple[str, BaseException | None]: ...

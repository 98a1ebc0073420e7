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
        first: int = 0,
        epoch_loss: float = 0,
        epoch_penalty: float = 0,
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
    @property
    def finite_at_start(self) -> bool: ...
    @property
    def first(self) -> int: ...
    @property
    def epoch_loss(self) -> float: ...
    @property
    def epoch_penalty(self) -> float: ...
    @property
    def batch_loss(self) -> float: ...
    @property
    def learning_rate(self) -> float: ...
    @learning_rate.setter
    def learning_rate(self, rate: float) -> None: ...
    def set_rates(self, rates: npt.NDArray[np.float64] | None) -> None: ...
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

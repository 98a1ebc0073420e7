"""Samples that have been checked, and what is held out of training."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .core.data import Source
from .scaling import Scaling

__all__ = ["Data", "HeldOut"]


class Data(NamedTuple):
    """Samples that have been checked."""

    inputs: Source
    targets: Source
    sample_weight: Source | None = None

    @property
    def n_samples(self) -> int:
        return self.inputs.n_rows

    @property
    def weight(self) -> float:
        """What all samples weigh together."""
        if self.sample_weight is None:
            return self.n_samples
        return float(self.sample_weight.array.sum(dtype=np.float64))

    def scale(self, of_inputs: Scaling | None, of_targets: Scaling | None) -> None:
        """Have inputs and targets scaled by these instead of what there was; None leaves them as they are."""
        for source, scaling in ((self.inputs, of_inputs), (self.targets, of_targets)):
            if scaling is not None and scaling.known is not None:
                source.scale_columns(*scaling.known)

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Data:
        """Return a copy of some samples."""
        weights = None if self.sample_weight is None else self.sample_weight.take(rows)
        return Data(self.inputs.take(rows), self.targets.take(rows), weights)


class HeldOut(NamedTuple):
    """Validation data: checked, and as a scorer gets them."""

    data: Data
    X: Any
    y: Any

"""Samples that have been checked, and what is held out of training."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .core.data import Source

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

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Data:
        """Return a copy of some samples."""
        weights = None if self.sample_weight is None else self.sample_weight.take(rows)
        return Data(self.inputs.take(rows), self.targets.take(rows), weights)


class HeldOut(NamedTuple):
    """Validation data: checked, and as a scorer gets them."""

    data: Data
    X: Any
    y: Any

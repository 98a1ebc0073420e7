"""Samples of a fit, as they were given and as the network takes them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Samples"]

Array = npt.NDArray[Any]


class Samples(NamedTuple):
    """X and y checked, the network's targets, and weights, None for ones."""

    X: Any
    y: Array
    targets: Array
    weights: Array | None

    @property
    def n(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> Samples:
        weights = None if self.weights is None else self.weights[rows]
        return Samples(self.X[rows], self.y[rows], self.targets[rows], weights)

    def for_callbacks(self) -> dict[str, Any]:
        """Return X, y and metadata by the names of scikit-learn's callbacks."""
        metadata = None if self.weights is None else {"sample_weight": np.asarray(self.weights)}
        return {"X": self.X, "y": self.y, "metadata": metadata}

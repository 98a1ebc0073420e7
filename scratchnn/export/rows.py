"""Rows that an export is tested on, and what the network says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..validation import as_inputs
from .forward import forward
from .plan import Plan
from .rounding import tolerance

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["Rows", "rounded_rows"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Rows (n_rows, n_inputs) as C takes them, and what Python gives for these, (n_rows, n_outputs).

    Both are of the dtype that C computes in; ValueError unless the outputs are finite in it.
    """

    inputs: Array
    outputs: Array

    def __post_init__(self) -> None:
        for row, output in np.argwhere(~np.isfinite(self.outputs))[:1]:
            raise ValueError(
                f"test_rows[{row}]: the network's output {output} is {self.outputs[row, output]} in "
                f"{self.outputs.dtype}; expected rows that it gives finite numbers for"
            )

    def errors(self, plan: Plan) -> Array:
        """Return how far the plan is from the network, (n_rows, n_outputs), rounding in C left out."""
        _, outputs = forward(plan, self.inputs.astype(np.float64))
        return np.asarray(np.abs(outputs - self.outputs.astype(np.float64)))

    def tolerance(self, plan: Plan, network_dtype: np.dtype[Any]) -> Array:
        """Return how far C may be from the outputs by rounding, (n_outputs,)."""
        return tolerance(plan, self.inputs.astype(np.float64), network_dtype)


def rounded_rows(network: NeuralNetwork, values: Any, real: np.dtype[Any]) -> Rows:
    """Return the rows that a caller gives, rounded as C takes them, with ``network.predict`` of these.

    Raises
    ------
    TypeError, ValueError
        If they are no rows of numbers for this network, or not finite; or an output is not.
    """
    source = as_inputs("test_rows", values, network.n_inputs, real)
    inputs = source.read(0, source.n_rows, real)
    with np.errstate(over="ignore"):
        return Rows(inputs, network.predict(inputs).astype(real))

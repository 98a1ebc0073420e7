"""scikit-learn's random draws in its order, so that one seed gives the same weights, split and shuffles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

__all__ = ["Draws"]

Array = npt.NDArray[Any]


class Draws:
    """The draws of one fit; kept, a fit that goes on goes on with them.

    Parameters
    ----------
    random_state : RandomState
        As scikit-learn's ``check_random_state`` gives it.
    n_samples : int
    """

    def __init__(self, random_state: Any, n_samples: int) -> None:
        self.random_state = random_state
        self.n_samples = n_samples
        self.parts: tuple[Array, Array] | None = None
        self.order: Array | None = None
        self.ordered = 0  # the epoch that it is for

    def initial_parameters(
        self, layer_sizes: Sequence[int], factor: float, dtype: npt.DTypeLike
    ) -> tuple[list[Array], list[Array]]:
        """Return weights and biases, ``U(-b, b)``, ``b² = factor / (n_inputs + n_outputs)`` (Glorot & Bengio 2010)."""
        weights, biases = [], []
        for n_inputs, n_outputs in pairwise(layer_sizes):
            bound = np.sqrt(factor / (n_inputs + n_outputs))
            weights.append(self.random_state.uniform(-bound, bound, (n_inputs, n_outputs)).astype(dtype))
            biases.append(self.random_state.uniform(-bound, bound, n_outputs).astype(dtype))
        return weights, biases

    def seed(self) -> int:
        """Return a seed for what scikit-learn does not draw; its own draws are as if there were none."""
        state = self.random_state.get_state(legacy=False)
        seed = int.from_bytes(self.random_state.bytes(8), "little")
        self.random_state.set_state(state)
        return seed

    def split(self, fraction: float, stratify: Array | None) -> tuple[Array, Array]:
        """Return the samples to train on, and those to validate with: once drawn, always the same."""
        if self.parts is None:
            train, validation = train_test_split(
                np.arange(self.n_samples), random_state=self.random_state, test_size=fraction, stratify=stratify
            )
            if len(validation) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            self.parts = train, validation
        return self.parts

    def orders(self, n_samples: int) -> Callable[[int], Array]:
        """Return a function that gives the order of an epoch, by its number: that of the one before, shuffled.

        It is the same again for the same epoch, of which a fit that goes on does what is left.
        """
        places = np.arange(n_samples)

        def order_of(epoch: int) -> Array:
            if self.order is None or epoch != self.ordered:
                indices = places.copy()
                self.random_state.shuffle(indices)
                self.order = indices if self.order is None else self.order[indices]
                self.ordered = epoch
            return self.order

        return order_of

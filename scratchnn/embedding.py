"""Engines: a network lent to code below Python (docs/embedding.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from . import optimizers
from .core import engine
from .core.data import Source
from .core.trainer import Trainer
from .optimizers import LBFGS, Optimizer
from .regularization import Regularization
from .scaling import known
from .validation import integer

if TYPE_CHECKING:
    from .network import NeuralNetwork

__all__ = ["Engine", "get_include"]


def get_include() -> str:
    """Return the folder of ``scratchnn.h``, for the C compiler's ``-I``.

    Examples
    --------
    >>> import os, scratchnn
    >>> os.listdir(scratchnn.get_include())
    ['scratchnn.h']
    """
    return str(Path(__file__).parent / "include")


class Engine(engine.Engine):
    """One network for Cython, C and C++: predictions, steps and gradients without the GIL.

    It computes on the network's own parameters. With an optimizer it has the network for itself until it is closed, and
    goes on where the last training has ended; closed, it leaves the network as a call of ``train`` would: another goes
    on from there. ``with Engine(…) as engine:`` closes it.

    Parameters
    ----------
    network : NeuralNetwork
        Whose loss is no Python function.
    optimizer : str or Optimizer, optional
        As for ``network.train``, but not ``lbfgs``; without one the engine only predicts.
    learning_rate : float, optional
        By default the optimizer's.
    batch_size : int
        The most samples of a step.
    regularization : Regularization, optional
    sample_weight : bool
        Whether samples have weights.

    Attributes
    ----------
    network : NeuralNetwork
    steps : int
        Updates that the optimizer has made.
    gradients : list of dict
        Views of the gradient that was found last, for each layer by name.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    RuntimeError
        If the network is being trained, by a call or by another engine.

    Examples
    --------
    >>> from scratchnn import Engine, NeuralNetwork
    >>> network = NeuralNetwork([2, 3, 1], seed=1)
    >>> with Engine(network, optimizer="adam", batch_size=4) as engine:
    ...     pass  # hand it to a function of Cython's or C's
    """

    def __init__(
        self,
        network: NeuralNetwork,
        *,
        optimizer: str | Optimizer | None = None,
        learning_rate: float | None = None,
        batch_size: int = 1,
        regularization: Regularization | None = None,
        sample_weight: bool = False,
    ) -> None:
        self._lent: Any = None
        if optimizer is None:
            super().__init__(network, network._topology, network._predictor, network._parameters)
            return
        chosen = optimizers.get(optimizer, learning_rate)
        if isinstance(chosen, LBFGS):
            raise ValueError("an engine takes steps, and lbfgs takes none of its own: expected another optimizer")
        if network._loss.in_python:
            raise ValueError(f"the loss {network.loss!r} is a Python function, which an engine cannot call")
        size = integer("batch_size", batch_size, 1)
        network._check_batches(size, size)
        penalties = network._penalties(regularization)
        lent = network._exclusively()
        lent.__enter__()
        try:
            for name, scaling in (("scale_inputs", network._input_scaling), ("scale_targets", network._target_scaling)):
                if scaling is not known(scaling):
                    raise ValueError(
                        f"{name} is {scaling!r}, which is measured in a training: call network.train first"
                    )
            step = network._step(_any_data(network, size, sample_weight), size, in_order=False, penalties=penalties)
            states, steps = network._state_for(chosen)
            hyperparameters = tuple(chosen.hyperparameters().values())
            trainer = Trainer(step, (chosen.name, hyperparameters, states), steps=steps)
            parts = network._topology, network._predictor, network._parameters
            super().__init__(network, *parts, trainer, step, network._loss.takes_labels)
        except BaseException:
            lent.__exit__(None, None, None)
            raise
        self._lent, self._optimizer, self._states = lent, chosen, states

    def close(self) -> None:
        """Give the network back, with the optimizer's state; nothing may use the engine's handle from here on."""
        if self._lent is None:
            return
        given = {"_optimizer": self._optimizer, "_states": self._states, "_steps": self.steps, "_unfinished": None}
        if self.noise_counter is not None:
            given["_noise_counter"] = self.noise_counter
        self.network.__dict__.update(given)  # all or nothing, should memory end
        lent, self._lent = self._lent, None
        lent.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _any_data(network: NeuralNetwork, n: int, weighted: bool) -> Any:
    """Return data of the shape that steps are laid out for; an engine has them read others."""
    from .data import Data

    def rows(n_columns: int) -> Source:
        return Source(np.broadcast_to(np.zeros(n_columns, network.dtype), (n, n_columns)))

    data = Data(rows(network.n_inputs), rows(network.n_targets), rows(1) if weighted else None)
    data.scale(known(network._input_scaling), known(network._target_scaling))
    return data

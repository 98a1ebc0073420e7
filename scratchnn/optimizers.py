"""Optimizers: how a step follows from the gradient (docs/math.md, "Optimizers" and "L-BFGS").

The hyper-parameters of each are the arguments of its constructor, in the order of the kernel of the same
name (csrc/updates.inc.c). To add one, write its rule there and its class here. L-BFGS alone is no such rule.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from .core import updates
from .core.names import unknown
from .validation import integer

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamHat",
    "AdamW",
    "Momentum",
    "Nadam",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "get",
]


class Optimizer:
    """Base of all optimizers: checks the hyper-parameters and knows every subclass by name.

    Optimizers do not change and compare by value; each hyper-parameter is an attribute.
    """

    registry: ClassVar[dict[str, type[Optimizer]]] = {}

    learning_rate: float

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:  # those of callers go by the name of what they derive from
            Optimizer.registry[cls.__name__.lower()] = cls

    def _set(self, **hyperparameters: float) -> None:
        for name, value in hyperparameters.items():
            self.__dict__[name] = updates.hyperparameter(name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"optimizers do not change; make another with .replace({name}={value!r})")

    @property
    def name(self) -> str:
        """The name that :func:`get` knows; of another subclass, that of the optimizer it derives from."""
        return next(name for cls in type(self).__mro__ for name, known in self.registry.items() if known is cls)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the arrays of the weights' shape that live from step to step."""
        return updates.specifications()[self.name][0]

    @property
    def remedy(self) -> str:
        """What may help where training diverges."""
        return f"Try a smaller learning rate than {self.learning_rate:g}, or scale inputs and targets to about 1"

    def hyperparameters(self) -> dict[str, float]:
        """Return the hyper-parameters by name, in the kernel's order."""
        return dict(self.__dict__)

    def replace(self, **hyperparameters: float) -> Self:
        """Return an optimizer of the same kind with some hyper-parameters changed."""
        return type(self)(**{**self.hyperparameters(), **hyperparameters})

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


class SGD(Optimizer):
    """Gradient descent: ``w -= learning_rate * g`` (Robbins & Monro 1951)."""

    def __init__(self, learning_rate: float = 0.1) -> None:
        self._set(learning_rate=learning_rate)


class Momentum(Optimizer):
    """Momentum: ``v = mu v - lr g; w += v`` (Polyak 1964)."""

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.9) -> None:
        self._set(learning_rate=learning_rate, momentum=momentum)


class Nesterov(Momentum):
    """Nesterov's momentum: ``v = mu v - lr g; w += mu v - lr g`` (Nesterov 1983)."""


class RMSProp(Optimizer):
    """RMSProp: ``v = d v + (1-d) g²; w -= lr g / (sqrt(v) + eps)`` (Tieleman & Hinton 2012)."""

    def __init__(self, learning_rate: float = 1e-3, decay: float = 0.9, epsilon: float = 1e-8) -> None:
        self._set(learning_rate=learning_rate, decay=decay, epsilon=epsilon)


class Adagrad(Optimizer):
    """Adagrad: ``v += g²; w -= lr g / (sqrt(v) + eps)`` (Duchi, Hazan & Singer 2011)."""

    def __init__(self, learning_rate: float = 0.01, epsilon: float = 1e-8) -> None:
        self._set(learning_rate=learning_rate, epsilon=epsilon)


class Adam(Optimizer):
    """Adam: momentum over RMSProp, both corrected for their start at zero (Kingma & Ba 2015)."""

    def __init__(
        self, learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self._set(learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)


class AdamHat(Adam):
    """Adam with epsilon beside the root of v before its correction, "epsilon hat" at the end of the paper's section 2;
    that of scikit-learn and TensorFlow (Kingma & Ba 2015)."""


class AdamW(Adam):
    """Adam with decoupled weight decay: ``w -= lr * weight_decay * w`` first (Loshchilov & Hutter 2019)."""

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self._set(weight_decay=weight_decay)


class Nadam(Adam):
    """Adam whose mean looks one step ahead, as Nesterov's does (Dozat 2016)."""


class LBFGS(Optimizer):
    """L-BFGS: steps along ``-H g`` on all data at once, ``H`` from the latest steps (Nocedal 1980; Liu & Nocedal 1989).

    A search along each direction finds a length that satisfies the strong Wolfe conditions (Moré & Thuente 1994), so
    there is no learning rate. The loss falls in every iteration. What it knows of past steps ends with the call of
    ``train``. It minimises a smooth loss: with l1 or kinked activations it may end early.

    Parameters
    ----------
    memory : int
        How many steps ``H`` is made of.
    max_evaluations : int
        End after the iteration in which loss and gradient have been computed more often.
    gradient_tolerance : float
        End where no element of the gradient is larger.
    function_tolerance : float
        End after an iteration with ``loss - new_loss <= function_tolerance max(loss, new_loss, 1)``.
    """

    memory: int
    max_evaluations: int
    gradient_tolerance: float
    function_tolerance: float

    MOST_MEMORY = 10_000

    def __init__(
        self,
        memory: int = 10,
        max_evaluations: int = 15_000,
        gradient_tolerance: float = 1e-5,
        function_tolerance: float = 1e7 * 2.0**-52,
    ) -> None:
        self.__dict__["memory"] = integer("memory", memory, 1, self.MOST_MEMORY)
        self.__dict__["max_evaluations"] = integer("max_evaluations", max_evaluations, 1, 1 << 53)
        self._set(gradient_tolerance=gradient_tolerance, function_tolerance=function_tolerance)

    @property
    def states(self) -> tuple[str, ...]:
        return ()

    @property
    def remedy(self) -> str:
        return "Scale inputs and targets to about 1"


def get(optimizer: str | Optimizer, learning_rate: float | None = None, **hyperparameters: Any) -> Optimizer:
    """Return the optimizer of that name, or the given one with another learning rate.

    Raises
    ------
    TypeError
        If `optimizer` is neither a name nor an :class:`Optimizer`.
    ValueError
        If the name is unknown (the message names the nearest), a hyper-parameter is out of range, or a learning rate
        is given to an optimizer that has none.
    """
    if not isinstance(optimizer, (str, Optimizer)):
        raise TypeError(f"optimizer is {type(optimizer).__name__}; expected a name such as 'adam' or an Optimizer")
    if isinstance(optimizer, str):
        cls = Optimizer.registry.get(optimizer.lower())
        if cls is None:
            raise ValueError(unknown("optimizer", optimizer, Optimizer.registry))
        optimizer = cls()
    if learning_rate is not None:
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError(f"learning_rate is {learning_rate!r}, but {optimizer.name} has none: leave it out")
        hyperparameters["learning_rate"] = learning_rate
    return optimizer.replace(**hyperparameters)

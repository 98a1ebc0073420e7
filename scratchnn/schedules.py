"""Schedules: what a step's learning rate is, as a share of the optimizer's (docs/math.md, "Learning-rate schedules").

A schedule is a function of the number of the step, so that a training that goes on has the rates of one that never
stopped; only what `ReduceOnPlateau` does follows from the history. The parameters of each are the arguments of its
constructor. To add one, write its class here: it is found through its base class.

Shares are computed with sums, products, quotients and square roots alone, which have the same bits on every system.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

import numpy as np
import numpy.typing as npt

from .core.names import unknown
from .validation import integer, number

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseScaling",
    "OneCycle",
    "Pace",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "get",
]

Steps = npt.NDArray[np.int64]
Shares = npt.NDArray[np.floating[Any]]

MAX_TEXT = 200  # characters of a schedule in words


class Pace(NamedTuple):
    """What a training's steps amount to.

    Attributes
    ----------
    steps_per_epoch : int
    n_samples : int
        Of an epoch.
    plateaus : int
        How often `ReduceOnPlateau` has met one since the schedule began.
    """

    steps_per_epoch: int
    n_samples: int
    plateaus: int = 0


class Schedule:
    """Base of all schedules, which it knows by name.

    Schedules do not change and compare by value; each parameter is an attribute. One of your own is a class with a
    `name`, which keeps its parameters with ``self._set(parameter=value)`` and says what its :meth:`shares` are.
    """

    registry: ClassVar[dict[str, type[Schedule]]] = {}

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        name = cls.__dict__.get("name")
        if not isinstance(name, str) or not name.isidentifier():
            raise TypeError(f"the name of the schedule {cls.__name__} is {name!r}; expected a word of its own")
        known = Schedule.registry.get(name, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):  # else it is defined anew
            raise TypeError(f"the schedule name {name!r} is taken by {known.__name__}")
        Schedule.registry[name] = cls

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        """Return the share of the learning rate that each step takes.

        Parameters
        ----------
        steps : (n,) array of int64
            The numbers of some steps that follow each other, counted from 0 where the schedule began; at least one.
        pace : Pace

        Returns
        -------
        (n,) array of float64, finite and not negative
        """
        raise NotImplementedError

    @property
    def plateau(self) -> ReduceOnPlateau | None:
        """The part of the schedule that looks at the history, if there is one."""
        return None

    def _set(self, **parameters: Any) -> None:
        self.__dict__.update(parameters)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"schedules do not change; make another with {name}={value!r}")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return dict(self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """Return name and parameters as plain data, for a file."""
        values = self.parameters().items()
        return {"name": self.name} | {k: v.to_dict() if isinstance(v, Schedule) else v for k, v in values}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Schedule:
        """Return the schedule that :meth:`to_dict` described; ValueError for anything else."""
        parameters = {k: cls.from_dict(v) if isinstance(v, dict) else v for k, v in data.items() if k != "name"}
        return _make(data.get("name"), [], parameters)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


# ---- functions of the step ----


class Constant(Schedule):
    """The optimizer's learning rate at every step."""

    name = "constant"

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        return np.ones(len(steps))


class StepDecay(Schedule):
    """The rate times `factor` after every so many epochs: ``factor^floor(epoch / epochs)``."""

    name = "step_decay"
    epochs: int
    factor: float

    def __init__(self, epochs: int, factor: float = 0.1) -> None:
        self._set(epochs=integer("epochs", epochs, 1), factor=number("factor", factor, above=0, most=1))

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        return _power(self.factor, steps // pace.steps_per_epoch // self.epochs)


class Exponential(Schedule):
    """The rate times `factor` after every epoch: ``factor^epoch``."""

    name = "exponential"
    factor: float

    def __init__(self, factor: float = 0.95) -> None:
        self._set(factor=number("factor", factor, above=0, most=1))

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        return _power(self.factor, steps // pace.steps_per_epoch)


class InverseScaling(Schedule):
    """``1 / (1 + samples)^power``, samples those of the epochs before: scikit-learn's ``invscaling``.

    The power is the C library's, whose last bit may differ from system to system, unless `power` is 1/2 or 1.
    """

    name = "inverse_scaling"
    power: float

    def __init__(self, power: float = 0.5) -> None:
        self._set(power=number("power", power, above=0))

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        epochs = steps // pace.steps_per_epoch
        first = epochs[0]
        scales = 1.0 + np.arange(first, epochs[-1] + 1) * pace.n_samples
        if self.power == 0.5:
            scales = np.sqrt(scales)
        elif self.power != 1:
            scales = np.array([scale**self.power for scale in scales.tolist()])
        shares: Shares = (1 / scales)[epochs - first]
        return shares


class Cosine(Schedule):
    """Half a cosine from the rate down to its share `final` within `epochs`, and that from then on.

    ``final + (1 - final) (1 + cos(pi x / epochs)) / 2`` after x epochs, whole steps of which count
    (Loshchilov & Hutter 2017, without restarts).
    """

    name = "cosine"
    epochs: float
    final: float

    def __init__(self, epochs: float, final: float = 0.0) -> None:
        self._set(epochs=number("epochs", epochs, above=0), final=number("final", final, least=0, most=1))

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        n_steps = self.epochs * pace.steps_per_epoch
        return _between(self.final, 1.0, _half_cosine(steps / n_steps))


class CosineRestarts(Schedule):
    """One :class:`Cosine` after another, each `growth` times as long as the one before (Loshchilov & Hutter 2017).

    Each takes a whole number of steps, the nearest.
    """

    name = "cosine_restarts"
    epochs: float
    growth: float
    final: float

    def __init__(self, epochs: float, growth: float = 1.0, final: float = 0.0) -> None:
        self._set(
            epochs=number("epochs", epochs, above=0),
            growth=number("growth", growth, least=1),
            final=number("final", final, least=0, most=1),
        )

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        length = self.epochs * pace.steps_per_epoch
        if self.growth == 1:
            whole = max(1, round(length))
            within = steps % whole / whole
        else:
            starts, lengths = [0], [max(1, round(length))]
            while starts[-1] + lengths[-1] <= steps[-1]:
                length *= self.growth
                starts.append(starts[-1] + lengths[-1])
                lengths.append(max(1, round(length)))
            cycle = np.searchsorted(starts, steps, side="right") - 1
            within = (steps - np.array(starts)[cycle]) / np.array(lengths)[cycle]
        return _between(self.final, 1.0, _half_cosine(within))


class WarmUp(Schedule):
    """A straight line up to the rate within `epochs`, then another schedule from its beginning (Goyal et al. 2017).

    Of w steps the first takes 1/w of the rate, and the last all of it.
    """

    name = "warm_up"
    epochs: float
    then: Schedule

    def __init__(self, epochs: float, then: str | Schedule = "constant") -> None:
        self._set(epochs=number("epochs", epochs, above=0), then=get(then))

    @property
    def plateau(self) -> ReduceOnPlateau | None:
        return self.then.plateau

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        n_steps = max(1, round(self.epochs * pace.steps_per_epoch))
        n_before = int(np.searchsorted(steps, n_steps))
        rising = (steps[:n_before] + 1) / n_steps
        if n_before == len(steps):
            return rising
        return np.concatenate([rising, self.then.shares(steps[n_before:] - n_steps, pace)])


class OneCycle(Schedule):
    """From the share `start` up to the rate in the share `rise` of the epochs, then down to the share `final`.

    Half a cosine each way (Smith 2018, whose lines are straight). The optimizer's learning rate is the highest.
    """

    name = "one_cycle"
    epochs: float
    rise: float
    start: float
    final: float

    def __init__(self, epochs: float, rise: float = 0.3, start: float = 0.04, final: float = 4e-6) -> None:
        self._set(
            epochs=number("epochs", epochs, above=0),
            rise=number("rise", rise, above=0, below=1),
            start=number("start", start, least=0, most=1),
            final=number("final", final, least=0, most=1),
        )

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        n_steps = self.epochs * pace.steps_per_epoch
        top = self.rise * n_steps
        upwards = _between(self.start, 1.0, _half_cosine(1 - steps / top))
        downwards = _between(self.final, 1.0, _half_cosine((steps - top) / (n_steps - top)))
        return np.where(steps < top, upwards, downwards)


# ---- a function of the history ----


class ReduceOnPlateau(Schedule):
    """The rate times `factor` whenever `patience` epochs, one after another, were no better than the best before.

    What is looked at is the validation score, without one the validation loss, without that the training loss. An
    epoch is better if it beats the best by more than `min_delta`. The share does not fall below `lowest`.
    """

    name = "reduce_on_plateau"
    factor: float
    patience: int
    min_delta: float
    lowest: float

    def __init__(self, factor: float = 0.1, patience: int = 10, min_delta: float = 0.0, lowest: float = 0.0) -> None:
        self._set(
            factor=number("factor", factor, above=0, most=1),
            patience=integer("patience", patience, 1),
            min_delta=number("min_delta", min_delta, least=0),
            lowest=number("lowest", lowest, least=0, most=1),
        )

    @property
    def plateau(self) -> ReduceOnPlateau:
        return self

    def shares(self, steps: Steps, pace: Pace) -> Shares:
        share = _power(self.factor, np.array([pace.plateaus]))[0]
        return np.full(len(steps), max(share, self.lowest))


# ---- numbers ----


def _power(base: float, exponents: npt.NDArray[np.integer[Any]]) -> Shares:
    """Return base^n for whole numbers n >= 0, by repeated squaring."""
    result, n = np.ones(len(exponents)), exponents.copy()
    while n.any():
        result[n & 1 == 1] *= base
        base *= base
        n >>= 1
    return result


def _between(low: float, high: float, share: Shares) -> Shares:
    return low + (high - low) * share


# sin(pi/2 sqrt(u)) / sqrt(u) = sum of (-1)^k (pi/2)^(2k+1) / (2k+1)! u^k; u <= 1/4, and the next term is below 2e-19.
_SINE = [math.pi / 2]
for _k in range(1, 9):
    _SINE.append(-_SINE[-1] * (math.pi / 2) * (math.pi / 2) / (2 * _k * (2 * _k + 1)))


def _half_cosine(x: Shares) -> Shares:
    """Return (1 + cos(pi x)) / 2 for x from 0 to 1, 1 below and 0 above."""
    near = np.clip(np.minimum(x, 1 - x), 0, 0.5)  # cos²(pi x / 2) is sin² of what is left to 1
    u = near * near
    sine = np.full_like(u, _SINE[-1])
    for coefficient in reversed(_SINE[:-1]):
        sine *= u
        sine += coefficient
    square = sine * sine * u
    shares: Shares = np.where(x <= 0.5, 1 - square, square)
    return shares


# ---- names ----


def get(schedule: str | Schedule) -> Schedule:
    """Return the schedule of a name with its parameters, such as ``"cosine(50)"`` or ``"warm_up(5, cosine(45))"``.

    Raises
    ------
    TypeError
        If `schedule` is neither a text nor a :class:`Schedule`.
    ValueError
        If the name is unknown (the message names the nearest), or a parameter is missing, unknown or out of range.
    """
    if isinstance(schedule, Schedule):
        return schedule
    if not isinstance(schedule, str):
        raise TypeError(f"schedule is {type(schedule).__name__}; expected a text such as 'cosine(50)' or a Schedule")
    return _parse(schedule)


def _parse(text: str) -> Schedule:
    import ast  # only a text needs it

    def build(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.Name(id=name):
                return _make(name, [], {})
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                named = {str(keyword.arg): build(keyword.value) for keyword in keywords}
                return _make(name, [build(argument) for argument in arguments], named)
        raise ValueError(f"schedule is {text!r}; expected a name and its parameters, such as 'cosine(50)'")

    try:
        tree = ast.parse(text.strip() if len(text) <= MAX_TEXT else "", mode="eval")
    except (SyntaxError, ValueError):
        raise ValueError(unknown("schedule", text, Schedule.registry)) from None
    found = build(tree.body)
    if not isinstance(found, Schedule):
        raise ValueError(unknown("schedule", text, Schedule.registry))
    return found


def _make(name: object, positional: list[Any], named: dict[str, Any]) -> Schedule:
    """Return the schedule of that name; ValueError where there is none or its parameters do not fit."""
    kind = Schedule.registry.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(unknown("schedule", name, Schedule.registry))
    import inspect  # only a text or a file needs it

    signature = inspect.signature(kind)
    try:
        signature.bind(*positional, **named)
    except TypeError as reason:
        takes = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in signature.parameters.values()]
        raise ValueError(f"schedule {name!r}: {reason}; it takes ({', '.join(takes)})") from None
    return kind(*positional, **named)

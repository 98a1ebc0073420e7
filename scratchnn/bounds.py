"""Bounds of a network's predictions: an output activation that keeps them, and targets scaled to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .losses import Loss
from .scaling import Scaling

__all__ = ["Bounds"]

Array = npt.NDArray[Any]


class Bounds:
    """Two numbers between which predictions lie; one of them may be infinite (docs/math.md, "Scaling").

    Parameters
    ----------
    low, high : float
    dtype : float32 or float64
        Of the predictions.

    Attributes
    ----------
    activation : str
        The output activation that the bounds need: ``sigmoid`` for two, ``softplus`` for one.
    shift, scale : float
        Of the targets: ``(y - shift) * scale`` is what the activation can give. Under an upper bound alone the scale
        is -1, so that softplus counts downwards.
    limits : tuple of float
        The least and the greatest number of `dtype` within the bounds, themselves not among them. Rounding takes a
        sigmoid to 0 and to 1, and it takes predictions no further than this.

    Raises
    ------
    ValueError
        If `low` is not below `high`, none is finite, they are too far apart, or `dtype` has no number between them.
    """

    def __init__(self, low: float, high: float, dtype: npt.DTypeLike) -> None:
        self.low, self.high = low, high
        if not low < high:
            raise ValueError(f"bounds are {low:g} and {high:g}; expected a low below a high")
        if math.isinf(low) and math.isinf(high):
            raise ValueError("bounds are both infinite; expected a finite one, or no bounds")
        if math.isinf(high):
            self.activation, self.shift, self.scale = "softplus", low, 1.0
        elif math.isinf(low):
            self.activation, self.shift, self.scale = "softplus", high, -1.0
        else:
            self.activation, self.shift, self.scale = "sigmoid", low, 1 / (high - low)
            if self.scale == 0 or math.isinf(self.scale):
                raise ValueError(f"bounds are {low!r} and {high!r}, too far apart or too close to be scaled by")
        self.limits = _above(low, dtype), -_above(-high, dtype)
        if not (self.limits[0] <= self.limits[1] and self.limits[0] < math.inf and self.limits[1] > -math.inf):
            raise ValueError(f"bounds are {low!r} and {high!r}; {np.dtype(dtype)} has no number between them")

    @classmethod
    def parse(cls, value: Any, dtype: npt.DTypeLike) -> Bounds | None:
        """Return the bounds that a constructor's argument asks for: (low, high), where None stands for infinity.

        TypeError if it is no pair of numbers.
        """
        if value is None:
            return None
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(f"bounds are {value!r}; expected (low, high), of which one may be None")
        numbers = []
        for end, infinite in zip(value, (-math.inf, math.inf), strict=True):
            try:
                numbers.append(infinite if end is None else float(_number(end)))
            except (TypeError, OverflowError):
                raise TypeError(f"bounds are {value!r}; expected two numbers, of which one may be None") from None
        return cls(numbers[0], numbers[1], dtype)

    def check_loss(self, loss: Loss) -> None:
        """Raise ValueError for a loss that has an output activation of its own, or tells above from below."""
        if loss.link:
            raise ValueError(
                f"bounds are given, but the loss {str(loss)!r} has the output activation {loss.link!r}; expected a "
                "loss of numbers, such as 'mean_squared_error'"
            )
        if self.scale < 0 and not loss.symmetric:
            raise ValueError(
                f"bounds with a high alone turn targets upside down, and the loss {str(loss)!r} may tell above from "
                "below; give a low too"
            )

    def scaling(self, n_targets: int) -> Scaling:
        """Return the scaling of so many targets."""
        return Scaling("bounds", (np.full(n_targets, self.shift), np.full(n_targets, self.scale)))

    def check_targets(self, name: str, values: Array) -> None:
        """Raise ValueError unless all targets lie within the bounds, which they may reach."""
        kind = values.dtype.type if values.dtype.kind == "f" else float
        with np.errstate(over="ignore"):
            low, high = kind(self.low), kind(self.high)  # float32 targets may reach a bound of 0.1
        if values.min() >= low and values.max() <= high:
            return
        place = tuple(np.argwhere((values < low) | (values > high))[0].tolist())
        raise ValueError(
            f"{name}[{', '.join(map(str, place))}] is {values[place]}; the network's bounds are {self.low:g} and "
            f"{self.high:g}"
        )

    def to_list(self) -> list[float | None]:
        """Return [low, high] as JSON has them, None for infinity."""
        return [end if math.isfinite(end) else None for end in (self.low, self.high)]

    def __repr__(self) -> str:
        return repr((self.low, self.high))


def _number(value: Any) -> Any:
    if isinstance(value, (str, bool, np.bool_)):
        raise TypeError
    return value


def _above(low: float, dtype: npt.DTypeLike) -> float:
    """Return the least number of `dtype` above `low`, which may be no number of it; -inf of itself."""
    if math.isinf(low):
        return low
    real: Any = np.dtype(dtype).type
    with np.errstate(over="ignore"):
        nearest = real(low)
        return float(nearest if float(nearest) > low else np.nextafter(nearest, real(math.inf)))

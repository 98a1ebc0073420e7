"""Scaling of inputs and targets inside a network: each column x becomes ``(x - shift) * scale``.

What a rule measures is measured once, on the first data that a network is trained on (docs/math.md, "Scaling").
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core.arrays import plain_array
from .core.data import Source
from .core.names import unknown
from .core.statistics import column_statistics

__all__ = ["GIVEN", "RULES", "Scaling", "known", "scale"]

Array = npt.NDArray[Any]

RULES = ("standard", "minmax")
GIVEN = "given"

# A column whose values differ by no more than so many units of rounding has no spread.
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


class Scaling:
    """How columns are scaled: by numbers, or by a rule that is still to be measured.

    Parameters
    ----------
    rule : str
        ``"standard"``, ``"minmax"``, or for other numbers ``"given"``.
    known : (shift, scale), optional
        Vectors with a number for each column; none as long as the rule has not been measured.
    """

    def __init__(self, rule: str, known: tuple[Array, Array] | None = None) -> None:
        self.rule = rule
        self.known = None if known is None else (_frozen(known[0]), _frozen(known[1]))

    @classmethod
    def parse(cls, name: str, value: Any, n_columns: int) -> Scaling | None:
        """Return the scaling that a constructor's argument `name` asks for, None for none.

        Parameters
        ----------
        value : None, "standard", "minmax" or (shift, scale)
            Numbers, or vectors with one for each column.

        Raises
        ------
        TypeError
            If it is none of these, or not made of numbers.
        ValueError
            If the rule is unknown (the message names the nearest), a shape does not fit, or a number is out of range.
        """
        if value is None:
            return None
        if isinstance(value, str):
            if value not in RULES:
                raise ValueError(unknown(f"rule of {name}", value, RULES))
            return cls(value)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise TypeError(f"{name} is {value!r}; expected None, {', '.join(map(repr, RULES))} or (shift, scale)")
        shift, scale = (_column_numbers(f"{name}[{i}]", part, n_columns) for i, part in enumerate(value))
        scaling = cls(GIVEN, (shift, scale))
        scaling.check(name)
        return scaling

    def check(self, name: str) -> None:
        """Raise ValueError unless every shift is finite and every scale a finite number above 0."""
        if self.known is None:
            return
        shift, scale = self.known
        for what, values, right in (
            ("shift", shift, np.isfinite(shift)),
            ("scale", scale, (scale > 0) & np.isfinite(scale)),
        ):
            for column in np.flatnonzero(~right)[:1]:
                expected = "a finite number" + " > 0" * (what == "scale")
                raise ValueError(f"{name}: the {what} of column {column} is {values[column]:g}; expected {expected}")

    @classmethod
    def from_state(cls, kind: str, rule: str | None, arrays: dict[str, Array]) -> Scaling | None:
        """Return the scaling of "inputs" or "targets" out of a network's state; ValueError for wrong numbers."""
        if rule is None:
            return None
        parts = arrays.get(f"{kind}.shift"), arrays.get(f"{kind}.scale")
        scaling = cls(rule, None if parts[0] is None or parts[1] is None else (parts[0], parts[1]))
        scaling.check(f"the scaling of {kind}")
        return scaling

    def arrays(self, kind: str) -> dict[str, Array]:
        """Return copies of the numbers, as far as they are known, by the names that :meth:`from_state` takes."""
        shift, scale = self.known or (None, None)
        return {} if shift is None or scale is None else {f"{kind}.shift": shift.copy(), f"{kind}.scale": scale.copy()}

    def measured(self, name: str, source: Source) -> Scaling:
        """Return the scaling with its rule measured on data, all rows alike; itself where it is known already.

        Columns without spread get the scale 1.

        Raises
        ------
        ValueError
            If the data reach so far that their spread is beyond float64.
        """
        if self.known is not None:
            return self
        mean, deviation, least, greatest = column_statistics(source)
        with np.errstate(over="ignore"):
            width = greatest - least
        shift, spread = (mean, deviation) if self.rule == "standard" else (least, width)
        for column in np.flatnonzero(~np.isfinite(shift) | ~np.isfinite(spread))[:1]:
            raise ValueError(
                f"{name}[:, {column}] reaches from {least[column]:g} to {greatest[column]:g}, too far to be scaled by "
                f"the rule {self.rule!r}"
            )
        size = np.maximum(np.abs(least), np.abs(greatest))
        flat = (width <= _ROUNDING * size) | (spread < np.finfo(np.float64).tiny)
        return Scaling(self.rule, (shift, 1 / np.where(flat, 1, spread)))

    def __repr__(self) -> str:
        return repr(self.rule) if self.rule != GIVEN else "(shift, scale)"


def known(scaling: Scaling | None) -> Scaling | None:
    """Return the scaling if its numbers are known, else None."""
    return None if scaling is None or scaling.known is None else scaling


def scale(source: Source, dtype: np.dtype[Any], scaling: Scaling | None) -> np.dtype[Any]:
    """Scale the columns of data where that is asked for and known; return the dtype they have to be finite in."""
    if scaling is None:
        return dtype
    if scaling.known is None:
        return np.dtype(np.float64)
    source.scale_columns(*scaling.known)
    return dtype


def _column_numbers(name: str, values: Any, n_columns: int) -> Array:
    array = plain_array(name, values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}; expected numbers")
    if array.shape not in ((), (n_columns,)):
        raise ValueError(f"{name} has shape {array.shape}; expected a number, or ({n_columns},), one for each column")
    return np.broadcast_to(array.astype(np.float64), (n_columns,))


def _frozen(values: Array) -> Array:
    copy = np.array(values, np.float64)
    copy.flags.writeable = False
    return copy

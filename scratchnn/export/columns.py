"""The preparation of a table's columns, folded into what is exported: C takes numbers as they stand in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..cells import ColumnError, as_column, kind_of, shown
from ..columns import ClassTarget, ColumnPreparation, Columns, NumericColumn
from .plan import Plan
from .rows import Rows

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["described_inputs", "described_outputs", "rows_of_columns", "units_of", "with_columns"]

Array = npt.NDArray[Any]


def units_of(preparation: ColumnPreparation) -> tuple[Array, Array]:
    """Return the shift and the scale that standardise each input: 0 and 1 for those of text."""
    shift, scale = np.zeros(preparation.n_inputs), np.ones(preparation.n_inputs)
    place = 0
    for feature in preparation.features:
        if isinstance(feature, NumericColumn):
            shift[place], scale[place] = feature.mean, 1 / feature.scale
        place += feature.width
    return shift, scale


def with_columns(plan: Plan, preparation: ColumnPreparation) -> Plan:
    """Return the plan with the preparation before it, and behind it what takes a number back into its unit."""
    target = preparation.target
    restored = None if isinstance(target, ClassTarget) else (target.mean, 1 / target.scale)
    return plan.with_units(units_of(preparation), restored)


def rows_of_columns(
    network: NeuralNetwork, preparation: ColumnPreparation, columns: Columns, real: np.dtype[Any]
) -> Rows:
    """Return the rows of a table as C takes them, with what ``scratchnn predict`` says of them.

    Raises
    ------
    ColumnError
        If the columns do not fit, or a number is beyond the dtype `real`.
    """
    rounded = dict(columns)
    for feature in preparation.features:
        if isinstance(feature, NumericColumn) and feature.name in columns:
            column = as_column(feature.name, columns[feature.name])
            if kind_of(column) == "numeric":
                rounded[feature.name] = _rounded(feature, column, real, preparation.fill_missing)
    prepared = preparation.inputs(rounded, network.dtype)  # which also says what is wrong
    inputs = prepared.astype(real)
    place = 0
    for feature in preparation.features:
        if isinstance(feature, NumericColumn):
            inputs[:, place] = rounded[feature.name]
        place += feature.width
    outputs = network.predict(prepared)
    with np.errstate(over="ignore"):
        if not isinstance(preparation.target, ClassTarget):
            outputs = preparation.predictions(outputs)[:, None]
        return Rows(inputs, outputs.astype(real))


def _rounded(feature: NumericColumn, column: Array, real: np.dtype[Any], fill_missing: bool) -> Array:
    """Return numbers as C takes them; a missing one is the mean where the preparation fills it in."""
    numbers = column.astype(np.float64)
    if fill_missing:
        numbers[np.isnan(numbers)] = feature.mean
    with np.errstate(over="ignore"):
        rounded = numbers.astype(real)
    for row in np.flatnonzero(np.isinf(rounded) & np.isfinite(numbers))[:1]:
        raise ColumnError(f"column {feature.name!r}: {numbers[row]:g} in row {row + 1} is beyond the largest {real}")
    return rounded


def described_inputs(preparation: ColumnPreparation, folded: bool) -> list[str]:
    """Return a line for each input: its column, and how it is prepared where that is not `folded` in."""
    lines = []
    for feature in preparation.features:
        if isinstance(feature, NumericColumn):
            text = f"the number in column {shown(feature.name)}"
            if not folded:
                text = f"(x - {feature.mean!r}) / {feature.scale!r} for {text}"
            if preparation.fill_missing:
                text += f"; {feature.mean!r} where it is missing" if folded else "; 0 where it is missing"
            lines.append(text)
        else:
            column = shown(feature.name)
            lines += [f"1 where column {column} is {shown(category)}, else 0" for category in feature.categories]
    return [f"{i}: {line}" for i, line in enumerate(lines)]


def described_outputs(preparation: ColumnPreparation, folded: bool) -> list[str]:
    """Return a line for each output."""
    target = preparation.target
    if isinstance(target, ClassTarget):
        column = shown(target.name)
        return [
            f"{k}: the probability that column {column} is {shown(label)}" for k, label in enumerate(target.classes)
        ]
    text = f"0: the number in column {shown(target.name)}"
    return [text if folded else f"{text}, less {target.mean!r} and divided by {target.scale!r}"]

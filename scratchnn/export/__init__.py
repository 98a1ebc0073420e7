"""Networks as C: one file that computes what a network does, without Python (docs/export.md).

:meth:`scratchnn.NeuralNetwork.to_c` and ``scratchnn export-c`` are what calls it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..columns import ColumnPreparation, Columns
from ..core.names import unknown
from .columns import described_inputs, described_outputs, rows_of_columns, with_columns
from .header import Meaning, header, meaning_of_outputs
from .literals import commented
from .plan import Plan, plan_of
from .quantization import quantized
from .rows import Rows, rounded_rows
from .selftest import selftest
from .source import source

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["WEIGHTS", "check_name", "columns_to_c", "is_name", "to_c"]

WEIGHTS = ("float32", "float64", "int8")

# C99 tells identifiers apart by 63 characters, and this leaves some for what follows the name.
LONGEST_NAME = 40


def to_c(network: NeuralNetwork, name: str, weights: str, test_rows: Any) -> str:
    """Return C that computes what ``network.predict`` does; :meth:`NeuralNetwork.to_c` documents it."""
    real = _check(name, weights, test_rows)
    preparation = _preparation_of(network)
    if preparation is None:
        inputs, outputs = ["as network.predict takes them"], meaning_of_outputs(network)
    else:
        inputs = ["columns of a table, prepared as the model file says:", *described_inputs(preparation, False)]
        outputs = described_outputs(preparation, False)
    rows = None if test_rows is None else rounded_rows(network, test_rows, real)
    return _file(network, name, weights, plan_of(network, real), Meaning("network.predict", inputs, outputs), rows)


def columns_to_c(
    network: NeuralNetwork, preparation: ColumnPreparation, name: str, weights: str, columns: Columns | None
) -> str:
    """Return C that computes what ``scratchnn predict`` does, of numbers as they stand in a table.

    Parameters
    ----------
    network, preparation
        A network, and how its columns are prepared.
    name, weights
        As for :meth:`NeuralNetwork.to_c`.
    columns : dict of name to (m,) array, optional
        The rows of the self-test.

    Raises
    ------
    TypeError, ValueError
        As for :meth:`NeuralNetwork.to_c`.
    ColumnError
        If the columns do not fit.
    """
    real = _check(name, weights, columns)
    rows = None if columns is None else rows_of_columns(network, preparation, columns, real)
    inputs = [
        "columns of a table, numbers as they stand there: how they are prepared is a part of the file",
        *described_inputs(preparation, True),
    ]
    meaning = Meaning("scratchnn predict", inputs, described_outputs(preparation, True))
    return _file(network, name, weights, with_columns(plan_of(network, real), preparation), meaning, rows)


def is_name(name: str) -> bool:
    """Return whether identifiers of C and C++ may begin with `name` and an underscore."""
    return bool(re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)) and "__" not in f"{name}_" and len(name) <= LONGEST_NAME


def check_name(name: str) -> str:
    """Return `name`; TypeError or ValueError unless identifiers may begin with it."""
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r}; expected text, such as 'network'")
    if not is_name(name):
        raise ValueError(
            f"name is {name!r}; expected an identifier of C: letters of ASCII, digits and single underscores, a letter "
            f"first and no underscore last, at most {LONGEST_NAME} characters"
        )
    return name


def _check(name: str, weights: str, rows: Any) -> np.dtype[Any]:
    """Return the dtype that C computes in; TypeError or ValueError where the arguments do not fit."""
    check_name(name)
    if weights not in WEIGHTS:
        raise ValueError(unknown("weights", weights, WEIGHTS))
    if weights == "int8" and rows is None:
        raise ValueError("weights='int8' needs test_rows: rows of real inputs, on which the error is measured")
    return np.dtype(np.float64 if weights == "float64" else np.float32)


def _preparation_of(network: NeuralNetwork) -> ColumnPreparation | None:
    """Return the preparation that ``scratchnn train`` has left in the metadata; None where there is none that fits."""
    try:
        preparation = ColumnPreparation.from_dict(network.metadata.get("preparation"))
    except ValueError:  # the metadata are the user's own
        return None
    sizes = preparation.n_inputs, preparation.n_outputs
    return preparation if sizes == (network.n_inputs, network.n_outputs) else None


def _file(network: NeuralNetwork, name: str, weights: str, plan: Plan, meaning: Meaning, rows: Rows | None) -> str:
    errors = tolerance = None
    if weights == "int8":
        plan = quantized(plan)
    if rows is not None:
        tolerance = rows.tolerance(plan, network.dtype)
        if weights == "int8":
            errors = rows.errors(plan)
            tolerance = tolerance + errors.max(axis=0)
    n_rows = 0 if rows is None else len(rows.inputs)
    lines = [
        *commented(header(name, network, plan, weights, meaning, n_rows, errors, tolerance)),
        "",
        *source(name, plan),
    ]
    if rows is not None and tolerance is not None:
        lines += ["", *selftest(name, plan, rows.inputs, rows.outputs, tolerance)]
    return "\n".join([*lines, "#endif", ""])

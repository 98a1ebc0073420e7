"""Choose what is learnt from a table: its columns, its rows and the task."""

from __future__ import annotations

import difflib
import shlex
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..columns import ColumnError, Task, check_finite, count, is_number, kind_of, listed, missing_cells
from .advice import doubtful_columns, unusable_columns
from .console import warn

__all__ = ["decide_task", "refuse_unusable", "select_columns", "take", "without_missing"]

Array = npt.NDArray[Any]
Columns = dict[str, Array]

FEW_NUMBERS = 20  # a target of at most so many different whole numbers is taken for classes


def select_columns(columns: Columns, data: str, target: str, drop: list[str]) -> Columns:
    """Return the columns less those to drop, after checking that all the names are there."""
    for name in (target, *drop):
        if name not in columns:
            raise ValueError(_no_column(name, list(columns), data))
    if target in drop:
        raise ValueError(f"--target and --drop both name {target!r}")
    columns = {name: column for name, column in columns.items() if name not in drop}
    if len(columns) == 1:
        raise ValueError(f"{target!r} is the only column: there is none to predict it from")
    for name, column in columns.items():
        if missing_cells(column).all():
            raise ColumnError(f"column {name!r} is empty; leave it out with --drop {shlex.quote(name)}")
        check_finite(name, column)
    return columns


def _no_column(name: str, there: list[str], data: str) -> str:
    near = difflib.get_close_matches(name, there, 1)
    hint = f" Is it {near[0]!r}?" if near else ""
    if all(is_number(other) for other in there):
        hint = " Its first line holds numbers alone: is the header missing?"
    return f"{data!r} has no column {name!r}, but {listed(there)}.{hint}"


def without_missing(columns: Columns, target: str, missing: str) -> Columns:
    """Return the rows that can be learnt from, as `missing` ("error", "drop", "mean") has it."""
    incomplete = {name: missing_cells(column) for name, column in columns.items()}
    incomplete = {name: where for name, where in incomplete.items() if where.any()}
    if not incomplete:
        return columns
    rows = np.logical_or.reduce(list(incomplete.values()))
    if missing == "error":
        (first, where), *others = incomplete.items()
        more = "".join(f", {name!r} has {int(w.sum())}" for name, w in others[:5])
        more += f", and {len(others) - 5} more columns have some" if len(others) > 5 else ""
        raise ColumnError(
            f"column {first!r} has {count(where, 'missing cell')}, the first in row "
            f"{int(where.argmax()) + 1}{more}. --missing drop leaves out {count(rows, 'row')} of "
            f"{len(rows)}, --missing mean fills in, --drop leaves a column out"
        )
    if missing == "mean":  # a row without its target teaches nothing
        rows = incomplete.get(target, np.zeros(len(rows), dtype=bool))
    if rows.all():
        raise ColumnError("every row has a missing cell; --missing mean fills in, --drop leaves a column out")
    return take(columns, np.flatnonzero(~rows))


def refuse_unusable(columns: Columns) -> None:
    reasons = unusable_columns(columns)
    if reasons:
        what = "; ".join(f"column {name!r} {reason}" for name, reason in reasons.items())
        how = " ".join(f"--drop {shlex.quote(name)}" for name in reasons)
        raise ColumnError(f"{what}. To leave {'it' if len(reasons) == 1 else 'them'} out: {how}")
    for sentence in doubtful_columns(columns):
        warn(sentence)


def decide_task(asked: str, target: str, column: Array) -> tuple[Task, str]:
    """Return the task and the line that gives the reason."""
    n_different = len(set(column.tolist()))
    if n_different == 1:
        raise ColumnError(f"column {target!r} is {column[0]!s} in every row: nothing to learn")
    if asked != "auto":
        return cast(Task, asked), f"{asked}, as asked"
    if kind_of(column) == "text":
        return "classification", f"classification: {target!r} is text"
    if (column == np.floor(column)).all() and n_different <= min(FEW_NUMBERS, len(column) // 2):
        what = f"classification: {target!r} holds only {n_different} whole numbers"
        return "classification", f"{what} (or --task regression)"
    return "regression", f"regression: {target!r} holds {n_different} different numbers"


def take(columns: Columns, rows: Array) -> Columns:
    return {name: column[rows] for name, column in columns.items()}

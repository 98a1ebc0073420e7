"""Pose a problem to a network: choose columns, rows and task of a table, and prepare them."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ..cells import ColumnError, check_finite, count, is_number, kind_of, listed, missing_cells
from ..columns import ColumnPreparation, Task
from ..holdout import hold_out
from ..metrics import r_squared
from .advice import doubtful_columns, unusable_columns
from .console import warn
from .model import score

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["Problem", "Rows", "Tell", "pose", "select_columns"]

Array: TypeAlias = npt.NDArray[Any]
Columns: TypeAlias = dict[str, Array]
Tell: TypeAlias = Callable[[str, str], None]

FEW_NUMBERS = 20  # a target of at most so many different whole numbers is taken for classes


@dataclass(frozen=True)
class Rows:
    """Rows as the network takes them, and their target as the table has it."""

    x: Array
    y: Array
    target: Array

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Problem:
    """A table made ready for a network, with the rows that are held out of training, if any."""

    preparation: ColumnPreparation
    training: Rows
    held_out: Rows | None

    @property
    def task(self) -> Task:
        return self.preparation.task

    @property
    def validation_data(self) -> tuple[Array, Array] | None:
        return None if self.held_out is None else (self.held_out.x, self.held_out.y)

    @property
    def score(self) -> Callable[[NeuralNetwork], float] | None:
        """The function from a network to its accuracy or R² on the held-out rows, None without any."""
        if self.held_out is None:
            return None
        x, y = self.held_out.x, self.held_out.y
        if self.task == "classification":
            return lambda network: float(np.mean(network.predict(x).argmax(axis=1) == y))
        return lambda network: r_squared(y.astype(np.float64), network.predict(x)[:, 0])

    def report(self, network: NeuralNetwork) -> str:
        """Return how good the network is on the held-out rows, in the units of the table."""
        rows, title = self.held_out, "held-out rows"
        if rows is None:
            rows, title = self.training, "training rows, as none were held out"
        return f"{title}: {len(rows)}\n\n{score(self.preparation, network.predict(rows.x), rows.target)}"


def pose(
    table: Columns,
    target: str,
    tell: Tell,
    *,
    task: str,
    missing: str,
    validation_fraction: float,
    seed: int,
    dtype: str,
) -> Problem:
    """Return the problem to predict `target` from the other columns, and tell what was decided.

    Raises
    ------
    ValueError
        Naming the columns or rows that do not serve, and the option that helps.
    """
    n_rows = len(table[target])
    table = without_missing(table, target, missing)
    refuse_unusable({name: column for name, column in table.items() if name != target})
    tell("table", _table_in_words(table, target, n_rows))
    chosen, reason = decide_task(task, target, table[target])
    tell("task", reason)

    labels = table[target] if chosen == "classification" else None
    try:
        training_rows, held_out_rows = hold_out(len(table[target]), validation_fraction, seed, labels)
    except ValueError as reason:
        raise ValueError(f"{reason} (--validation-fraction 0 trains on all rows)") from None
    learning = take(table, training_rows)
    preparation = ColumnPreparation.learn(learning, target, chosen, fill_missing=missing == "mean")
    training = _prepared(preparation, learning, dtype)
    held_out = _prepared(preparation, take(table, held_out_rows), dtype) if len(held_out_rows) else None
    how = "each class in proportion" if chosen == "classification" else "at random"
    what = "none held out" if held_out is None else f"{len(held_out)} held out, {how} (seed {seed})"
    tell("rows", f"{len(training)} to learn from, {what}")
    return Problem(preparation, training, held_out)


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


def _prepared(preparation: ColumnPreparation, columns: Columns, dtype: str) -> Rows:
    y = preparation.targets(columns)
    return Rows(
        preparation.inputs(columns, dtype),
        y.astype(dtype) if preparation.task == "regression" else y,
        columns[preparation.target.name],
    )


def _table_in_words(table: Columns, target: str, n_rows: int) -> str:
    """Return for example "889 rows, columns: 5 of numbers and 3 of text, to predict 'survived'"."""
    n_text = sum(kind_of(column) == "text" for name, column in table.items() if name != target)
    n_numeric = len(table) - 1 - n_text
    kinds = [f"{n} of {what}" for n, what in ((n_numeric, "numbers"), (n_text, "text")) if n]
    left_out = n_rows - len(table[target])
    return f"{len(table[target])} rows, columns: {' and '.join(kinds)}, to predict {target!r}" + (
        f" ({left_out} rows with missing cells left out)" if left_out else ""
    )

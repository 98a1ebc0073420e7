"""Tell columns that cannot be learnt from as they stand, and those that look like a mistake."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import count, is_number, kind_of, missing_cells, shown

__all__ = ["doubtful_columns", "unusable_columns"]

Array = npt.NDArray[Any]

MAX_CATEGORIES = 1000  # inputs of the network, for one column
FEW_CATEGORIES = 50
FEW_NUMBERS = 20  # more are no categories
FEW_ROWS = 10

DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.*|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})\b.*", re.DOTALL)
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def unusable_columns(columns: Mapping[str, Array]) -> dict[str, str]:
    """Return the text columns that one-hot inputs would not serve, each with the reason."""
    reasons = {}
    for name, column in columns.items():
        if kind_of(column) == "text" and (reason := _unusable(column)):
            reasons[name] = reason
    return reasons


def _unusable(column: Array) -> str | None:
    texts = set(column.tolist()) - {None}
    example = shown(min(texts))
    if all(DATE.fullmatch(text) for text in texts):
        return f"holds dates, such as {example}: give year, month or weekday columns of their own"
    if all(DECIMAL_COMMA.fullmatch(text) for text in texts):
        return f"holds numbers with a comma, such as {example}: write a decimal point, or nothing"
    if len(texts) > FEW_NUMBERS and (stray := _stray_text(column)):
        return f"{stray}: leave such cells empty and use --missing"
    n_present = int((~missing_cells(column)).sum())
    each_once = len(texts) == n_present >= FEW_ROWS
    if each_once or (len(texts) > FEW_CATEGORIES and 2 * len(texts) > n_present):
        return f"holds {len(texts)} different texts in {n_present} rows, as names and identifiers do"
    if len(texts) > MAX_CATEGORIES:
        return f"holds {len(texts)} different texts, more than {MAX_CATEGORIES}"
    return None


def doubtful_columns(columns: Mapping[str, Array]) -> list[str]:
    """Return a sentence for each column that is used and yet looks like a mistake."""
    sentences = []
    for name, column in columns.items():
        if kind_of(column) == "text":
            if stray := _stray_text(column):
                sentences.append(f"column {name!r} is taken for text, since it {stray}")
        elif len(column) >= FEW_ROWS and (np.diff(column) == 1).all():
            sentences.append(
                f"column {name!r} counts the rows; if that tells nothing of the target, leave it out: "
                f"--drop {shlex.quote(name)}"
            )
    return sentences


def _stray_text(column: Array) -> str | None:
    """Say which cells are no numbers, if most are."""
    numbers = np.array([cell is not None and is_number(cell) for cell in column])
    stray = ~numbers & ~missing_cells(column)
    if 2 * numbers.sum() < len(column):
        return None
    row = int(stray.argmax())
    where = f"{count(stray, 'cell')} of {len(column)}"
    return f"holds text in {where}, such as {shown(column[row])} in row {row + 1}"

"""Tell columns that cannot be learnt from as they stand, and those that look like a mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from ..columns import kind_of, missing_cells, shown

__all__ = ["doubtful_columns", "unusable_columns"]

Array = npt.NDArray[Any]

MAX_CATEGORIES = 1000  # inputs of the network, for one column
FEW_CATEGORIES = 50
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
    if not texts:
        return None
    example = shown(min(texts))
    if all(DATE.fullmatch(text) for text in texts):
        return f"holds dates, such as {example}: give year, month or weekday columns of their own"
    if all(DECIMAL_COMMA.fullmatch(text) for text in texts):
        return f"holds numbers with a comma, such as {example}: write them with a decimal point alone"
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
                sentences.append(f"column {name!r} is taken for text: {stray}")
        elif len(column) >= FEW_ROWS and (np.diff(column) == 1).all():
            sentences.append(
                f"column {name!r} counts the rows; if it is a mere number of the row, leave it out "
                f"with --drop"
            )
    return sentences


def _stray_text(column: Array) -> str | None:
    """Say which cell is no number, if most are."""
    is_number = np.array([cell is not None and _is_number(cell) for cell in column])
    stray = ~is_number & ~missing_cells(column)
    if not stray.any() or 2 * is_number.sum() < len(column):
        return None
    row = int(stray.argmax())
    return (
        f"{stray.sum()} of {len(column)} cells {'is' if stray.sum() == 1 else 'are'} not "
        f"{'a number' if stray.sum() == 1 else 'numbers'}, such as {shown(column[row])} in row {row + 1}"
    )


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return False

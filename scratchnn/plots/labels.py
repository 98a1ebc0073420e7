"""Labels of classes, as they stand in data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.arrays import plain_array

__all__ = ["as_labels", "named_classes", "places", "union"]

Array = npt.NDArray[Any]


def as_labels(name: str, values: Any) -> list[Any]:
    """Return labels as a list of Python's integers, strings and the like.

    Raises
    ------
    ValueError
        If they are no vector, one is missing, or they are fractions, such as probabilities.
    """
    is_plain = isinstance(values, (list, tuple))  # of which NumPy would make text of all, if one is text
    array = np.asarray(values, dtype=object) if is_plain else plain_array(name, values)
    given = array.shape
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {given}; expected a class label for each row, (n_samples,)")
    labels: list[Any] = array.tolist()
    for i, label in enumerate(labels):
        if label is None or label != label:
            raise ValueError(f"{name}[{i}] is {label}; expected a class label")
        if isinstance(label, float):
            if not label.is_integer():
                raise ValueError(
                    f"{name}[{i}] is {label}; expected class labels; np.argmax(p, axis=1) makes them of probabilities"
                )
            labels[i] = int(label)
    return labels


def union(*several: list[Any]) -> list[Any]:
    """Return all labels that occur, each once, in ascending order.

    Raises
    ------
    TypeError
        If text and numbers occur together.
    """
    found = {label for labels in several for label in labels}
    try:
        return sorted(found)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in found})
        raise TypeError(f"the labels are {' and '.join(kinds)}; expected labels of one kind") from None


def places(name: str, labels: list[Any], known: Sequence[Any]) -> Array:
    """Return where each label stands in `known`; ValueError for one that does not."""
    place = {label: i for i, label in enumerate(known)}
    for i, label in enumerate(labels):
        if label not in place:
            listed = ", ".join(map(repr, list(known)[:10])) + (", …" if len(known) > 10 else "")
            raise ValueError(f"{name}[{i}] is {label!r}, which is none of the classes {listed}")
    return np.array([place[label] for label in labels], dtype=np.intp)


def named_classes(labels: Sequence[Any], given: Sequence[Any] | None) -> list[str]:
    """Return the names of classes: those given, or the labels themselves.

    Raises
    ------
    ValueError
        If there are more or fewer names than labels.
    """
    names = [str(name) for name in (labels if given is None else given)]
    if len(names) != len(labels):
        raise ValueError(f"class_names has {len(names)} names; expected {len(labels)}, one for each class")
    return names

"""What a network is given for the columns of a table, and what its outputs mean.

A preparation is learnt from the training rows alone and then applied, unchanged, to any rows:

    feature of numbers   z = (x - mean) / scale         one input
    feature of text      one-hot over its categories    one input each; all 0 for an unseen category
    target of classes    the place in the list of classes
    target of numbers    z = (y - mean) / scale         undone by y = z scale + mean

It is kept in the model file as JSON, and such a file is hostile until checked: `from_dict` takes
only what `to_dict` gives. Columns come by name, as `cells` describes them.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from .cells import (
    Array,
    ColumnError,
    Kind,
    MissingCellError,
    as_column,
    check_finite,
    count,
    is_number,
    kind_of,
    listed,
    missing_cells,
    shown,
)
from .strict_json import brief, check_keys

__all__ = [
    "ClassTarget",
    "ColumnPreparation",
    "NumericColumn",
    "TextColumn",
    "UnseenCategoryWarning",
]

SMALLEST_SCALE = sys.float_info.min  # half of a smaller one may be 0

Columns: TypeAlias = Mapping[str, Array]
Label: TypeAlias = str | int | float
Task: TypeAlias = Literal["classification", "regression"]


class UnseenCategoryWarning(UserWarning):
    """A text column holds categories that the training rows did not."""


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, standardised to mean 0 and standard deviation 1: z = (x - mean) / scale.

    A constant column has scale 1, so z is 0. The deviation is that of the population (divisor m).
    """

    name: str
    mean: float
    scale: float
    kind: ClassVar[Kind] = "numeric"
    width: ClassVar[int] = 1

    @classmethod
    def learn(cls, name: str, column: Array) -> NumericColumn:
        present = column[~missing_cells(column)].astype(np.float64)
        if not len(present):
            raise ColumnError(f"column {shown(name)} has no value in the training rows")
        # Halves, since differences could overflow; from the first number, so that those of a constant
        # are exactly 0; in units of the largest, so that no square overflows or vanishes.
        half = 0.5 * present
        difference = half - half[0]
        largest = float(np.abs(difference).max()) or 1.0
        unit = difference / largest
        mean = 2 * (float(half[0]) + float(unit.mean()) * largest)
        scale = 2 * float(unit.std()) * largest
        return cls(name, mean, scale if scale >= SMALLEST_SCALE else 1.0)

    def standardise(self, column: Array) -> Array:
        """Return z in float64, NaN where x is."""
        x = column.astype(np.float64)
        # Halved, since the difference of two numbers near the largest would overflow.
        with np.errstate(over="ignore"):
            return cast(Array, (0.5 * x - 0.5 * self.mean) / (0.5 * self.scale))

    def restore(self, z: Array) -> Array:
        """Return x = z scale + mean in float64."""
        with np.errstate(over="ignore"):
            return cast(Array, z.astype(np.float64) * self.scale + self.mean)

    def encode(self, column: Array, out: Array) -> None:
        """Write z into `out` (m, 1); a missing number becomes 0, the training rows' mean."""
        z = self.standardise(column)
        z[np.isnan(z)] = 0.0
        with np.errstate(over="ignore"):
            out[:, 0] = z
        if not np.isfinite(out).all():
            x = column[np.isinf(out[:, 0]).argmax()]
            raise ColumnError(
                f"column {shown(self.name)}: {x} is beyond the range of {out.dtype} when standardised "
                f"(mean {self.mean:.6g}, deviation {self.scale:.6g})"
            )

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], place: str) -> NumericColumn:
        check_keys(data, {"kind", "name", "mean", "scale"}, place)
        scale = _number(data["scale"], f"{place}.scale")
        if scale < SMALLEST_SCALE:
            raise ValueError(f"{place}.scale must be at least {SMALLEST_SCALE}, not {scale}")
        return cls(_text(data["name"], f"{place}.name"), _number(data["mean"], f"{place}.mean"), scale)


@dataclass(frozen=True)
class TextColumn:
    """A column of text as one-hot inputs, one for each category of the training rows."""

    name: str
    categories: tuple[str, ...]
    kind: ClassVar[Kind] = "text"

    @property
    def width(self) -> int:
        return len(self.categories)

    @classmethod
    def learn(cls, name: str, column: Array) -> TextColumn:
        categories = sorted(set(column.tolist()) - {None})
        if not categories:
            raise ColumnError(f"column {shown(name)} has no value in the training rows")
        return cls(name, tuple(categories))

    def encode(self, column: Array, out: Array) -> None:
        """Write one-hot rows into `out` (m, n_categories), zeros for a missing or unseen category."""
        place = {category: i for i, category in enumerate(self.categories)}
        codes = np.fromiter((place.get(cell, -1) for cell in column), dtype=np.intp, count=len(column))
        known = codes >= 0
        out[:] = 0
        out[np.flatnonzero(known), codes[known]] = 1
        unseen = ~known & ~missing_cells(column)
        if unseen.any():
            warnings.warn(
                f"column {shown(self.name)} has {count(unseen, 'cell')} of a category that the training rows "
                f"did not have, such as {shown(column[unseen.argmax()])}: taken for none of the known",
                UnseenCategoryWarning,
                stacklevel=3,
            )

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "categories": list(self.categories)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], place: str) -> TextColumn:
        check_keys(data, {"kind", "name", "categories"}, place)
        name = _text(data["name"], f"{place}.name")
        categories = _ascending(data["categories"], f"{place}.categories", least=1)
        return cls(name, tuple(_text(c, f"{place}.categories") for c in categories))


@dataclass(frozen=True)
class ClassTarget:
    """A target of classes: the label of output k of the network is `classes[k]`.

    `counts` are the training rows of each class.
    """

    name: str
    classes: tuple[Label, ...]
    counts: tuple[int, ...]
    kind: ClassVar[str] = "classes"

    @property
    def column_kind(self) -> Kind:
        return "text" if isinstance(self.classes[0], str) else "numeric"

    @classmethod
    def learn(cls, name: str, column: Array) -> ClassTarget:
        rows = Counter(column.tolist())
        classes: list[Label] = sorted(rows)
        if len(classes) < 2:
            raise ColumnError(f"column {shown(name)} is {shown(classes[0])} in every training row: nothing to learn")
        counts = tuple(rows[label] for label in classes)
        if all(isinstance(label, float) and _is_exact_integer(label) for label in classes):
            classes = [int(label) for label in classes]
        return cls(name, tuple(classes), counts)

    @property
    def commonest(self) -> int:
        """The place of the class with the most training rows."""
        return self.counts.index(max(self.counts))

    def codes(self, column: Array) -> npt.NDArray[np.int64]:
        """Return each label's place among the classes, -1 where it is none of them."""
        place = {label: k for k, label in enumerate(self.classes)}
        codes = (place.get(label, -1) for label in column.tolist())
        return np.fromiter(codes, dtype=np.int64, count=len(column))

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "classes": list(self.classes),
            "counts": list(self.counts),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], place: str) -> ClassTarget:
        check_keys(data, {"kind", "name", "classes", "counts"}, place)
        name = _text(data["name"], f"{place}.name")
        classes = _ascending(data["classes"], f"{place}.classes", least=2)
        check = _text if isinstance(classes[0], str) else _number
        for label in classes:
            check(label, f"{place}.classes")
        counts = data["counts"]
        if not isinstance(counts, list) or not all(type(n) is int and n > 0 for n in counts):
            raise ValueError(f"{place}.counts must be a list of positive integers")
        if len(counts) != len(classes):
            raise ValueError(f"{place} has {len(classes)} classes and {len(counts)} counts")
        return cls(name, tuple(classes), tuple(counts))


Feature: TypeAlias = NumericColumn | TextColumn
Target: TypeAlias = ClassTarget | NumericColumn


@dataclass(frozen=True)
class ColumnPreparation:
    """The preparation of named columns for a network, learnt from training rows.

    Attributes
    ----------
    features : tuple of NumericColumn and TextColumn
        In the order of the network's inputs.
    target : ClassTarget or NumericColumn
        What the outputs mean.
    fill_missing : bool
        Whether a missing cell is let through (the mean for a number, no category for text).
    """

    features: tuple[Feature, ...]
    target: Target
    fill_missing: bool = False

    @classmethod
    def learn(cls, columns: Columns, target: str, task: Task, *, fill_missing: bool = False) -> ColumnPreparation:
        """Learn the preparation from the columns of the training rows.

        Parameters
        ----------
        columns : dict of name to (m,) array
            Numbers or text; all but `target` become features.
        target : str
            The column to predict, without missing cells.
        task : {"classification", "regression"}
            What the target is taken for.
        fill_missing : bool
            Let missing cells of features through, here and later.

        Raises
        ------
        ColumnError
            Naming the column and what is wrong with it.
        """
        if target not in columns:
            raise ColumnError(f"no column {shown(target)} among {listed(columns)}")
        arrays = {name: as_column(name, values) for name, values in columns.items()}
        values = arrays.pop(target)
        _check_row_counts({**arrays, target: values})
        if not len(values):
            raise ColumnError("the table has no rows")
        if not arrays:
            raise ColumnError(f"{shown(target)} is the only column: there is none to predict it from")
        _check_cells(target, values, fill_missing=False)
        for name, column in arrays.items():
            _check_cells(name, column, fill_missing)
        if task == "regression":
            if kind_of(values) == "text":
                raise ColumnError(f"column {shown(target)} is text: regression needs numbers")
            if values.min() == values.max():
                raise ColumnError(f"column {shown(target)} is {values[0]} in every training row: nothing to learn")
        learnt = NumericColumn.learn if task == "regression" else ClassTarget.learn
        features = tuple(
            (TextColumn if kind_of(column) == "text" else NumericColumn).learn(name, column)
            for name, column in arrays.items()
        )
        return cls(features, learnt(target, values), fill_missing)

    @property
    def task(self) -> Task:
        return "classification" if isinstance(self.target, ClassTarget) else "regression"

    @property
    def n_inputs(self) -> int:
        return sum(feature.width for feature in self.features)

    @property
    def n_outputs(self) -> int:
        return len(self.target.classes) if isinstance(self.target, ClassTarget) else 1

    @property
    def text_columns(self) -> frozenset[str]:
        """The columns that hold text, the target among them if its classes are words."""
        names = {feature.name for feature in self.features if feature.kind == "text"}
        if isinstance(self.target, ClassTarget) and self.target.column_kind == "text":
            names.add(self.target.name)
        return frozenset(names)

    def extra(self, columns: Iterable[str]) -> list[str]:
        """Return the columns that are neither a feature nor the target."""
        known = {feature.name for feature in self.features} | {self.target.name}
        return [name for name in columns if name not in known]

    def inputs(self, columns: Columns, dtype: npt.DTypeLike = np.float64) -> Array:
        """Return the network's inputs, (m, n_inputs), for columns by name; other columns are ignored.

        Raises
        ------
        ColumnError
            A column is missing, holds text for numbers or numbers for text, or has cells without
            a value or with an infinite one.

        Warns
        -----
        UnseenCategoryWarning
            Once a column, with the number of cells.
        """
        self._check_present(columns)
        arrays = {f.name: as_column(f.name, columns[f.name]) for f in self.features}
        _check_row_counts(arrays)
        for feature in self.features:
            column = arrays[feature.name]
            _check_kind(feature.name, column, feature.kind)
            _check_cells(feature.name, column, self.fill_missing)
        m = len(arrays[self.features[0].name])
        x = np.empty((m, self.n_inputs), dtype=dtype)
        start = 0
        for feature in self.features:
            feature.encode(arrays[feature.name], x[:, start : start + feature.width])
            start += feature.width
        return x

    def targets(self, columns: Columns) -> Array:
        """Return what the network is to answer: (m,) labels, -1 for a class unknown, or (m,) z."""
        name = self.target.name
        if name not in columns:
            raise ColumnError(f"no column {shown(name)} among {listed(columns)}")
        column = as_column(name, columns[name])
        if isinstance(self.target, ClassTarget):
            _check_kind(name, column, self.target.column_kind)
            return self.target.codes(column)
        _check_kind(name, column, "numeric")
        return self.target.standardise(column)

    def predictions(self, outputs: Array) -> Array:
        """Return labels, or numbers in the units of the target, for a network's outputs."""
        if isinstance(self.target, ClassTarget):
            labels = np.empty(len(self.target.classes), dtype=object)
            labels[:] = self.target.classes
            return cast(Array, labels[outputs.argmax(axis=1)])
        return self.target.restore(outputs[:, 0])

    def to_dict(self) -> dict[str, Any]:
        """Return the preparation as JSON values."""
        return {
            "features": [feature.to_dict() for feature in self.features],
            "target": self.target.to_dict(),
            "fill_missing": self.fill_missing,
        }

    @classmethod
    def from_dict(cls, data: object) -> ColumnPreparation:
        """Return the preparation that `to_dict` described.

        Raises
        ------
        ValueError
            Naming the place of the first thing that `to_dict` would not have written.
        """
        place = "preparation"
        check_keys(data, {"features", "target", "fill_missing"}, place)
        data = cast(dict[str, Any], data)
        if type(data["fill_missing"]) is not bool:
            raise ValueError(f"{place}.fill_missing must be true or false")
        if not isinstance(data["features"], list) or not data["features"]:
            raise ValueError(f"{place}.features must be a list with at least one column")
        kinds = {"numeric": NumericColumn, "text": TextColumn}
        features = tuple(_column_from(item, kinds, f"{place}.features[{i}]") for i, item in enumerate(data["features"]))
        kinds = {"numeric": NumericColumn, "classes": ClassTarget}
        target = _column_from(data["target"], kinds, f"{place}.target")
        names = [column.name for column in (*features, target)]
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise ValueError(f"{place} names the column {brief(twice)} twice")
        return cls(features, target, data["fill_missing"])

    def _check_present(self, columns: Columns) -> None:
        missing = [f.name for f in self.features if f.name not in columns]
        if missing:
            there = [name for name in columns if name != self.target.name]
            near = difflib.get_close_matches(missing[0], self.extra(columns), 1)
            raise ColumnError(
                f"{len(missing)} of the {len(self.features)} columns that the network was trained on "
                f"{'is' if len(missing) == 1 else 'are'} missing: {listed(missing)}; the table has "
                f"{listed(there)}" + (f" (is {shown(near[0])} meant for {shown(missing[0])}?)" if near else "")
            )


def _check_row_counts(columns: Columns) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        (a, m), *others = lengths.items()
        b, n = next((name, length) for name, length in others if length != m)
        raise ColumnError(f"columns differ in length: {shown(a)} has {m} rows, {shown(b)} has {n}")


def _check_kind(name: str, column: Array, expected: Kind) -> None:
    found = kind_of(column)
    if found == expected or missing_cells(column).all():
        return
    if expected == "text":
        raise ColumnError(f"column {shown(name)} held text in training, and holds numbers now")
    texts = (i for i, cell in enumerate(column) if cell is not None and not is_number(cell))
    row = next(texts, int((~missing_cells(column)).argmax()))
    raise ColumnError(
        f"column {shown(name)} held numbers in training, and holds text now, "
        f"such as {shown(column[row])} in row {row + 1}"
    )


def _check_cells(name: str, column: Array, fill_missing: bool) -> None:
    missing = missing_cells(column)
    if missing.any() and not fill_missing:
        raise MissingCellError(
            f"column {shown(name)} has {count(missing, 'missing cell')}, the first in row {int(missing.argmax()) + 1}"
        )
    check_finite(name, column)


def _column_from(data: object, kinds: Mapping[str, Any], place: str) -> Any:
    if not isinstance(data, dict) or data.get("kind") not in list(kinds):  # a list has no hash
        raise ValueError(f"{place} must be an object whose kind is one of {', '.join(kinds)}")
    return kinds[data["kind"]].from_dict(data, place)


def _is_exact_integer(number: float) -> bool:
    return number.is_integer() and abs(number) <= 1 << sys.float_info.mant_dig


def _ascending(values: object, place: str, least: int) -> list[Any]:
    """Return a list of at least `least` values of one sort in strictly ascending order."""
    if not isinstance(values, list) or len(values) < least:
        raise ValueError(f"{place} must be a list of at least {least}")
    try:
        ordered = all(a < b for a, b in pairwise(values))
    except TypeError:
        ordered = False
    if not ordered:
        raise ValueError(f"{place} must be in ascending order, each once")
    return values


def _number(value: object, place: str) -> float:
    finite = isinstance(value, int | float) and abs(value) <= sys.float_info.max
    if isinstance(value, bool) or not finite:
        raise ValueError(f"{place} must be a finite number, not {brief(value)}")
    return float(cast(float, value))


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place} must be text, not {brief(value)}")
    return value

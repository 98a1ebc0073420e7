"""Decision boundaries: what a classifier answers in a plane of two features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..validation import integer
from .labels import as_labels, named_classes, places
from .model import Classifier, as_classifier, named_features
from .style import (
    MARKERS,
    axes_or_new,
    background,
    class_colours,
    frame,
    label,
    legend_beside,
    mix,
    point_size,
    set_title,
)
from .table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["decision_boundary"]

Array = npt.NDArray[Any]

MOST_NUMBERS = 1 << 22  # that are given to the model at once: 32 MB of float64
EDGE = 0.45  # of a point's colour, for its border
FAINTEST, STRONGEST = 0.06, 0.5  # colour of a region where no class is likelier than another, and where one is certain


def decision_boundary(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    features: tuple[Any, Any] = (0, 1),
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    resolution: int = 240,
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw which class a model answers over two features, how sure it is, and the data.

    Each region has its class's colour, the stronger the higher the probability p of the likeliest of k classes:
    (k p - 1) / (k - 1), which is 0 where all are alike and 1 where one is certain. The line is where the answer
    changes: with two classes, where both have the probability 0.5. Further features stay at their median in X (in a
    frame, at the commonest value where they are not numbers), so that the line is a cut through the model, and points
    beside it may lie elsewhere in these features.

    Parameters
    ----------
    model : NeuralNetwork or classifier
        A network with sigmoid or softmax outputs, or anything fitted that has ``classes_`` and ``predict_proba``, such
        as scikit-learn's classifiers, pipelines and searches.
    X : (n_samples, n_features) array-like, or frame of pandas or Polars
    y : (n_samples,) array-like, optional
        Class labels, drawn as points. A network's are integers from 0, one-hot rows, or the names in `class_names`.
    features : pair of int or str
        The features to the right and upwards, by number or, of a frame, by name.
    class_names : sequence of str, optional
        What to call the classes, in the model's order.
    feature_names : sequence of str, optional
        Names of all features; by default the frame's, or the model's ``feature_names_in_``.
    resolution : int
        The model is asked at so many places in both directions.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    title : str

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If the model has no probabilities, or one of the two features is not numbers.
    ValueError
        If the model has not been fitted or its outputs are no probabilities, there are no two features, a label is no
        class of the model, or the lengths of X, y and the names do not fit.
    """
    resolution = integer("resolution", resolution, 2)
    classifier = as_classifier(model)
    names = [label(name) for name in named_classes(classifier.labels, class_names)]
    table = Table(X)
    if len(table.columns) < 2:
        raise ValueError(f"X has shape {(len(table.columns[0]), 1)}; a decision boundary needs two features")
    try:
        first, second = features
    except (TypeError, ValueError):
        raise ValueError(f"features is {features!r}; expected a pair, such as (0, 1)") from None
    i, j = table.place(first), table.place(second)
    if i == j:
        raise ValueError(f"features is {features!r}; expected two different ones")
    axis_names = named_features(model, len(table.columns), table.names if feature_names is None else feature_names)
    right, up = table.numbers(i), table.numbers(j)
    answers = None if y is None else _places_in(classifier, y, class_names)
    if answers is not None and len(answers) != len(right):
        raise ValueError(f"X has {len(right)} rows, y {len(answers)}; expected one label for each row")

    xs, ys = (_steps(values, resolution) for values in (right, up))
    as_frame = hasattr(model, "feature_names_in_")
    probabilities = _probabilities_over(
        xs, ys, lambda xs, ys: table.rows({i: xs, j: ys}, as_frame=as_frame), classifier
    )
    ax = axes_or_new(ax)
    _fill(ax, xs, ys, probabilities)
    if answers is not None:
        _draw_points(ax, right, up, answers, len(names))
    legend_beside(ax, _handles(names, points=answers is not None))
    frame(ax)
    others = len(table.columns) - 2
    note = f"\n(the other {others} features at their median)" if others > 1 else "\n(the other feature at its median)"
    ax.set_xlabel(label(axis_names[i]) + (note if others else ""))
    ax.set_ylabel(label(axis_names[j]))
    set_title(ax, title)
    return ax


def _places_in(classifier: Classifier, y: Any, class_names: Sequence[str] | None) -> Array:
    """Return the number of each row's class."""
    n = len(classifier.labels)
    if classifier.numbered:
        one_hot = np.asarray(y)
        if one_hot.ndim == 2 and one_hot.shape[1] == n:
            result: Array = np.argmax(one_hot, axis=1)
            return result
    labels = as_labels("y", y)
    if classifier.numbered and class_names is not None and all(isinstance(name, str) for name in labels):
        return places("y", labels, list(class_names))
    return places("y", labels, classifier.labels)


def _steps(values: Array, n: int) -> Array:
    """Return n even steps from below the least value to above the greatest."""
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, n)


def _probabilities_over(xs: Array, ys: Array, rows: Callable[[Array, Array], Any], classifier: Classifier) -> Array:
    """Return the probabilities at each place of a grid, (len(ys), len(xs), n_classes), asked for in large parts."""
    n_classes = len(classifier.labels)
    n_features = np.shape(rows(xs[:1], ys[:1]))[1]
    n_parts = min(len(ys), -(-n_features * len(xs) * len(ys) // MOST_NUMBERS))
    parts = []
    for some in np.array_split(ys, n_parts):
        n = len(some) * len(xs)
        part = classifier.probabilities(rows(np.tile(xs, len(some)), np.repeat(some, len(xs))))
        if part.shape != (n, n_classes):
            raise ValueError(
                f"the model answers {n} rows with shape {part.shape}; expected probabilities of its {n_classes} classes"
            )
        parts.append(part)
    return np.concatenate(parts).reshape(len(ys), len(xs), n_classes)


def _fill(ax: Axes, xs: Array, ys: Array, probabilities: Array) -> None:
    """Fill the regions, and draw the lines between them."""
    from matplotlib import rcParams

    n = probabilities.shape[-1]
    winner = probabilities.argmax(axis=-1)
    certainty = (n * probabilities.max(axis=-1) - 1) / max(n - 1, 1)
    shares = FAINTEST + (STRONGEST - FAINTEST) * np.clip(certainty, 0, 1)
    colours = mix(class_colours(n)[winner], shares, background(ax))
    dx, dy = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2
    ax.imshow(
        colours,
        extent=(xs[0] - dx, xs[-1] + dx, ys[0] - dy, ys[-1] + dy),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )
    for k in range(1 if n == 2 else 0, n):
        ahead = probabilities[..., k] - np.delete(probabilities, k, axis=-1).max(axis=-1, initial=0)
        if ahead.min() < 0 < ahead.max():
            ax.contour(xs, ys, ahead, levels=[0], colors=[rcParams["text.color"]], linewidths=1.4, linestyles="-")
    ax.set_xlim(xs[0], xs[-1])
    ax.set_ylim(ys[0], ys[-1])


def _draw_points(ax: Axes, right: Array, up: Array, answers: Array, n: int) -> None:
    size = point_size(len(right))
    for k, colour in enumerate(class_colours(n)):
        of_class = answers == k
        if of_class.any():
            ax.scatter(
                right[of_class],
                up[of_class],
                s=size,
                marker=_marker(k),
                facecolor=[tuple(colour)],
                edgecolor=[tuple(EDGE * colour)],
                linewidth=0.12 * size**0.5,
                zorder=2,
            )


def _handles(names: list[str], *, points: bool) -> list[Any]:
    """Return what the legend shows for each class: its marker, or its colour where there are no points."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=_marker(k) if points else "s",
            markersize=7 if points else 10,
            color=tuple(colour),
            markeredgecolor=tuple(EDGE * colour),
            label=name,
        )
        for k, (name, colour) in enumerate(zip(names, class_colours(len(names)), strict=True))
    ]


def _marker(k: int) -> str:
    return MARKERS[k % len(MARKERS)]

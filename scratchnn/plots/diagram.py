"""A network as a diagram: neurons in columns, connections by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..validation import integer
from .layout import LETTER, RADIUS, Column, Sheet, clear_places, columns_of
from .model import Layer, innermost, layers_of, named_features
from .style import BLUE, GREY, VERMILLION, background, label, mix, readable_on, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["network_diagram"]

Array = npt.NDArray[Any]

MOST_NUMBERS = 16  # weights, above which they are not written
POSITIVE: tuple[str, Any] = (VERMILLION, "-")  # the colour and the dashes
NEGATIVE: tuple[str, Any] = (BLUE, (0, (2.2, 1.1)))
STRONGEST = 0.85  # a neuron's colour, where its bias is the greatest


def network_diagram(
    model: Any,
    *,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    max_neurons: int = 8,
    numbers: bool | None = None,
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw the neurons of a network as circles and its weights as lines between them.

    The thicker a line, the greater the weight's absolute value; positive ones are orange, negative ones blue and
    dashed. Circles are filled in the same colours, the stronger the greater the bias. The neurons have the
    names that a network gives them: h1, h2, … through the hidden layers, o1, o2, … in the last.

    Parameters
    ----------
    model : NeuralNetwork or fitted estimator
        With ``layers``, or ``coefs_`` and ``intercepts_``.
    feature_names : sequence of str, optional
        Names of the inputs; by default the model's ``feature_names_in_``, if it has them.
    class_names : sequence of str, optional
        Names of the outputs; where one output is the probability of the second of two classes, also both. By default
        the model's ``classes_``, if it has them.
    max_neurons : int
        Of a wider layer, the first ones and the last are drawn, and dots for the others.
    numbers : bool, optional
        Whether to write weights and biases; by default where there are at most 16 weights.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    title : str

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If the model has no layers.
    ValueError
        If it has not been fitted, or the numbers of names do not fit.
    """
    layers = layers_of(model)
    columns = columns_of(layers, integer("max_neurons", max_neurons, 3))
    first, last = columns[0], columns[-1]
    left = _input_names(innermost(model), first.size, feature_names)
    right = _output_names(innermost(model), last.size, class_names)
    left, right = ([label(names[j]) for j in column.shown if names] for names, column in ((left, first), (right, last)))
    if numbers is None:
        numbers = sum(layer.weights.size for layer in layers) <= MOST_NUMBERS

    sheet = Sheet(ax, columns, numbers=numbers, left=left, right=right)
    lines, weights = _connections(sheet, columns, layers)
    biases = [None, *(_biases(layer, column) for layer, column in zip(layers, columns[1:], strict=True))]
    greatest_bias = max((float(np.abs(of_layer).max()) for of_layer in biases if of_layer is not None), default=0.0)
    _draw_weights(sheet, lines, weights, numbers)
    for x, column, of_column in zip(sheet.xs, columns, biases, strict=True):
        _draw_neurons(sheet, x, column, of_column, greatest_bias)
        if numbers and of_column is not None:
            _write_biases(sheet, x, column, of_column)
    for names, column, x, ha in ((left, first, -0.5, "right"), (right, last, sheet.xs[-1] + 0.5, "left")):
        for name, y in zip(names, column.heights, strict=bool(names)):
            sheet.ax.text(x, y, name, ha=ha, va="center", fontsize=sheet.points)
    _draw_legend(sheet, float(np.abs(weights).max()), greatest_bias)
    set_title(sheet.ax, title)
    return sheet.ax


def _input_names(model: Any, n: int, given: Sequence[str] | None) -> list[str]:
    """Return a name for each input, or none where nobody has named them."""
    if given is None and len(getattr(model, "feature_names_in_", ())) != n:
        return []
    return named_features(model, n, given)


def _output_names(model: Any, n: int, given: Sequence[str] | None) -> list[str]:
    """Return a name for each output, or none where nobody has named them."""
    names = [str(name) for name in (getattr(model, "classes_", ()) if given is None else given)]
    if len(names) == 2 and n == 1:
        return names[1:]
    if given is not None and len(names) != n:
        raise ValueError(f"class_names has {len(names)} names; expected {n}, one for each output")
    return names if len(names) == n else []


def _biases(layer: Layer, column: Column) -> Array | None:
    """Return the biases of the neurons that are shown."""
    return None if layer.biases is None else np.asarray(layer.biases, dtype=float)[column.shown]


def _connections(sheet: Sheet, columns: list[Column], layers: Sequence[Layer]) -> tuple[Array, Array]:
    """Return the lines between the neurons that are shown, (n, 2, 2), and their weights, (n,)."""
    lines, weights = [], []
    for k, layer in enumerate(layers):
        before, after = columns[k : k + 2]
        for i, y in zip(before.shown, before.heights, strict=True):
            for j, to in zip(after.shown, after.heights, strict=True):
                lines.append([(sheet.xs[k], y), (sheet.xs[k + 1], to)])
                weights.append(layer.weights[i, j])
    return np.array(lines), np.array(weights, dtype=float)


# ---- drawing ----


def _draw_weights(sheet: Sheet, lines: Array, weights: Array, numbers: bool) -> None:
    from matplotlib.collections import LineCollection

    size = np.abs(weights) / (np.abs(weights).max() or 1.0)
    thinnest, faintest = (0.6, 0.5) if numbers else (0.25, 0.3)
    for (colour, style), of_sign in ((NEGATIVE, weights < 0), (POSITIVE, weights >= 0)):
        chosen = np.flatnonzero(of_sign)
        chosen = chosen[np.argsort(size[chosen], kind="stable")]  # the thick ones on top
        collection = LineCollection(
            list(lines[chosen]),
            colors=colour,
            linestyles=[style],
            linewidths=np.maximum(thinnest, sheet.thickest * size[chosen]),
            alpha=list(faintest + (0.9 - faintest) * size[chosen]) if len(chosen) else None,
            zorder=1,
        )
        sheet.ax.add_collection(collection)
    if numbers:
        _write_weights(sheet, lines, [_number(weight) for weight in weights])


def _write_weights(sheet: Sheet, lines: Array, texts: list[str]) -> None:
    angles = np.degrees(np.arctan2(*(lines[:, 1] - lines[:, 0]).T[::-1]))
    places = clear_places(lines, texts, 0.85 * sheet.line)
    for (x, y), text, angle in zip(places, texts, angles, strict=True):
        sheet.ax.text(
            x,
            y,
            text,
            rotation=float(angle),
            rotation_mode="anchor",
            ha="center",
            va="center_baseline",
            fontsize=0.85 * sheet.points,
            bbox={"facecolor": background(sheet.ax), "edgecolor": "none", "pad": 0.8},
            zorder=2,
        )


def _draw_neurons(sheet: Sheet, x: float, column: Column, biases: Array | None, greatest: float) -> None:
    """Draw a column: its head, its neurons with their names, and the dots between them."""
    from matplotlib.patches import Circle

    text: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4}
    values = [0.0] * len(column.shown) if biases is None else biases.tolist()
    for y, name, bias in zip(column.heights, column.names, values, strict=True):
        colour, style = POSITIVE if bias >= 0 else NEGATIVE
        fill = _fill(sheet, colour, abs(bias) / (greatest or 1.0))
        neuron = Circle((x, y), RADIUS, facecolor=tuple(fill), edgecolor=colour if bias else GREY, zorder=3)
        neuron.set_linestyle(style)
        neuron.set_linewidth(min(1.4, 2.5 * sheet.inch))
        sheet.ax.add_patch(neuron)
        size = sheet.points_within(1.6 * RADIUS, name)
        sheet.ax.text(x, y, name, fontsize=size, color=readable_on(fill), **text)
    if column.gap is not None:
        sheet.ax.text(x, column.gap, "⋮", fontsize=1.6 * sheet.points, **text)
    size = sheet.points_within(0.94 * (sheet.xs[1] - sheet.xs[0]), column.head)
    sheet.ax.text(x, sheet.top + 0.3 * sheet.line, column.head, ha="center", va="bottom", fontsize=size)


def _write_biases(sheet: Sheet, x: float, column: Column, biases: Array) -> None:
    for y, bias in zip(column.heights, biases.tolist(), strict=True):
        below = y - RADIUS - 0.04
        sheet.ax.text(x, below, _number(bias), ha="center", va="top", fontsize=0.85 * sheet.points, zorder=4)


def _draw_legend(sheet: Sheet, greatest_weight: float, greatest_bias: float) -> None:
    """Tell what the thickest lines and the strongest colours stand for."""
    from matplotlib.lines import Line2D

    entries = []
    for (colour, style), sign in ((POSITIVE, 1), (NEGATIVE, -1)):
        text = f"weight {_number(sign * greatest_weight)}"
        entries.append(Line2D([], [], color=colour, linestyle=style, linewidth=sheet.thickest, label=text))
    for (colour, _), sign in ((POSITIVE, 1), (NEGATIVE, -1)) if greatest_bias else ():
        neuron = Line2D([], [], linestyle="", marker="o", markersize=sheet.points, markeredgecolor=colour)
        neuron.set_markerfacecolor(tuple(_fill(sheet, colour, 1.0)))
        neuron.set_label(f"bias {_number(sign * greatest_bias)}")
        entries.append(neuron)
    letters = sum(len(str(entry.get_label())) + 7 for entry in entries)  # seven for the line before the text
    fits = LETTER * 0.85 * sheet.points / 72 * letters < sheet.across
    sheet.ax.legend(
        handles=entries,
        loc="lower center",
        ncols=len(entries) if fits else 2,
        fontsize=0.85 * sheet.points,
        frameon=False,
        borderaxespad=0.0,
        handlelength=2.4,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def _fill(sheet: Sheet, colour: str, share: float) -> Array:
    from matplotlib.colors import to_rgb

    return mix(np.array(to_rgb(colour)), STRONGEST * share, background(sheet.ax))


def _number(value: float) -> str:
    if not value:
        return "0"
    return (f"{value:+.2f}" if 0.01 <= abs(value) < 100 else f"{value:+.1e}").replace("-", "−")

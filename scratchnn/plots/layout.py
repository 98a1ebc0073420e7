"""Where the parts of a network's diagram stand, and how large they are.

Lengths are units of the distance between neighbouring neurons of a layer, unless they are said to be inches or points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .model import Layer
from .style import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LETTER", "RADIUS", "Column", "Sheet", "clear_places", "columns_of"]

Array = npt.NDArray[Any]

RADIUS = 0.32  # of a neuron
LETTER = 0.64  # a letter's width by the size of the letters: a digit's in DejaVu Sans
LARGEST = (13.0, 6.0)  # inches of a new figure


@dataclass(frozen=True)
class Column:
    """What is seen of a layer of neurons, or of the inputs.

    Attributes
    ----------
    size : int
        Neurons, whether or not they are seen.
    shown : list of int
    heights : list of float
        Of those shown; the column's middle is at 0.
    gap : float or None
        Where dots stand for the others.
    names : list of str
        Of those shown.
    head : str
        What the layer is, in two lines.
    """

    size: int
    shown: list[int]
    heights: list[float]
    gap: float | None
    names: list[str]
    head: str


def columns_of(layers: Sequence[Layer], most: int) -> list[Column]:
    """Return the inputs and each layer as columns of at most so many neurons, dots included."""
    hidden, last = layers[:-1], layers[-1]
    columns = [_column(layers[0].weights.shape[0], most, "x", 0, "input", "")]
    n_before = 0
    for k, layer in enumerate(hidden):
        size = layer.weights.shape[1]
        what = f"hidden {k + 1}" if len(hidden) > 1 else "hidden"
        columns.append(_column(size, most, "h", n_before, what, layer.activation))
        n_before += size
    columns.append(_column(last.weights.shape[1], most, "o", 0, "output", last.activation))
    return columns


def _column(size: int, most: int, letter: str, n_before: int, what: str, activation: str) -> Column:
    slots = list(range(min(size, most)))
    heights = [(len(slots) - 1) / 2 - slot for slot in slots]
    gap = None
    if size > most:
        gap = heights.pop(-2)
        slots = [*slots[:-2], size - 1]
    names = [f"{letter}{n_before + j + 1}" for j in slots]
    return Column(size, slots, heights, gap, names, f"{what}\n{size}{f', {activation}' if activation else ''}")


class Sheet:
    """Axes with room for a diagram.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        None is a new figure, as large as it needs to be.
    columns : list of Column
    numbers : bool
        Whether weights and biases are written.
    left, right : list of str
        Names beside the first and the last column.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
        With units as its coordinates.
    xs : list of float
        Where the columns stand.
    top : float
        The upper border of the neurons.
    line : float
        The size of the letters.
    inch : float
        A unit in inches.
    points : float
        The size of the letters, in points.
    thickest : float
        The greatest weight's line, in points.
    across : float
        From border to border, in inches.
    """

    def __init__(
        self, ax: Axes | None, columns: list[Column], *, numbers: bool, left: list[str], right: list[str]
    ) -> None:
        n_rows = 2 * max(max(column.heights) for column in columns) + 1
        apart = 3.2 if numbers else float(np.clip(0.45 * n_rows, 2.2, 3.6))
        self.xs = [k * apart for k in range(len(columns))]
        self.top = n_rows / 2
        most_across, most_upright = LARGEST
        if ax is not None:
            most_across, most_upright = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
        for inch in np.geomspace(0.9, 0.02, 100):  # the letters shrink with it, so that the first that fits is sought
            points = float(np.clip(16 * inch, 4, 10))
            line = points / 72 / inch
            rooms = [LETTER * line * max(map(len, names), default=0) for names in (left, right)]
            low, high = -self.top - 2.6 * line - 0.3 * numbers, self.top + 3.1 * line
            width, height = inch * (self.xs[-1] + 1.4 + sum(rooms)), inch * (high - low)
            if width <= most_across and height <= most_upright:
                break
        self.inch, self.points, self.line = float(inch), points, line
        self.thickest = float(np.clip(6.5 * inch, 1.0, 4.0))
        self.across = width if ax is None else most_across
        self.ax = axes_or_new(ax, width + 0.15, height + 0.15)
        self.ax.set_xlim(-0.7 - rooms[0], self.xs[-1] + 0.7 + rooms[1])
        self.ax.set_ylim(low, high)
        self.ax.set_aspect("equal")
        self.ax.set_axis_off()

    def points_within(self, room: float, text: str) -> float:
        """Return the size of letters, in points, with which a text is no wider than the room."""
        return min(self.points, 72 * self.inch * room / (LETTER * max(map(len, text.split("\n")))))


def clear_places(lines: Array, texts: list[str], line: float) -> Array:
    """Return a place on each line for its text: near the start, clear of other texts and of most other lines.

    Parameters
    ----------
    lines : (n, 2, 2) array
        From and to.
    texts : list of n str
        To be written along the lines.
    line : float
        The size of their letters.

    Returns
    -------
    (n, 2) array
    """
    height = 1.25 * line
    shares = np.linspace(0.2, 0.75, 45)
    places = np.empty((len(lines), 2))
    written = np.empty((0, 2))
    for k, ((start, end), text) in enumerate(zip(lines, texts, strict=True)):
        direction = (end - start) / np.hypot(*(end - start))
        reach = max(0.0, LETTER * line * len(text) - height) / 2
        disks = np.linspace(-reach, reach, 2 * len(text))[:, None] * direction  # as high as the text, which they cover
        covered = start + shares[:, None, None] * (end - start) + disks
        hits = (np.linalg.norm(covered[:, :, None] - written, axis=-1) < height).any(axis=(1, 2))
        crossed = (_distances(covered, np.delete(lines, k, axis=0)) < height / 2).any(axis=1).sum(axis=1)
        best = int(np.argmin(100 * hits + crossed + 8 * np.abs(shares - 0.3)))
        places[k] = start + shares[best] * (end - start)
        written = np.concatenate([written, covered[best]])
    return places


def _distances(points: Array, lines: Array) -> Array:
    """Return how far points (a, b, 2) are from lines (n, 2, 2) with two ends, as (a, b, n)."""
    start, direction = lines[:, 0], lines[:, 1] - lines[:, 0]
    towards = points[:, :, None] - start
    share = np.clip((towards * direction).sum(-1) / (direction**2).sum(-1), 0, 1)
    result: Array = np.linalg.norm(towards - share[..., None] * direction, axis=-1)
    return result

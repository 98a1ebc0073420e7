"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..core.names import unknown
from .labels import as_labels, named_classes, places, union
from .style import BLUE, GREY, VERMILLION, axes_or_new, background, label, mix, readable_on, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion_matrix"]

Array = npt.NDArray[Any]

NORMALIZED_OVER: dict[str, tuple[tuple[int, ...], str]] = {
    "true": ((1,), "each true class"),
    "pred": ((0,), "each answer"),
    "all": ((0, 1), "all"),
}
MOST_ZEROS = 15  # classes, above which an empty cell stays empty


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    normalize: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how many rows of class i were answered with class j, in row i and column j.

    Right answers are blue, wrong ones orange. A cell's depth is the square root of its share of its row (with
    `normalize`, of what is written in it), so that rare mistakes show as well.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) array-like
        Labels, as integers, text or booleans.
    labels : sequence, optional
        All classes, in the order to show them; by default those that occur, ascending.
    class_names : sequence of str, optional
        What to call the classes, in the order of `labels`.
    normalize : {"true", "pred", "all"}, optional
        Write percentages instead of counts: of the rows of the true class, of those with this answer, or of all.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    title : str, optional
        By default the share of right answers.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If text and numbers are mixed among the labels.
    ValueError
        If the lengths differ, there is no row, a label is none of `labels`, or these and the names do not fit.
    """
    if normalize is not None and normalize not in NORMALIZED_OVER:
        raise ValueError(unknown("normalize", normalize, NORMALIZED_OVER))
    true, predicted = as_labels("y_true", y_true), as_labels("y_pred", y_pred)
    if len(true) != len(predicted) or not true:
        raise ValueError(f"y_true has {len(true)} labels, y_pred {len(predicted)}; expected as many, and at least one")
    known = union(true, predicted) if labels is None else as_labels("labels", labels)
    if len(set(known)) < len(known):
        raise ValueError(f"labels names a class twice: {known}")
    names = [label(name) for name in named_classes(known, class_names)]
    n = len(known)
    flat = places("y_true", true, known) * n + places("y_pred", predicted, known)
    counts = np.bincount(flat, minlength=n * n).reshape(n, n)

    of_row = _shares(counts, (1,))
    shares = of_row if normalize is None else _shares(counts, NORMALIZED_OVER[normalize][0])
    if normalize is None:
        texts = [[f"{count:,}" for count in row] for row in counts.tolist()]
    else:
        texts = [[_percent(share) for share in row] for row in shares.tolist()]
    cell = min(max(0.36, 0.1 * max(len(text) for row in texts for text in row)), 0.8, 11 / n)
    side = max(2.4, cell * n)
    ax = axes_or_new(ax, side + 1.7, side + 1.4)
    _draw_cells(ax, shares, texts)
    _name_axes(ax, names)
    if normalize is not None:
        ax.set_xlabel(f"predicted\n(percent of {NORMALIZED_OVER[normalize][1]})")
    right = _percent(float(np.trace(counts)) / len(true))
    set_title(ax, f"{right} of {len(true):,} right" if title is None else title)
    return ax


def _shares(counts: Array, over: tuple[int, ...]) -> Array:
    """Return counts divided by their sums over these axes; 0 where a sum is."""
    sums = counts.sum(axis=over, keepdims=True)
    result: Array = counts / np.maximum(sums, 1)
    return result


def _percent(share: float) -> str:
    """Return a share in percent; neither 0 % nor 100 % unless it is."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    if share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %" if share <= 0.9995 else ">99.9 %"


def _draw_cells(ax: Axes, shares: Array, texts: list[list[str]]) -> None:
    """Fill the cells and write in them, where they are large enough for it."""
    from matplotlib.colors import to_rgb

    n = len(shares)
    ground = background(ax)
    colours = np.where(np.eye(n)[..., None] > 0, to_rgb(BLUE), to_rgb(VERMILLION))
    cells = mix(colours, np.sqrt(shares), ground)
    ax.imshow(cells, interpolation="nearest")
    points = 72 * min(ax.bbox.width, ax.bbox.height) / ax.figure.dpi / n
    longest = max(len(text) for row in texts for text in row)
    size = min(11.0, 0.5 * points, points / (0.62 * longest))
    if size < 5:
        return
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            if shares[i, j] or n <= MOST_ZEROS:
                colour = readable_on(cells[i, j]) if shares[i, j] else GREY
                ax.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)


def _name_axes(ax: Axes, names: list[str]) -> None:
    n = len(names)
    cell = 0.85 * 72 * min(ax.bbox.width, ax.bbox.height) / ax.figure.dpi / n  # points, less what names may take
    every = math.ceil(7 / cell)
    shown = range(0, n, every)
    room = cell * every
    size = float(np.clip(0.8 * room, 5, 10))
    turn: dict[str, Any] = {}
    if max(len(names[i]) for i in shown) * 0.6 * size > room:
        turn = {"rotation": 45 if room > 1.8 * size else 90, "ha": "right", "rotation_mode": "anchor"}
        turn["va"] = "top" if turn["rotation"] == 45 else "center"
    ax.set_xticks(shown, [names[i] for i in shown], fontsize=size, **turn)
    ax.set_yticks(shown, [names[i] for i in shown], fontsize=size)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.tick_params(length=0)
    ax.spines[:].set_color(GREY)
    ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
    ax.grid(which="minor", color=ax.get_facecolor(), linewidth=1.0)
    ax.tick_params(which="minor", length=0)

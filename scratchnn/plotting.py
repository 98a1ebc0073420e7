"""The learning curve: loss against epoch."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from .atomic import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURE_FORMATS", "learning_curve", "save_learning_curve"]

Array = npt.NDArray[Any]

PICTURE_FORMATS = ("png", "svg", "pdf")

# Okabe and Ito (2008): told apart with every kind of colour vision, and in grey.
TRAINING = "#0072B2"
VALIDATION = "#D55E00"
INK = "#333333"


class Losses(Protocol):
    """The part of a training history that is drawn."""

    @property
    def loss(self) -> Sequence[float]: ...

    @property
    def validation_loss(self) -> Sequence[float]: ...


def learning_curve(history: Losses, axes: Axes, *, title: str = "", loss_name: str = "loss") -> Axes:
    """Draw training and validation loss against epoch, the best epoch marked.

    Parameters
    ----------
    history : History
        `loss`, and `validation_loss` of the same length or empty.
    axes : matplotlib.axes.Axes
        Where to draw.
    title : str
        What was trained.
    loss_name : str
        The name of the loss, for the vertical axis.

    Returns
    -------
    matplotlib.axes.Axes
        `axes`, to be adorned further.

    Raises
    ------
    ValueError
        The history has no epoch.
    """
    if not history.loss:
        raise ValueError("the history has no epoch to draw")
    loss = np.asarray(history.loss, dtype=float)
    held_out = np.asarray(history.validation_loss, dtype=float)
    epochs = np.arange(1, len(loss) + 1)
    held_out_epochs = epochs[len(loss) - len(held_out) :]  # the first epochs may have had no such rows
    marker = "o" if len(loss) == 1 else None  # a line needs two points
    style: dict[str, Any] = {"linewidth": 2, "marker": marker}
    axes.plot(epochs, loss, color=TRAINING, label="training rows", **style)
    if len(held_out):
        axes.plot(held_out_epochs, held_out, color=VALIDATION, label="held-out rows", **style)
    _frame(axes, np.concatenate([loss, held_out]), len(loss))
    if np.isfinite(held_out).any():
        best = int(np.nanargmin(held_out))
        _mark_best(axes, int(held_out_epochs[best]), held_out[best], len(loss))
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel(loss_name.replace("_", " "), color=INK)
    axes.set_title(title.replace("$", r"\$"), loc="left", color=INK, fontsize=13, pad=24)
    # Beside the title, where no curve can pass behind it.
    axes.legend(
        frameon=False,
        labelcolor="linecolor",
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.06),
        borderaxespad=0.0,
    )
    return axes


def save_learning_curve(
    history: Losses, path: str | os.PathLike[str], *, title: str = "", loss_name: str = "loss"
) -> None:
    """Write the learning curve as a picture; the suffix of `path` (png, svg, pdf) is its format.

    Raises
    ------
    ValueError
        The suffix is another one.
    OSError
        The file cannot be written; an old one is then as it was.
    """
    picture_format = os.path.splitext(path)[1].lstrip(".").lower()
    if picture_format not in PICTURE_FORMATS:
        raise ValueError(f"a picture's name must end in .png, .svg or .pdf: {os.fspath(path)!r}")
    # A figure of its own, without pyplot: no window system, no state shared with the caller's plots.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    learning_curve(history, figure.add_subplot(), title=title, loss_name=loss_name)
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a title in another script
        figure.savefig(picture, format=picture_format)
    replace_file(path, [picture.getvalue()])


def _frame(axes: Axes, values: Array, n_epochs: int) -> None:
    """Frame the curves: light grid, whole epochs, a logarithmic axis if the loss falls far."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    values = values[np.isfinite(values)]
    if len(values) and 0 < 10 * values.min() < values.max():
        axes.set_yscale("log")
        few_decades = values.max() < 1000 * values.min()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.5, n_epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(which="both", color="#999999", labelcolor=INK)


def _mark_best(axes: Axes, epoch: int, loss: float, n_epochs: int) -> None:
    """Mark the epoch with the lowest held-out loss; its label stands above the frame, clear of curves."""
    axes.plot(
        epoch,
        loss,
        "o",
        color=VALIDATION,
        markersize=9,
        markeredgecolor="white",
        markeredgewidth=1.5,
        clip_on=False,
    )
    axes.axvline(epoch, color=VALIDATION, linewidth=1, linestyle=":", alpha=0.7)
    along = (epoch - 0.5) / n_epochs
    axes.annotate(
        f"best: epoch {epoch}, {loss:.4g}",
        (epoch, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 5),
        textcoords="offset points",
        horizontalalignment="left" if along < 0.2 else "right" if along > 0.8 else "center",
        color=VALIDATION,
    )

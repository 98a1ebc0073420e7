"""The learning curve: losses and scores against epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .model import innermost, type_name
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, axes_or_new, frame, label, legend_below, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["learning_curve"]

Array = npt.NDArray[Any]

TRAINING = {"color": BLUE, "linestyle": "-"}
VALIDATION = {"color": VERMILLION, "linestyle": (0, (5, 1.5))}
SCORES = (
    {"color": GREEN, "linestyle": (0, (1.2, 1.2))},
    {"color": PURPLE, "linestyle": (0, (5, 1.2, 1.2, 1.2))},
    {"color": ORANGE, "linestyle": (0, (3, 1, 1, 1, 1, 1))},
)


@dataclass(frozen=True)
class Course:
    """The course of a training: entry i of every series belongs to epoch i + 1, NaN where there was none.

    `by_score` says that the training watched its validation score rather than its validation loss.
    """

    loss: Array
    validation_loss: Array
    scores: dict[str, Array]
    loss_name: str
    by_score: bool

    @property
    def n_epochs(self) -> int:
        return max(map(len, (self.loss, self.validation_loss, *self.scores.values())))

    @property
    def best(self) -> tuple[str, int] | None:
        """The series on rows that were held out which says what the best epoch is, and that epoch."""
        losses = [("validation loss", -self.validation_loss)]
        scores = [(name, values) for name, values in self.scores.items() if name.startswith("validation")]
        for name, values in scores + losses if self.by_score else losses + scores:
            if np.isfinite(values).any():
                return name, int(np.argmax(np.where(np.isfinite(values), values, -np.inf))) + 1
        return None


def learning_curve(history: Any, *, ax: Axes | None = None, title: str = "", loss_name: str | None = None) -> Axes:
    """Draw losses and scores against epochs, the best epoch marked.

    The best epoch of a network is the one with the lowest validation loss, that of an estimator the one with the
    highest validation score, which its early stopping watches; if there is only the other, it counts. Training rows
    alone mark none, since their loss falls whether or not the network gets better on others. The losses' axis is
    logarithmic where they fall to less than a tenth. Scores have an axis of their own at the right; where the best is
    above 0, it ends at -1, and what lies below leaves the picture.

    Parameters
    ----------
    history : History, NeuralNetwork or estimator
        A network's ``history``: `loss`, `validation_loss` and, if there, `scores`, a dict of further series.
        An estimator's ``loss_curve_``, ``validation_loss_curve_`` and ``validation_scores_``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    title : str
        What was trained.
    loss_name : str, optional
        The name of the loss, for the vertical axis; by default the model's own.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the losses.

    Raises
    ------
    TypeError
        If there are no losses to be found in `history`.
    ValueError
        If there is no epoch, or the estimator has not been fitted.
    """
    course = _course_of(history)
    if not course.n_epochs:
        raise ValueError("the history has no epoch to draw")
    ax = axes_or_new(ax)
    lines = {
        "training loss": _plot(ax, course.loss, label="training loss", **TRAINING),
        "validation loss": _plot(ax, course.validation_loss, label="validation loss", **VALIDATION),
    }
    losses = np.concatenate([course.loss, course.validation_loss])
    _scale(ax, losses[np.isfinite(losses)], course.n_epochs)
    if any(np.isfinite(values).any() for values in course.scores.values()):
        lines |= _draw_scores(ax, course.scores)
    if course.best is not None:
        name, epoch = course.best
        _mark_best(ax, lines[name], epoch)
    ax.set_xlabel("epoch")
    ax.set_ylabel(label((course.loss_name if loss_name is None else loss_name).replace("_", " ")))
    set_title(ax, title)
    legend_below(ax, [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")])
    return ax


def _course_of(source: Any) -> Course:
    """Return what a history, a network or an estimator has recorded."""
    source = innermost(source)
    if hasattr(source, "loss_curve_"):
        validation_loss, scores = (
            getattr(source, name, None) for name in ("validation_loss_curve_", "validation_scores_")
        )
        return Course(
            _series("loss_curve_", source.loss_curve_),
            _series("validation_loss_curve_", () if validation_loss is None else validation_loss),
            {} if scores is None else {"validation score": _series("validation_scores_", scores)},
            _name_of_loss(source),
            by_score=True,
        )
    history = getattr(source, "history", source)
    loss = getattr(history, "loss", None)
    if isinstance(loss, (Sequence, np.ndarray)) and not isinstance(loss, str):
        scores = getattr(history, "scores", None)
        return Course(
            _series("loss", loss),
            _series("validation_loss", getattr(history, "validation_loss", ())),
            {str(k): _series(str(k), v) for k, v in scores.items()} if isinstance(scores, Mapping) else {},
            _name_of_loss(source),
            by_score=False,
        )
    if hasattr(source, "fit"):
        raise ValueError(
            f"this {type_name(source)} has no loss_curve_: it has not been fitted, or its solver keeps none"
        )
    raise TypeError(f"history is a {type_name(source)}; expected a History, a NeuralNetwork or a fitted estimator")


def _series(name: str, values: Any) -> Array:
    series = np.asarray(values, dtype=float)
    if series.ndim != 1:
        raise ValueError(f"{name} has shape {series.shape}; expected one number for each epoch")
    return series


def _name_of_loss(model: Any) -> str:
    name = getattr(model, "loss", None)
    return name if isinstance(name, str) else "loss"


def _line(values: Array, **style: Any) -> Line2D:
    """Return a line through the finite values; markers show them where a line could not, or skips epochs."""
    from matplotlib.lines import Line2D

    known = np.flatnonzero(np.isfinite(values))
    gaps = len(known) == 1 or (len(known) > 0 and known[-1] - known[0] >= len(known))
    return Line2D(known + 1, values[known], linewidth=2, marker="o" if gaps else "", markersize=4, **style)


def _plot(ax: Axes, values: Array, **style: Any) -> Line2D:
    line = _line(values, **style)
    if len(line.get_xdata()):  # type: ignore[arg-type]
        ax.add_line(line)
    return line


def _scale(ax: Axes, losses: Array, n_epochs: int) -> None:
    """Set whole epochs, a light grid, and a logarithmic axis if the loss falls far."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    frame(ax, grid="y")
    if len(losses) and 0 < 10 * losses.min() < losses.max():
        ax.set_yscale("log")
        few_decades = losses.max() < 1000 * losses.min()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    ax.autoscale_view()
    ax.set_xlim(0.5, n_epochs + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _draw_scores(ax: Axes, scores: dict[str, Array]) -> dict[str, Line2D]:
    """Draw the scores by a scale of their own at the right border."""
    right = ax.twinx()
    right.spines[["top", "left"]].set_visible(False)
    right.spines[["right", "bottom"]].set_color(GREY)
    right.tick_params(color=GREY)
    values = np.concatenate(list(scores.values()))
    low, high = np.nanmin(values[np.isfinite(values)]), np.nanmax(values[np.isfinite(values)])
    if high > 0:
        low = max(low, -1.0)
    margin = 0.05 * (high - low) or 0.05
    right.set_ylim(low - margin, high + margin)
    lines = {}
    for i, (name, series) in enumerate(scores.items()):
        line = _line(series, label=label(name.replace("_", " ")), **SCORES[i % len(SCORES)])
        # The line belongs to `ax` and follows the scale of `right`, so that the legend keeps clear of it.
        line.set_transform(right.transData)
        ax.add_artist(line)
        lines[name] = line
    only = next(iter(lines.values())) if len(lines) == 1 else None
    right.set_ylabel("score" if only is None else str(only.get_label()))
    return lines


def _mark_best(ax: Axes, line: Line2D, epoch: int) -> None:
    """Mark a point of a line; the legend says which it is, clear of the curves."""
    from matplotlib.lines import Line2D

    x, y = (np.asarray(data) for data in line.get_data())
    value = float(y[x == epoch][0])
    ax.axvline(epoch, color=line.get_color(), linewidth=1, linestyle=":", alpha=0.7, label="_best")
    point = Line2D(
        [epoch],
        [value],
        linestyle="",
        marker="o",
        markersize=9,
        color=line.get_color(),
        markeredgecolor=ax.get_facecolor(),
        markeredgewidth=1.5,
        clip_on=False,
        label=f"best: epoch {epoch:,}, {value:.4g}".replace("-", "−"),
        zorder=3,
    )
    point.set_transform(line.get_transform())
    ax.add_artist(point)

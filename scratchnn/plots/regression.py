"""Predicted numbers beside the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..core.arrays import plain_array
from ..report import regression_report
from .style import BLUE, GREY, VERMILLION, axes_or_new, frame, label, legend_below, point_size, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["predicted_against_true", "residuals"]

Array = npt.NDArray[Any]


def predicted_against_true(
    y_true: Any, y_pred: Any, *, ax: Axes | None = None, name: str = "", title: str | None = None
) -> Axes:
    """Draw each prediction above the true number; right ones lie on the diagonal.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) or (n_samples, 1) array-like
        One output; of several, give one column after the other.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    name : str
        What the numbers are, with their unit.
    title : str, optional
        By default R², RMSE and MAE.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If the shapes do not fit, there is no row, or a value is not finite.
    """
    true, predicted = _pair(y_true, y_pred)
    ax = axes_or_new(ax, 5.0, 5.0)
    both = np.concatenate([true, predicted])
    low, high = float(both.min()), float(both.max())
    margin = 0.05 * (high - low) or 0.5
    ax.axline((0, 0), slope=1, color=VERMILLION, linewidth=1.5, linestyle=(0, (5, 1.5)), zorder=1)
    _scatter(ax, true, predicted)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(low - margin, high + margin)
    ax.set_aspect("equal")
    ax.set_xlabel(f"true {label(name)}".rstrip())
    ax.set_ylabel(f"predicted {label(name)}".rstrip())
    _finish(ax, true, predicted, title)
    return ax


def residuals(y_true: Any, y_pred: Any, *, ax: Axes | None = None, name: str = "", title: str | None = None) -> Axes:
    """Draw the residual y - prediction above each prediction, and the residuals' mean in groups of rows.

    The line of means joins groups of equally many rows in the order of their predictions (at most 12, of at least 10
    rows). Where it leaves 0, the model errs in one direction.

    Parameters
    ----------
    y_true, y_pred : (n_samples,) or (n_samples, 1) array-like
        One output; of several, give one column after the other.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    name : str
        What the numbers are, with their unit.
    title : str, optional
        By default R², RMSE and MAE.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If the shapes do not fit, there is no row, or a value is not finite.
    """
    true, predicted = _pair(y_true, y_pred)
    residual = true - predicted
    ax = axes_or_new(ax)
    ax.axhline(0, color=GREY, linewidth=1.5, zorder=1)
    _scatter(ax, predicted, residual)
    groups = np.array_split(np.argsort(predicted, kind="stable"), min(12, len(true) // 10) or 1)
    if len(groups) > 1:
        means = [(predicted[rows].mean(), residual[rows].mean()) for rows in groups]
        lines = ax.plot(*zip(*means, strict=True), color=VERMILLION, linewidth=2, marker="o", markersize=4)
        lines[0].set_label("mean of a group of rows")
        legend_below(ax, lines)
    most = 1.08 * float(np.abs(residual).max()) or 0.5
    ax.set_ylim(-most, most)
    ax.set_xlabel(f"predicted {label(name)}".rstrip())
    ax.set_ylabel("residual: true − predicted")
    _finish(ax, true, predicted, title)
    return ax


def _pair(y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    true, predicted = _numbers("y_true", y_true), _numbers("y_pred", y_pred)
    if true.shape != predicted.shape or not len(true):
        raise ValueError(f"y_true has {len(true)} rows, y_pred {len(predicted)}; expected as many, and at least one")
    return true, predicted


def _numbers(name: str, values: Any) -> Array:
    array = plain_array(name, values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}; expected numbers")
    given = array.shape
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {given}; expected one output, (n_samples,) or (n_samples, 1)")
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]}; expected finite numbers")
    return array.astype(np.float64)


def _scatter(ax: Axes, x: Array, y: Array) -> None:
    n = len(x)
    ax.scatter(
        x, y, s=point_size(n), color=BLUE, alpha=float(np.clip(500 / n, 0.05, 0.7)), linewidths=0, rasterized=True
    )


def _finish(ax: Axes, true: Array, predicted: Array, title: str | None) -> None:
    frame(ax, grid="both")
    if title is None:
        report = regression_report(true, predicted, trivial_guess=float(true.mean()))
        r2 = "" if np.isnan(report.r2) else f"R² {report.r2:.3f}, "
        title = f"{r2}RMSE {report.rmse:.4g}, MAE {report.mae:.4g}"
    set_title(ax, title)

"""What the plots share: matplotlib when it is needed, axes, colours, and text that comes from data."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..report import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "MARKERS",
    "ORANGE",
    "PURPLE",
    "VERMILLION",
    "axes_or_new",
    "background",
    "class_colours",
    "frame",
    "label",
    "legend_below",
    "legend_beside",
    "mix",
    "new_figure",
    "point_size",
    "readable_on",
    "require_matplotlib",
    "set_title",
]

Array = npt.NDArray[Any]

# Okabe and Ito (2008): told apart with every kind of colour vision. Lines differ in their dashes and points
# in their markers too, so that a picture in grey loses nothing.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
VERMILLION = "#D55E00"
YELLOW = "#F0E442"
GREY = "#888888"

MARKERS = "os^Dv*PX<>"


def require_matplotlib() -> None:
    """Raise a ModuleNotFoundError that says how to get matplotlib, where there is none."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as missing:
        if missing.name != "matplotlib":  # it is there, and lacks something itself
            raise
        raise ModuleNotFoundError('plots need matplotlib: pip install "scratchnn[plots]"', name="matplotlib") from None


def new_figure(width: float, height: float, layout: str = "constrained") -> Any:
    """Return a figure of pyplot's, which `plt.show()` and notebooks show; sizes in inches."""
    require_matplotlib()
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout=layout)


def axes_or_new(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the caller's axes, or those of a new figure."""
    if ax is not None:
        return ax
    axes: Axes = new_figure(width, height).add_subplot()
    return axes


def frame(ax: Axes, *, grid: str | None = None) -> None:
    """Leave the left and the lower border, and a light grid along one axis or "both"."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(which="both", color=GREY)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=GREY, alpha=0.25, linewidth=0.8)  # type: ignore[arg-type]


# ---- text ----


def label(text: object) -> str:
    """Return a name from data as matplotlib shows it literally: printable, not too long, no formula."""
    return _literal(plain(text))


def set_title(ax: Axes, title: str) -> None:
    """Set a title at the left border, broken into lines that the axes have room for."""
    if not title:
        return
    width = ax.bbox.width / ax.figure.dpi
    characters = max(16, int(width / 0.092))  # of 12 points: 0.55 of their height wide on average, in inches
    text = "\n".join(textwrap.fill(_literal(line), characters) for line in title.splitlines())
    ax.set_title(text, loc="left", fontsize=12)


def _literal(text: str) -> str:
    return text.replace("$", r"\$")


def legend_below(ax: Axes, handles: list[Any]) -> None:
    """Put a legend under the horizontal axis, in as few rows as there is room for."""
    from matplotlib.transforms import ScaledTranslation

    letters = [len(str(handle.get_label())) + 6 for handle in handles]  # six for the line before the text
    room = ax.bbox.width / ax.figure.dpi / (0.52 * _legend_size(ax) / 72)
    widths = {n: sum(column.max() for column in np.array_split(letters, n)) for n in range(1, len(letters) + 1)}
    below_label = ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)
    _legend(
        ax,
        handles,
        {
            "loc": "upper center",
            "bbox_to_anchor": (0.5, 0),
            "bbox_transform": ax.transAxes + below_label,
            "borderaxespad": 0.0,
            "ncols": max((n for n, width in widths.items() if width <= room), default=1),
        },
        otherwise="best",
    )


def legend_beside(ax: Axes, handles: list[Any]) -> None:
    """Put a legend at the right border, in columns of at most 20."""
    columns = -(-len(handles) // 20)
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "ncols": columns}
    _legend(ax, handles, place, otherwise="upper right", handletextpad=0.4)


def _legend(ax: Axes, handles: list[Any], outside: dict[str, Any], *, otherwise: str, **look: Any) -> None:
    """Put a legend outside the axes, or inside where no layout would make room for it."""
    has_layout = ax.figure.get_layout_engine() is not None
    place = {"frameon": False, **outside} if has_layout else {"loc": otherwise}
    ax.legend(handles=handles, fontsize=_legend_size(ax), **place, **look)


def _legend_size(ax: Axes) -> float:
    return float(np.clip(2.6 * ax.bbox.width / ax.figure.dpi, 6, 9.5))


# ---- colours ----


def class_colours(n: int) -> Array:
    """Return n colours as (n, 3) RGB: seven of Okabe and Ito's, then the same ones darker and darker."""
    from matplotlib.colors import to_rgb

    seven = np.array([to_rgb(c) for c in (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)])
    turns = np.arange(n) // len(seven)
    result: Array = seven[np.arange(n) % len(seven)] * 0.55 ** turns[:, None]
    return result


def background(ax: Axes) -> Array:
    """Return the colour behind the axes as RGB: white, unless the caller's style has another."""
    from matplotlib.colors import to_rgba

    *rgb, opacity = to_rgba(ax.get_facecolor())
    return np.array(rgb) * opacity + (1 - opacity)


def mix(colours: Array, shares: npt.ArrayLike, ground: Array) -> Array:
    """Return `share` of each colour on the ground: shares (...,), colours (..., 3) or (3,), result (..., 3)."""
    result: Array = ground + np.asarray(shares)[..., None] * (np.asarray(colours) - ground)
    return result


def readable_on(rgb: Array) -> str:
    """Return black or white, whichever stands out more from the colour (WCAG 2.1, relative luminance)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def point_size(n: int) -> float:
    """Return the area of a marker in points², smaller where there are many."""
    return float(np.clip(12_000 / max(n, 1), 6, 42))

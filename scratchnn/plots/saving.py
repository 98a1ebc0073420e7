"""A plot as a file, without pyplot: no window system, and no state shared with the caller's plots."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..atomic import replace_file
from .style import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURE_FORMATS", "save_picture"]

PICTURE_FORMATS = ("png", "svg", "pdf")


def save_picture(
    path: str | os.PathLike[str], draw: Callable[[Axes], object], *, width: float = 8, height: float = 4.8
) -> None:
    """Write what ``draw(ax)`` draws; the suffix of `path` (png, svg, pdf) is the format, sizes are in inches.

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
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    picture = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a title in another script
        figure.savefig(picture, format=picture_format)
    replace_file(path, [picture.getvalue()])

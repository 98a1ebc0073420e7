"""The weights of the first layer as images, one for each neuron."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..validation import integer
from .model import layers_of
from .style import GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["first_layer_images"]

Array = npt.NDArray[Any]


def first_layer_images(
    model: Any,
    shape: tuple[int, int] | None = None,
    *,
    max_neurons: int = 36,
    cmap: str | Colormap = "RdBu_r",
    axes: Any = None,
) -> npt.NDArray[Any]:
    """Draw each neuron's weights in the first layer as an image: what it looks for in its input.

    All images have one scale, symmetric about 0, from the greatest weight's absolute value downwards: what is
    red counts for the neuron, what is blue against it.

    Parameters
    ----------
    model : NeuralNetwork or fitted estimator
        With ``layers``, or ``coefs_``.
    shape : (height, width), optional
        Of the inputs as an image, row by row; by default a square.
    max_neurons : int
        Draw the first so many.
    cmap : str or Colormap
        ``"gray"`` is for print: there what is bright counts for the neuron.
    axes : array of matplotlib.axes.Axes, optional
        Where to draw, at least one for each image; by default a grid in a new figure, with a colour bar.

    Returns
    -------
    (n_rows, n_columns) array of matplotlib.axes.Axes
        The grid; places without an image are turned off. Given axes come back in their own shape.

    Raises
    ------
    TypeError
        If the model has no layers.
    ValueError
        If it has not been fitted, the inputs do not make up the shape, or there are too few axes.
    """
    layers = layers_of(model)
    weights = np.asarray(layers[0].weights, dtype=float)
    n_inputs, n_neurons = weights.shape
    height, width = _shape_of(n_inputs, shape)
    n = min(n_neurons, integer("max_neurons", max_neurons, 1))
    if axes is None:
        tall, wide = min(1.0, height / width) + 0.2, min(1.0, width / height)  # inches, with a line of text
        n_columns = _columns(n, tall / wide)
        n_rows = -(-n // n_columns)
        across, bar = max(1.0, n_columns * wide), 0.16
        upright = max(1.5, n_rows * tall + 0.1) + 0.3 * (n < n_neurons)
        figure = new_figure(across + 1.1, upright, layout="compressed")
        grid: Array = figure.subplots(n_rows, n_columns, squeeze=False)
    else:
        figure = None
        grid = np.asarray(axes, dtype=object)
        if grid.size < n:
            raise ValueError(f"axes has {grid.size} axes; expected at least {n}, one for each image")
    most = float(np.abs(weights[:, :n]).max()) or 1.0
    letter = "h" if len(layers) > 1 else "o"
    image = None
    for j, ax in enumerate(grid.ravel()):
        if j >= n:
            ax.set_axis_off()
            continue
        image = ax.imshow(weights[:, j].reshape(height, width), cmap=cmap, vmin=-most, vmax=most)
        ax.set_title(f"{letter}{j + 1}", fontsize=8, pad=2, color=GREY)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_color(GREY)
        ax.spines[:].set_linewidth(0.5)
    if figure is not None:
        figure.colorbar(image, ax=grid, label="weight", fraction=bar / across, pad=0.1 / across, aspect=25)
        if n < n_neurons:
            figure.suptitle(f"{n} of {n_neurons} neurons", fontsize=10)
    return grid


def _shape_of(n_inputs: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    if shape is None:
        side = math.isqrt(n_inputs)
        if side * side != n_inputs:
            raise ValueError(f"the model has {n_inputs} inputs, which is no square; give shape=(height, width)")
        return side, side
    try:
        first, second = shape
    except (TypeError, ValueError):
        raise ValueError(f"shape is {shape!r}; expected (height, width)") from None
    height, width = integer("height", first, 1), integer("width", second, 1)
    if height * width != n_inputs:
        raise ValueError(
            f"shape is {(height, width)}, which has {height * width} pixels; the model has {n_inputs} inputs"
        )
    return height, width


def _columns(n: int, shape: float) -> int:
    """Return how many images, so many times as high as wide, stand in a row.

    The whole is to be about one and a half times as wide as high, with few places left over.
    """
    ideal = math.sqrt(1.5 * n * shape)
    return min(range(1, min(n, 16) + 1), key=lambda columns: -n % columns + abs(columns - ideal))

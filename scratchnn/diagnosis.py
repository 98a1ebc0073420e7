"""The usual mistakes, found in data, activations, gradients and learning curves, and said in words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .core import activations, linalg, losses
from .core.names import name_and_parameter
from .normalization import argument

if TYPE_CHECKING:
    from .data import Data
    from .network import NeuralNetwork

__all__ = ["Finding", "TrainingWarning", "diagnose", "warn"]

Array = npt.NDArray[Any]

# Rows that are looked at, evenly spaced.
ROWS = 1000

# Inputs above LARGE drive tanh and sigmoid of usual starting weights into saturation from some ten inputs on; columns
# whose spreads differ more than SPREAD_RATIO have curvatures that differ by its square, and one learning rate.
LARGE = 30.0
SPREAD_RATIO = 1000.0

# A saturated neuron has a slope below this, of at most 1/4 (sigmoid) or 1 (tanh), on nearly every row.
FLAT = 1e-3
NEARLY_ALL = 0.95

# A part of a layer's neurons that is worth a word.
MANY = 0.1

# Beyond this ratio the gradients of two layers want learning rates of their own.
GRADIENT_RATIO = 1e4

# Epochs below which a curve tells nothing, and what counts as rising, as falling, and as no better than a constant.
SHORT = 10
RISE = 1.1
FALL = 0.98
NO_BETTER = 0.95


class TrainingWarning(UserWarning):
    """Something about a training that is probably a mistake."""


class Finding(NamedTuple):
    """A mistake that was probably made.

    Attributes
    ----------
    kind : str
        "large inputs", "different spreads", "constant inputs", "dead neurons", "saturated neurons", "vanishing
        gradients", "exploding gradients", "targets out of reach", "targets are classes", "overfitting",
        "underfitting", "unfinished" or "unstable".
    message : str
        What was seen, and what usually helps.
    """

    kind: str
    message: str


def diagnose(network: NeuralNetwork, data: Data) -> list[Finding]:
    """Return what looks like a mistake in the network, the data it is trained on, and the course of its training."""
    rows = np.linspace(0, data.n_samples - 1, min(ROWS, data.n_samples)).astype(np.int64)
    x, y = (source.take(rows).read(0, len(rows), network.dtype) for source in (data.inputs, data.targets))
    with np.errstate(over="ignore", invalid="ignore"):  # parameters that are about to diverge
        return [
            *_of_inputs(x),
            *_of_targets(network, y),
            *_of_neurons(network, x),
            *_of_gradients(network, data),
            *_of_curves(network, y),
        ]


def warn(findings: Iterable[Finding], stacklevel: int) -> None:
    """Give a TrainingWarning of each; `stacklevel` 1 names the caller's line, 2 that of its caller, and so on."""
    for kind, message in findings:
        warnings.warn(f"{kind}: {message}", TrainingWarning, stacklevel=stacklevel + 1)


def _some(indices: Array) -> str:
    """Say "3, 5, 7 …" of indices."""
    return ", ".join(map(str, indices[:5].tolist())) + (" …" if len(indices) > 5 else "")


# ---- data ----


def _of_inputs(x: Array) -> Iterator[Finding]:
    largest = np.abs(x).max(axis=0)
    if largest.max() > LARGE:
        yield Finding(
            "large inputs",
            f"inputs reach {largest.max():g}, in columns {_some(np.flatnonzero(largest > LARGE))}: scale them to a "
            "mean of 0 and a standard deviation of 1",
        )
    spread = x.astype(np.float64).std(axis=0)
    constant = np.flatnonzero(spread == 0)
    if 0 < constant.size < len(spread) and len(x) > 1:
        yield Finding("constant inputs", f"{constant.size} columns are constant and tell nothing: {_some(constant)}")
    some = spread[spread > 0]
    if some.size > 1 and some.max() > SPREAD_RATIO * some.min():
        low, high = np.flatnonzero(spread == some.min())[0], np.argmax(spread)
        yield Finding(
            "different spreads",
            f"the standard deviations of the inputs lie between {some.min():g} (column {low}) and {some.max():g} "
            f"(column {high}): scale each column by its own",
        )


RANGES = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_tanh": (-1.0, 1.0)}
RANGES |= {"softsign": (-1.0, 1.0), "relu": (0.0, math.inf), "softplus": (0.0, math.inf), "relu6": (0.0, 6.0)}
RANGES |= {"exp": (0.0, math.inf)}


def _of_targets(network: NeuralNetwork, y: Array) -> Iterator[Finding]:
    if network._loss.link or network._loss.outputs_per_target > 1:
        return
    name, _ = name_and_parameter(network.layers[-1].activation)
    low, high = RANGES.get(name, (-math.inf, math.inf))
    least, most = float(y.min()), float(y.max())
    if least < low or most > high:
        yield Finding(
            "targets out of reach",
            f"targets reach from {least:g} to {most:g}, the output activation {name} gives {low:g} to {high:g}: scale "
            "the targets, or end in 'identity'",
        )
    if np.array_equal(y, np.round(y)):
        one_hot = y.shape[1] > 1 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
        labels = np.unique(y)
        if one_hot or (y.shape[1] == 1 and 2 < len(labels) <= 20 and len(y) >= 5 * len(labels)):
            yield Finding(
                "targets are classes",
                f"targets are {'rows with a single 1' if one_hot else f'{len(labels)} whole numbers'}, and the loss is "
                f"{network.loss}: if they are classes, the loss 'cross_entropy' learns them faster",
            )


# ---- activations and gradients ----


def _of_neurons(network: NeuralNetwork, x: Array) -> Iterator[Finding]:
    a = x
    for i, layer in enumerate(network.layers[:-1]):
        function = activations.get(layer.activation)
        u = argument(layer, linalg.affine(a, layer.weights, layer.biases), by_batch=len(a) > 1)
        a = function(u)
        slope = np.abs(function.slope(u))
        name, n = function.name, layer.n_outputs
        if name in ("relu", "relu6"):
            dead = np.flatnonzero((slope == 0).all(axis=0))
            if dead.size > MANY * n:
                yield Finding(
                    "dead neurons",
                    f"{dead.size} of {n} neurons of layers[{i}] ({name}) are flat for every row and learn nothing: "
                    "try a smaller learning rate, 'leaky_relu', or scaled inputs",
                )
        elif name in ("sigmoid", "tanh", "softsign", "hard_tanh", "hard_sigmoid"):
            flat = np.flatnonzero((slope < FLAT).mean(axis=0) >= NEARLY_ALL)
            if flat.size > MANY * n:
                yield Finding(
                    "saturated neurons",
                    f"{flat.size} of {n} neurons of layers[{i}] ({name}) are saturated and learn slowly: try scaled "
                    "inputs, smaller weights or a smaller learning rate",
                )


def _of_gradients(network: NeuralNetwork, data: Data) -> Iterator[Finding]:
    step = network._step(data, min(ROWS, data.n_samples), training=data.n_samples > 1)
    gradients = network._topology.views(step.gradients())
    trainable = [i for i, layer in enumerate(network.layers) if layer.trainable]
    sizes = [float(np.sqrt(np.mean(np.square(gradients[i]["weights"], dtype=np.float64)))) for i in trainable]
    if len(sizes) < 2 or not all(math.isfinite(size) for size in sizes):
        if not all(math.isfinite(size) for size in sizes):
            yield Finding("exploding gradients", "the gradient is not finite: use a smaller learning rate or clip_norm")
        return
    first, last = sizes[0], sizes[-1]
    names = [f"layers[{i}]" for i in (trainable[0], trainable[-1])]
    compared = f"the gradient of {names[0]} is {first:.1e} in size, that of {names[1]} {last:.1e}"
    if last > 0 and first < last / GRADIENT_RATIO:
        yield Finding("vanishing gradients", f"{compared}: use fewer layers, 'relu' or 'selu', or normalisation")
    if first > last * GRADIENT_RATIO > 0:
        yield Finding("exploding gradients", f"{compared}: use smaller starting weights, clip_norm, or normalisation")


# ---- curves ----


def _of_curves(network: NeuralNetwork, y: Array) -> Iterator[Finding]:
    loss = np.array(network.history.loss)
    validation = np.array(network.history.validation_loss)
    if len(loss) < SHORT:
        return
    tail = max(3, len(loss) // 5)
    rises = np.mean(np.diff(loss[-tail:]) > 0.05 * np.abs(loss[-tail:-1]))
    falling = loss[-tail:].mean() < FALL * loss[-2 * tail : -tail].mean()
    if rises > 0.3:
        yield Finding(
            "unstable",
            f"the loss rose by more than a twentieth in {rises:.0%} of the last epochs: use a smaller learning rate, "
            "or larger batches",
        )
    known = validation[np.isfinite(validation)]
    if len(known) >= SHORT and known[-1] > RISE * known.min() and loss[-1] < loss[np.argmin(known)]:
        yield Finding(
            "overfitting",
            f"the validation loss was {known.min():.4g} in epoch {int(np.nanargmin(validation)) + 1} and is "
            f"{known[-1]:.4g}, while the training loss fell: stop there (patience=), regularise, or use more data",
        )
    baseline = _loss_of_a_constant(network, y.astype(np.float64))
    if baseline is not None and loss[-1] > NO_BETTER * baseline:
        yield Finding(
            "underfitting",
            f"the training loss is {loss[-1]:.4g}, and that of the best constant {baseline:.4g}: use a larger network, "
            "another learning rate, scaled inputs, or less regularisation",
        )
    elif falling:
        yield Finding("unfinished", "the loss is still falling: train for more epochs, or with a larger learning rate")


def _loss_of_a_constant(network: NeuralNetwork, y: Array) -> float | None:
    """Return the loss of the best outputs that do not depend on the inputs; None where it is not simple."""
    loss, mean = network._loss, y.mean(axis=0)
    if loss.kernel == "squared_error":
        best = mean
    elif loss.kernel == "cross_entropy":
        best = np.log(np.maximum(mean, 1e-12))
    elif loss.kernel == "binary_cross_entropy":
        p = np.clip(mean, 1e-12, 1 - 1e-12)
        best = np.log(p / (1 - p))
    else:
        return None
    scale = loss.factor / (len(y) if loss.mean_over_samples else 1) / (y.shape[1] if loss.mean_over_outputs else 1)
    parameters: dict[str, Any] = {loss.parameter: loss._parameter()} if loss.parameter else {}
    return float(losses.evaluate(loss.kernel, np.tile(best, (len(y), 1)), y, scale=scale, **parameters))

"""The comment at the top of the C file: what it computes of what, how to compile it, and what it costs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._version import __version__
from .buffers import bytes_of_buffers
from .literals import real, size
from .plan import Plan, total

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["Meaning", "header", "meaning_of_outputs"]

Array = npt.NDArray[Any]

_WIDTH = 104
_LABEL = 11


@dataclass(frozen=True)
class Meaning:
    """What C takes and gives, in words.

    Attributes
    ----------
    like : str
        What in Python computes the same.
    inputs, outputs : list of str
        A line for each matter.
    """

    like: str
    inputs: list[str]
    outputs: list[str]


def meaning_of_outputs(network: NeuralNetwork) -> list[str]:
    """Return what a network's outputs are, by its loss."""
    loss = network._loss
    match loss.link:
        case "softmax":
            return [f"the probabilities of the classes 0 to {network.n_outputs - 1}"]
        case "sigmoid":
            return ["of each target the probability that it is 1"]
        case "exp":
            return ["of each target the rate of its counts"]
        case "gaussian":
            return ["of each target, one after another, the mean and the standard deviation"]
    levels = getattr(loss, "levels", None)
    if levels is not None:
        return [f"of each target, one after another, the quantiles {', '.join(map(repr, levels))}"]
    return ["of each target a number, in its units"]


def header(
    name: str,
    network: NeuralNetwork,
    plan: Plan,
    weights: str,
    meaning: Meaning,
    n_rows: int,
    errors: Array | None,
    tolerance: Array | None,
) -> Iterator[str]:
    """Yield the comment's lines.

    `errors` are those of int8 weights, (n_rows, n_outputs), `tolerance` (n_outputs,) that of the self-test.
    """
    upper = name.upper()
    yield f"{name}: a neural network in C, written by scratchnn {__version__}. C99, and C++; it needs libm alone."
    yield ""
    yield from _matter("network", [_architecture(network), *_untrained(network)])
    yield from _matter("loss", [network.loss])
    yield from _matter("computes", [f"what {meaning.like} computes of a row, in {real(plan.real)}"])
    yield from _matter("inputs", [f"{_numbers(plan, plan.n_inputs)}, unchecked", *meaning.inputs])
    if plan.inputs is not None:
        yield from _matter("", [f"inside, input i becomes (x - {name}_input_shift[i]) * {name}_input_scale[i]"])
    yield from _matter("outputs", [_numbers(plan, plan.n_outputs), *meaning.outputs, *_range(plan)])
    if any(layer.normalization for layer in network.layers):
        yield from _matter("normalised", list(_normalization(network)))
    yield from _matter("weights", [_weights(network, plan, weights)])
    if errors is not None:
        worst = errors.max(axis=0)
        yield from _matter(
            "",
            [
                f"error against the network itself, measured on the {_rows(n_rows)} of the self-test, largest "
                f"{errors.max():.3g}, mean {errors.mean():.3g}"
                + (f"; largest of each output: {', '.join(f'{e:.3g}' for e in worst)}" if 1 < len(worst) <= 16 else "")
            ],
        )
    yield from _matter("memory", list(_memory(plan, name)))
    yield from _matter("work", [f"{total(plan, 'weights'):,} multiplications and additions a row"])
    yield ""
    yield "One row, in any number of threads at once; inputs and outputs must not overlap:"
    yield ""
    yield f"    {real(plan.real)} inputs[{upper}_INPUTS], outputs[{upper}_OUTPUTS];"
    yield f"    {name}_predict(inputs, outputs);"
    yield ""
    yield f"Compile it:  cc -std=c99 -O2 -c {name}.c        and link with -lm; or include it in one source file."
    yield f"For the declarations alone, in other files:  #define {upper}_DECLARATIONS, and include it."
    if tolerance is None:
        yield "There is no self-test: none of the rows were given that it is made from."
        return
    yield ""
    yield f"Self-test:   cc -std=c99 -O2 -D{upper}_TEST {name}.c -lm -o {name}_test && ./{name}_test"
    text = (
        f"It runs {_rows(n_rows)}, prints the largest difference from what Python gave for them, and returns 1 where "
        f"one is beyond its output's tolerance, {_from_to(tolerance)}: the bound of eq. 130 to 132 in docs/math.md for "
        "rounding in C and in Python"
    )
    yield from textwrap.wrap(f"{text}{', and the error of the weights' if errors is not None else ''}.", _WIDTH)


def _matter(label: str, texts: list[str]) -> Iterator[str]:
    for i, text in enumerate(texts):
        first = f"{label if i == 0 else '':<{_LABEL}} "
        # A line that quotes names of a table stays as it is: to break it could break a name.
        lines = [text] if "'" in text else textwrap.wrap(text, _WIDTH - len(first), break_on_hyphens=False)
        for k, line in enumerate(lines):
            yield f"{first if k == 0 else ' ' * len(first)}{line}"


def _architecture(network: NeuralNetwork) -> str:
    layers = [str(network.n_inputs)]
    for layer in network.layers:
        normalised = f" {layer.normalization}-normalised" if layer.normalization else ""
        layers.append(f"{layer.n_outputs}{normalised} {layer.activation}")
    return f"{' -> '.join(layers)}, {network.n_parameters:,} parameters, {network.dtype} in Python"


def _untrained(network: NeuralNetwork) -> Iterator[str]:
    if not network.history.loss:
        yield "never trained: its parameters are those that it was given, or that were drawn"
    asked = {"inputs": network._input_scaling, "targets": network._target_scaling}
    for what, scaling in asked.items():
        if scaling is not None and scaling.known is None:
            yield f"the {scaling.rule} scaling of {what} has not been measured, so {what} are not scaled"


def _numbers(plan: Plan, count: int) -> str:
    return f"{count} {real(plan.real)}{'s' if count > 1 else ''}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _range(plan: Plan) -> Iterator[str]:
    low, high = plan.limits
    if np.isfinite(low) or np.isfinite(high):
        digits = 9 if plan.real == np.float32 else 17
        least, most = (f"{end:.{digits}g}" for end in plan.limits)
        yield f"the least that they can be is {least}, the largest {most}"


def _normalization(network: NeuralNetwork) -> Iterator[str]:
    kinds = {layer.normalization for layer in network.layers}
    if "batch" in kinds:
        yield (
            "batch: running mean m, running variance v, gain g and shift h of each neuron are folded into the layer: "
            "its weights are times s = g / sqrt(v + 1e-5), its biases are h - m s"
        )
    if "layer" in kinds:
        yield "layer: computed for each row, with gains and shifts"


def _weights(network: NeuralNetwork, plan: Plan, weights: str) -> str:
    if weights == "int8":
        return "int8, each a step from -127 to 127 times its neuron's scale; all else is float32, sums too"
    return weights if plan.real >= network.dtype else f"{weights}, rounded from {network.dtype}"


def _memory(plan: Plan, name: str) -> Iterator[str]:
    constants = 0
    for layer in plan.layers:
        constants += layer.weights.size * (1 if layer.steps is not None else plan.real.itemsize)
        others = (layer.biases, layer.gain, layer.shift, layer.scales)
        constants += sum(values.size for values in others if values is not None) * plan.real.itemsize
    for scaling in (plan.inputs, plan.outputs):
        constants += 0 if scaling is None else 2 * 8 * len(scaling[0])
    yield f"constants {size(constants)}, without the rows of the self-test; nothing is allocated, nothing is kept"
    yield (
        f"stack {size(bytes_of_buffers(plan))} of buffers in {name}_predict, and what the compiler adds for its calls"
    )


def _from_to(values: Array) -> str:
    low, high = f"{values.min():.2g}", f"{values.max():.2g}"
    return low if low == high else f"{low} to {high}"

"""The C file, from its constants to its self-test."""

from __future__ import annotations

from collections.abc import Iterator
from string import Template

import numpy as np

from ..core import activations
from ..core.layers.normalization import EPSILON
from .buffers import BUFFERS, buffer_sizes
from .functions import ACTIVATIONS, LINKS, needed
from .literals import array, number, real, suffix
from .plan import Plan

__all__ = ["source"]

_DECLARATIONS = """\
#ifndef ${NAME}_INPUTS
#define ${NAME}_INPUTS $n_inputs
#define ${NAME}_OUTPUTS $n_outputs
#ifdef __cplusplus
extern "C" {
#endif
/* Compute ${NAME}_OUTPUTS outputs of ${NAME}_INPUTS inputs. */
void ${name}_predict(const $real *inputs, $real *outputs);
#ifdef __cplusplus
}
#endif
#endif

#if !defined(${NAME}_DECLARATIONS) && !defined(${NAME}_DEFINED)
#define ${NAME}_DEFINED
#include <math.h>
#include <stddef.h>
#include <stdint.h>"""

_DENSE = """\
/* z = x W + b, one neuron after another: its weights stand side by side. */
static void ${name}_dense(const $real *weights, const $real *biases, size_t n_inputs, size_t n_outputs,
                 const $real *x, $real *z)
{
    size_t i, j;

    for (j = 0; j < n_outputs; j++, weights += n_inputs) {
        $real sum = biases ? biases[j] : 0.0$f;
        for (i = 0; i < n_inputs; i++)
            sum += x[i] * weights[i];
        z[j] = sum;
    }
}"""

_DENSE_INT8 = """\
/* z = x W + b, one neuron after another: its weights stand side by side, as steps of its scale. */
static void ${name}_dense(const int8_t *weights, const float *scales, const float *biases, size_t n_inputs,
                 size_t n_outputs, const float *x, float *z)
{
    size_t i, j;

    for (j = 0; j < n_outputs; j++, weights += n_inputs) {
        float sum = 0.0f;
        for (i = 0; i < n_inputs; i++)
            sum += x[i] * (float)weights[i];
        z[j] = scales[j] * sum + (biases ? biases[j] : 0.0f);
    }
}"""

_NORMALIZE = """\
static void ${name}_normalize(const $real *gain, const $real *shift, size_t n, $real *z)
{
    $real mean = 0.0$f, variance = 0.0$f;
    size_t j;

    for (j = 0; j < n; j++)
        mean += z[j];
    mean /= ($real)n;
    for (j = 0; j < n; j++)
        variance += (z[j] - mean) * (z[j] - mean);
    variance = variance / ($real)n + $epsilon;
    for (j = 0; j < n; j++)
        z[j] = gain[j] * ((z[j] - mean) / sqrt$f(variance)) + shift[j];
}"""


def source(name: str, plan: Plan) -> Iterator[str]:
    """Yield what follows the header: declarations, constants, functions and ``NAME_predict``; not the last #endif."""
    words = {
        "name": name,
        "NAME": name.upper(),
        "real": real(plan.real),
        "f": suffix(plan.real),
        "n_inputs": str(plan.n_inputs),
        "n_outputs": str(plan.n_outputs),
        "columns": str(plan.outputs_per_target),
        "epsilon": number(EPSILON, plan.real),
    }
    yield Template(_DECLARATIONS).substitute(words)
    yield ""
    yield from _constants(name, plan)
    for function in _functions(name, plan):
        yield Template(function).substitute(words)
        yield ""
    yield from _predict(name, plan)


def _constants(name: str, plan: Plan) -> Iterator[str]:
    for scaling, kind in ((plan.inputs, "input"), (plan.outputs, "output")):
        if scaling is not None:
            yield from array(f"{name}_{kind}_shift", scaling[0])
            yield from array(f"{name}_{kind}_scale", scaling[1])
    for i, layer in enumerate(plan.layers):
        yield f"/* Layer {i}: {layer.n_inputs} -> {layer.n_outputs} {layer.activation} */"
        weights = layer.weights.astype(plan.real) if layer.steps is None else layer.steps
        yield from array(f"{name}_weights_{i}", weights.T)
        for kind in ("scales", "biases", "gain", "shift"):
            values = getattr(layer, kind)
            if values is not None:
                yield from array(f"{name}_{kind}_{i}", values.astype(plan.real))
    yield ""


def _functions(name: str, plan: Plan) -> Iterator[str]:
    names = [layer.activation for layer in plan.layers]
    yield _DENSE if plan.layers[0].steps is None else _DENSE_INT8
    if any(layer.gain is not None for layer in plan.layers):
        yield _NORMALIZE
    for activation in needed(names):
        alpha = ", $real alpha" if activations.get(activation).has_alpha else ""
        body = "".join(f"    {line}\n" for line in ACTIVATIONS[activation].splitlines())
        yield f"static $real ${{name}}_{activation}($real z{alpha})\n{{\n{body}}}"
    if names[-1] in LINKS:
        yield LINKS[names[-1]]


def _predict(name: str, plan: Plan) -> Iterator[str]:
    of_real = real(plan.real)
    yield f"void {name}_predict(const {of_real} *inputs, {of_real} *outputs)"
    yield "{"
    for buffer, n in zip(BUFFERS, buffer_sizes(plan), strict=True):
        if n:
            yield f"    {of_real} {buffer}[{n}];"
    lines = [*_steps(name, plan), *_back_in_units(name, plan)]
    if any("[j]" in line for line in lines):
        yield "    size_t j;"
    yield ""
    yield from lines
    yield "}"


def _steps(name: str, plan: Plan) -> Iterator[str]:
    """Yield the body's statements, from the inputs to the last layer's outputs in units of the network."""
    x = "inputs"
    if plan.inputs is not None:
        x = BUFFERS[1]
        yield f"    for (j = 0; j < {name.upper()}_INPUTS; j++)"
        scaled = f"((double)inputs[j] - {name}_input_shift[j]) * {name}_input_scale[j]"
        yield f"        {x}[j] = {_rounded(plan, scaled)};"
    for i, layer in enumerate(plan.layers):
        a = "outputs" if i + 1 == len(plan.layers) else BUFFERS[i % 2]
        parameters = ["weights"] + ["scales"] * (layer.scales is not None)
        given = [f"{name}_{kind}_{i}" for kind in parameters]
        given.append("NULL" if layer.biases is None else f"{name}_biases_{i}")
        yield f"    {name}_dense({', '.join(given)}, {layer.n_inputs}, {layer.n_outputs}, {x}, {a});"
        if layer.gain is not None:
            yield f"    {name}_normalize({name}_gain_{i}, {name}_shift_{i}, {layer.n_outputs}, {a});"
        yield from _activated(name, plan, i, a)
        x = a


def _activated(name: str, plan: Plan, i: int, a: str) -> Iterator[str]:
    layer = plan.layers[i]
    if layer.activation in LINKS:
        yield f"    {name}_{layer.activation}({a});"
        return
    function = activations.get(layer.activation)
    if not ACTIVATIONS[function.name]:
        return
    alpha = f", {number(function.alpha, plan.real)}" if function.has_alpha else ""
    yield f"    for (j = 0; j < {layer.n_outputs}; j++)"
    yield f"        {a}[j] = {name}_{function.name}({a}[j]{alpha});"


def _back_in_units(name: str, plan: Plan) -> Iterator[str]:
    if plan.outputs is None:
        return
    low, high = plan.limits
    yield f"    for (j = 0; j < {name.upper()}_OUTPUTS; j++) {{"
    yield f"        double y = (double)outputs[j] / {name}_output_scale[j] + {name}_output_shift[j];"
    double = np.dtype(np.float64)
    for limit, sign in ((low, "<"), (high, ">")):
        if np.isfinite(limit):
            yield f"        y = y {sign} {number(limit, double)} ? {number(limit, double)} : y;"
    yield f"        outputs[j] = {_rounded(plan, 'y')};"
    yield "    }"


def _rounded(plan: Plan, expression: str) -> str:
    """Return an expression of type double as one of the plan's type."""
    if plan.real == np.float64:
        return expression
    return f"(float){expression}" if expression.isidentifier() else f"(float)({expression})"

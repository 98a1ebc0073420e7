"""Activations, links and layers as expressions of ONNX operators: the exporter writes them, the importer finds them.

An expression is a tree of operators over holes and numbers. ``X`` is what comes in; the other holes are constants,
which the exporter fills in and the importer reads off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "GEMM",
    "GEMM_ALONE",
    "LAYER",
    "READINGS",
    "Hole",
    "Op",
    "Reading",
    "X",
    "batch",
    "elementwise",
    "expression",
    "gaussian",
    "quantiles",
]

Array = npt.NDArray[Any]


class Hole(NamedTuple):
    """A place for a tensor (``X``) or for constants (all others)."""

    name: str


class Op(NamedTuple):
    """An operator of ONNX's default domain, or of another one, with its inputs; numbers stand for constants."""

    name: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    domain: str = ""


X = Hole("x")
ALPHA = Hole("alpha")


def _op(name: str, *inputs: Any, domain: str = "", **attributes: Any) -> Op:
    return Op(name, inputs, attributes, domain)


# ---- activations ----

_RELU = _op("Max", X, 0.0)
_BELOW = _op("Min", X, 0.0)
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _elu(alpha: Any) -> Op:
    return _op("Add", _RELU, _op("Mul", alpha, _op("Sub", _op("Exp", _BELOW), 1.0)))


def _sixths(x: Any) -> Op:
    return _op("Clip", _op("Add", _op("Mul", x, 1 / 6), 0.5), 0.0, 1.0)


_SOFTPLUS = _op("Add", _RELU, _op("Log", _op("Add", _op("Exp", _op("Neg", _op("Abs", X))), 1.0)))
_HARD_SIGMOID = _op("HardSigmoid", X, alpha=1 / 6, beta=0.5)


def _gelu() -> Op:
    """Return ``max(x, 0) - |x| Φ(-|x|)`` of exponentials, for ONNX Runtime has no erf of float64.

    With t = |x| / sqrt 2, ``Φ(-|x|) = erfc(t) / 2``, and the trapezoidal rule with the step h, shifted by half of it,
    gives ``erfc(t) = 2 h/π t exp(-t²) sum_k exp(-n_k) / (n_k + t²) + 2 / (1 + exp(2π t / h))``, ``n_k = (k + 1/2)² h²``
    (Matta & Reichel 1971), with a relative error of exp(-π²/h²) = 7e-18 at h = 1/2. Thirteen terms are as many as
    float64 can tell from their sum. Beyond 40 all of it is 0.
    """
    h = 0.5
    n = (h * (np.arange(13.0) + 0.5)) ** 2
    t = _op("Mul", _op("Min", _op("Abs", X), 40.0), math.sqrt(0.5))
    square = _op("Mul", t, t)
    last = np.array([-1])
    terms = _op("Div", h / math.pi * np.exp(-n), _op("Add", _op("Unsqueeze", square, last), n))
    near = _op("Mul", _op("Mul", t, _op("Exp", _op("Neg", square))), _op("ReduceSum", terms, last, keepdims=0))
    tail = _op("Add", near, _op("Sigmoid", _op("Mul", t, -2 * math.pi / h)))
    return _op("Sub", _RELU, _op("Mul", _op("Abs", X), tail))


_NATIVE: dict[str, Any] = {
    "identity": X,
    "sigmoid": _op("Sigmoid", X),
    "tanh": _op("Tanh", X),
    "relu": _op("Relu", X),
    "leaky_relu": _op("LeakyRelu", X, alpha=ALPHA),
    "elu": _op("Elu", X, alpha=ALPHA),
    "selu": _op("Selu", X, alpha=_SELU_ALPHA, gamma=_SELU_SCALE),
    "softplus": _op("Softplus", X),
    "silu": _op("Mul", X, _op("Sigmoid", X)),
    "gelu": _op("Mul", _op("Mul", X, 0.5), _op("Add", _op("Erf", _op("Div", X, math.sqrt(2))), 1.0)),
    "softsign": _op("Softsign", X),
    "exp": _op("Exp", X),
    "hard_sigmoid": _HARD_SIGMOID,
    "hard_tanh": _op("Clip", X, -1.0, 1.0),
    "hard_silu": _op("Mul", X, _HARD_SIGMOID),
    "relu6": _op("Clip", X, 0.0, 6.0),
    "softmax": _op("Softmax", X, axis=-1),
}

# Where ONNX Runtime has no kernel for float64.
_COMPOSED: dict[str, Any] = {
    "leaky_relu": _op("Add", _RELU, _op("Mul", ALPHA, _BELOW)),
    "elu": _elu(ALPHA),
    "selu": _op("Mul", _SELU_SCALE, _elu(_SELU_ALPHA)),
    "softplus": _SOFTPLUS,
    "gelu": _gelu(),
    "softsign": _op("Div", X, _op("Add", _op("Abs", X), 1.0)),
    "hard_sigmoid": _sixths(X),
    "hard_silu": _op("Mul", X, _sixths(X)),
}

_EXPRESSIONS = {4: _NATIVE, 8: _NATIVE | _COMPOSED}  # by the size of a number in bytes


def expression(name: str, itemsize: int) -> Any:
    """Return the expression of an activation or of softmax; KeyError for a name that has none."""
    return _EXPRESSIONS[itemsize][name]


def _other_forms() -> Iterator[tuple[str, Op]]:
    """Yield (activation, expression) for forms that other exporters write."""
    one_plus_erf = [_op("Add", _op("Erf", half), 1.0) for half in (_op("Div", X, 2**0.5), _op("Mul", X, 0.5**0.5))]
    for erf in one_plus_erf:
        yield "gelu", _op("Mul", _op("Mul", X, 0.5), erf)
        yield "gelu", _op("Mul", _op("Mul", X, erf), 0.5)
        yield "gelu", _op("Mul", X, _op("Mul", erf, 0.5))
    yield "gelu", _op("Gelu", X, approximate="none")
    yield "hard_silu", _op("HardSwish", X)
    yield "hard_silu", _op("Div", _op("Mul", X, _op("Clip", _op("Add", X, 3.0), 0.0, 6.0)), 6.0)
    yield "silu", _op("Swish", X, alpha=1.0)
    yield "relu", _RELU
    yield "relu", _op("Clip", X, 0.0)
    yield "relu", _op("Clip", X, 0.0, math.inf)
    yield "relu6", _op("Min", _op("Relu", X), 6.0)
    yield "relu6", _op("Min", _RELU, 6.0)
    yield "softplus", _op("Log", _op("Add", _op("Exp", X), 1.0))


# ---- links with parameters ----

MASK, ROWS, BACK = Hole("mask"), Hole("rows"), Hole("back")


def _quantiles(softplus: Any) -> Op:
    steps = _op("Where", MASK, X, softplus)
    return _op("Reshape", _op("CumSum", _op("Reshape", steps, ROWS), np.array(2), exclusive=0, reverse=0), BACK)


def quantiles(n_outputs: int, n_levels: int, itemsize: int) -> tuple[Op, dict[str, Array]]:
    """Return ``q_1 = z_1, q_k = q_(k-1) + softplus(z_k)`` (docs/math.md, eq. 82), and what its holes hold."""
    first = np.arange(n_outputs) % n_levels == 0
    holes = {
        "mask": first,
        "rows": np.array([-1, n_outputs // n_levels, n_levels]),
        "back": np.array([-1, n_outputs]),
    }
    return _quantiles(expression("softplus", itemsize)), holes


_DEVIATION = _op("Exp", _op("Mul", _op("Clip", X, -40.0, 40.0), 0.5))
_GAUSSIAN = _op("Where", MASK, X, _DEVIATION)


def gaussian(n_outputs: int) -> tuple[Op, dict[str, Array]]:
    """Return means and ``exp(s / 2)`` of the logarithms s of variances (docs/math.md, eq. 85), and its holes."""
    return _GAUSSIAN, {"mask": np.arange(n_outputs) % 2 == 0}


# ---- layers ----

WEIGHTS, VECTOR, GAIN, SHIFT, MEAN, VARIANCE = map(Hole, ("weights", "vector", "gain", "shift", "mean", "variance"))
EPSILON, TRANSPOSED = Hole("epsilon"), Hole("transposed")

GEMM = _op("Gemm", X, WEIGHTS, VECTOR, alpha=1.0, beta=1.0, transA=0, transB=TRANSPOSED)
# Not MatMul, for ONNX Runtime merges a factor beside that into it as a float32, whatever the dtype.
GEMM_ALONE = Op("Gemm", (X, WEIGHTS), GEMM.attributes)

_BATCH = _op("BatchNormalization", X, GAIN, SHIFT, MEAN, VARIANCE, epsilon=EPSILON, training_mode=0, spatial=1)
_BATCH_OF_13 = _op("BatchNormalization", X, GAIN, SHIFT, MEAN, VARIANCE, epsilon=EPSILON)


# The same of constants: the attribute epsilon is a float32 even where all else is float64.
_COMPOSED_BATCH = _op(
    "Add", _op("Mul", _op("Div", _op("Sub", X, MEAN), _op("Sqrt", _op("Add", VARIANCE, EPSILON))), GAIN), SHIFT
)


def batch(itemsize: int) -> Op:
    """Return the normalisation by running means and variances (docs/math.md, eq. 120)."""
    return _BATCH_OF_13 if itemsize == 4 else _COMPOSED_BATCH


def elementwise(operator: str) -> Op:
    """Return an operator of X and a constant."""
    return _op(operator, X, VECTOR)


def _layer(mean: Any, variance: Any, square: Any) -> Op:
    """Return layer normalisation (docs/math.md, eq. 120 and 122); ONNX has it as one operator since opset 17."""
    centred = _op("Sub", X, mean(X))
    deviation = _op("Sqrt", _op("Add", variance(square(centred)), EPSILON))
    return _op("Add", _op("Mul", _op("Div", centred, deviation), GAIN), SHIFT)


def _mean(x: Any) -> Op:
    return _op("ReduceMean", x, axes=(-1,), keepdims=1)


def _mean_of_18(x: Any) -> Op:
    return _op("ReduceMean", x, np.array([-1]), keepdims=1, noop_with_empty_axes=0)


LAYER = _layer(_mean, _mean, lambda d: _op("Mul", d, d))


class Reading(NamedTuple):
    """What an expression in a graph means: a kind of step, and of activations the name."""

    kind: str
    name: str
    expression: Op


def _readings() -> Iterator[Reading]:
    """Yield what a graph may consist of, those first that have others as their parts."""
    for softplus in (_NATIVE["softplus"], _SOFTPLUS):
        yield Reading("quantiles", "quantiles", _quantiles(softplus))
    yield Reading("gaussian", "gaussian", _GAUSSIAN)
    forms = [*_COMPOSED.items(), *_NATIVE.items(), *_other_forms()]
    yield from (Reading("activation", name, form) for name, form in forms if form is not X)
    yield Reading("linear", "", GEMM)
    yield Reading("linear", "", GEMM_ALONE)
    yield Reading("linear", "", _op("MatMul", X, WEIGHTS))
    yield Reading("batch", "", _BATCH)
    yield Reading("batch", "", _COMPOSED_BATCH)
    for mean in (_mean, _mean_of_18):
        for square in (lambda d: _op("Mul", d, d), lambda d: _op("Pow", d, 2.0)):
            yield Reading("layer", "", _layer(mean, mean, square))
    yield Reading("layer", "", _op("LayerNormalization", X, GAIN, SHIFT, axis=-1, epsilon=EPSILON, stash_type=1))
    yield Reading("both", "", _op("Concat", _op("Sub", 1.0, X), X, axis=1))
    yield Reading("scaler", "", _op("Scaler", X, domain="ai.onnx.ml", offset=SHIFT, scale=GAIN))
    for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
        yield Reading(kind, "", elementwise(kind))
    yield Reading("cast", "", _op("Cast", X, to=VECTOR))
    yield Reading("flatten", "", _op("Flatten", X, axis=1))
    yield Reading("reshape", "", _op("Reshape", X, ROWS))
    yield Reading("zipmap", "", _op("ZipMap", X, domain="ai.onnx.ml"))


READINGS = tuple(_readings())

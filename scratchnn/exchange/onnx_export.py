"""A network as an ONNX model: its layers from input to output, each as an expression of operators."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import strict_json
from .._version import __version__
from ..atomic import replace_file
from ..core.layers.normalization import EPSILON
from ..core.names import name_and_parameter
from . import expressions
from .expressions import Hole, Op, elementwise
from .onnx_library import library

if TYPE_CHECKING:
    from ..layers import Dense
    from ..network import NeuralNetwork

__all__ = ["KEY", "OPSET", "model", "save"]

Array = npt.NDArray[Any]

# The first opset with Softmax by axis and axes of ReduceSum as inputs, of 2020; IR version 7 goes with it.
OPSET, IR_VERSION = 13, 7

KEY = "scratchnn"  # of the property with what a graph cannot say
MOST_BYTES = (1 << 31) - (1 << 20)  # protobuf's limit, with room for all that is not weights


def save(network: NeuralNetwork, path: str | os.PathLike[str]) -> None:
    """Write `network` to `path`; ``NeuralNetwork.to_onnx`` says what and how."""
    onnx = library()
    n_bytes = network.n_parameters * network.dtype.itemsize
    if n_bytes > MOST_BYTES:
        raise ValueError(f"the network's parameters take {n_bytes} bytes; an ONNX file holds at most {MOST_BYTES}")
    made = model(network)
    onnx.checker.check_model(made, full_check=True)
    replace_file(path, [made.SerializeToString()])


def model(network: NeuralNetwork) -> Any:
    """Return `network` as an ``onnx.ModelProto``."""
    onnx = library()
    helper, real = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(network.dtype)
    graph = _Graph(network.dtype)
    graph.build(network)
    ends = [
        helper.make_tensor_value_info(name, real, ["n", size])
        for name, size in (("input", network.n_inputs), ("output", network.n_outputs))
    ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "network", ends[:1], ends[1:], initializer=graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="scratchnn",
        producer_version=__version__,
    )
    notes = {
        "loss": None if network._loss.in_python else network.loss,
        "bounds": None if network._bounds is None else network._bounds.to_list(),
        "seed": network.seed,
        "metadata": network.metadata,
    }
    helper.set_model_props(made, {KEY: strict_json.encode(notes).decode()})
    return made


class _Graph:
    """Nodes and initializers, as far as they are made."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._constants: dict[tuple[Any, ...], str] = {}
        self._counts: dict[str, int] = {}  # of names

    def build(self, network: NeuralNetwork) -> None:
        a = self._scaled(network, "input")
        for i, layer in enumerate(network.layers):
            a = self._layer(network, layer, f"layers.{i}", a)
        a = self._unscaled(network, a)
        self.nodes.append(library().helper.make_node("Identity", [a], ["output"], name="output"))

    # ---- parts of a network ----

    def _scaled(self, network: NeuralNetwork, x: str) -> str:
        """Scale in float64, as the network does (docs/math.md, eq. 87)."""
        if network.input_scaling is None:
            return x
        shift, scale = network.input_scaling
        x = self._cast(x, np.dtype(np.float64), "inputs")
        x = self.add(elementwise("Sub"), x, "inputs", vector=("inputs.shift", shift))
        x = self.add(elementwise("Mul"), x, "inputs", vector=("inputs.scale", scale))
        return self._cast(x, self.dtype, "inputs")

    def _layer(self, network: NeuralNetwork, layer: Dense, place: str, x: str) -> str:
        arrays = {
            hole: (f"{place}.{name}", getattr(layer, name))
            for hole, name in (
                ("weights", "weights"),
                ("vector", "biases"),
                ("gain", "gain"),
                ("shift", "shift"),
                ("mean", "running_mean"),
                ("variance", "running_variance"),
            )
        }
        linear = expressions.GEMM_ALONE if layer.biases is None else expressions.GEMM
        x = self.add(linear, x, place, transposed=0, **arrays)
        if layer.normalization == "batch":
            x = self.add(expressions.batch(self.dtype.itemsize), x, place, epsilon=EPSILON, **arrays)
        elif layer.normalization == "layer":
            x = self.add(expressions.LAYER, x, place, epsilon=EPSILON, **arrays)
        return self._activation(network, layer.activation, place, x)

    def _activation(self, network: NeuralNetwork, activation: str, place: str, x: str) -> str:
        name, parameter = name_and_parameter(activation)
        size = self.dtype.itemsize
        if name == "quantiles":
            expression, holes = expressions.quantiles(network.n_outputs, network._loss.outputs_per_target, size)
            return self.add(expression, x, place, **holes)
        if name == "gaussian":
            expression, holes = expressions.gaussian(network.n_outputs)
            return self.add(expression, x, place, **holes)
        alpha = None if parameter is None else float(parameter)
        return self.add(expressions.expression(name, size), x, place, alpha=alpha)

    def _unscaled(self, network: NeuralNetwork, a: str) -> str:
        """Take outputs back in float64, and no further than the bounds (docs/math.md, eq. 88 and 93)."""
        if network.target_scaling is None:
            return a
        shift, scale = network._loss.of_outputs(*network.target_scaling)
        a = self._cast(a, np.dtype(np.float64), "outputs")
        a = self.add(elementwise("Div"), a, "outputs", vector=("outputs.scale", scale))
        a = self.add(elementwise("Add"), a, "outputs", vector=("outputs.shift", shift))
        limits = (-math.inf, math.inf) if network._bounds is None else network._bounds.limits
        for operator, limit in zip(("Max", "Min"), limits, strict=True):
            if math.isfinite(limit):
                a = self.add(elementwise(operator), a, "outputs", vector=np.array(limit, np.float64))
        return self._cast(a, self.dtype, "outputs")

    def _cast(self, x: str, dtype: np.dtype[Any], place: str) -> str:
        if self.dtype == np.float64:
            return x
        to = library().helper.np_dtype_to_tensor_dtype(dtype)
        return self.add(Op("Cast", (expressions.X,), {"to": to}), x, place)

    # ---- expressions ----

    def add(self, expression: Any, x: str, place: str, **holes: Any) -> str:
        """Append the nodes of an expression, and return the name of what they compute.

        Holes are filled with numbers or arrays; a pair gives an array a name.
        """
        made: dict[int, str] = {}  # what an expression has twice is computed once

        def write(item: Any) -> str:
            if item is expressions.X:
                return x
            if not isinstance(item, Op):
                return self._constant(holes[item.name] if isinstance(item, Hole) else item)
            if id(item) not in made:
                inputs = [write(part) for part in item.inputs]
                attributes = {
                    name: holes[value.name] if isinstance(value, Hole) else value
                    for name, value in item.attributes.items()
                }
                output = self._unused(f"{place}.{item.name}")
                self.nodes.append(library().helper.make_node(item.name, inputs, [output], name=output, **attributes))
                made[id(item)] = output
            return made[id(item)]

        return write(expression)

    def _constant(self, value: Any) -> str:
        """Return the name of a number of the network's dtype, an array of its own dtype, or a pair (name, array)."""
        given, value = value if isinstance(value, tuple) else ("", value)
        array = np.asarray(value, self.dtype if isinstance(value, float) else None, order="C")
        key = given, array.dtype.str, array.shape, b"" if given else array.tobytes()
        if key not in self._constants:
            self._constants[key] = self._unused(given or "constant")
            self.initializers.append(library().numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def _unused(self, name: str) -> str:
        self._counts[name] = count = self._counts.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"

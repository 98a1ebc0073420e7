"""The graph of an ONNX file, bounded and checked, and what expressions are found in it.

A file may come from anywhere. Nothing of it is executed, no other file is opened, and no array is made before its size
has been compared with the bytes that the file has for it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..container import open_regular
from ..errors import ModelFileError
from ..strict_json import brief
from .expressions import READINGS, Hole, Op, Reading, X
from .onnx_library import library

__all__ = ["Graph", "label", "read"]

Array = npt.NDArray[Any]

MOST_BYTES = (1 << 31) - 1  # protobuf's limit
MOST_NODES = 100_000
OLDEST_OPSET = 9

# How far a constant may be from what it stands for, relative.
ROUNDING = {4: 1e-6, 8: 1e-14}  # by the size of a number in bytes
DOMAINS = ("", "ai.onnx")

# The dtypes of constants, each with the field that holds them where raw_data does not, by ONNX's number.
FIELDS = {
    1: ("float32", "float_data"),
    11: ("float64", "double_data"),
    6: ("int32", "int32_data"),
    7: ("int64", "int64_data"),
    9: ("bool", "int32_data"),
}

# What an attribute is that a node leaves out; None for one that is the same to a network whatever it is.
DEFAULTS: dict[tuple[str, str], Any] = {
    ("BatchNormalization", "epsilon"): 1e-5,
    ("BatchNormalization", "momentum"): None,
    ("BatchNormalization", "spatial"): 1,
    ("BatchNormalization", "training_mode"): 0,
    ("Cast", "saturate"): None,
    ("CumSum", "exclusive"): 0,
    ("CumSum", "reverse"): 0,
    ("Elu", "alpha"): 1.0,
    ("Flatten", "axis"): 1,
    ("Gelu", "approximate"): "none",
    ("Gemm", "alpha"): 1.0,
    ("Gemm", "beta"): 1.0,
    ("Gemm", "transA"): 0,
    ("Gemm", "transB"): 0,
    ("HardSigmoid", "alpha"): 0.2,
    ("HardSigmoid", "beta"): 0.5,
    ("LayerNormalization", "axis"): -1,
    ("LayerNormalization", "epsilon"): 1e-5,
    ("LayerNormalization", "stash_type"): 1,
    ("LeakyRelu", "alpha"): 0.01,
    ("ReduceMean", "keepdims"): 1,
    ("ReduceMean", "noop_with_empty_axes"): 0,
    ("ReduceSum", "keepdims"): 1,
    ("ReduceSum", "noop_with_empty_axes"): None,
    ("Reshape", "allowzero"): None,
    ("Scaler", "offset"): 0.0,
    ("Scaler", "scale"): 1.0,
    ("Selu", "alpha"): np.float32(1.6732632423543772848),
    ("Selu", "gamma"): np.float32(1.0507009873554804934),
    ("Softmax", "axis"): -1,
    ("Swish", "alpha"): 1.0,
    ("ZipMap", "classlabels_int64s"): None,
    ("ZipMap", "classlabels_strings"): None,
}

COMMUTATIVE = ("Add", "Mul", "Max", "Min")


def read(path: str | os.PathLike[str]) -> tuple[Any, int]:
    """Return an ONNX file as a ``ModelProto``, and how many bytes it has.

    Raises
    ------
    ModelFileError
        If it is no regular file, too large, or no ONNX model.
    OSError
        If it cannot be opened or read.
    """
    onnx = library()
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise ModelFileError(f"the file has {size} bytes; an ONNX file has at most {MOST_BYTES}")
        data = file.readall()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # protobuf's DecodeError, whose module depends on the implementation
        raise ModelFileError("the file is no ONNX model, or is damaged") from None
    if not _is_text(model):
        raise ModelFileError("the file is no ONNX model, or is damaged: a name in it is no text")
    if not model.HasField("graph") or not model.opset_import:
        raise ModelFileError("the file is no ONNX model: it has no graph or no opset")
    return model, len(data)


def _is_text(message: Any) -> bool:
    """Whether all strings within are text: protobuf gives those that are not UTF-8 as bytes."""
    for field, value in message.ListFields():
        if field.type not in (field.TYPE_MESSAGE, field.TYPE_STRING):
            continue
        items = [value] if isinstance(value, (str, bytes)) or hasattr(value, "ListFields") else value
        for item in items:
            if isinstance(item, bytes) or not (isinstance(item, str) or _is_text(item)):
                return False
    return True


def label(node: Any) -> str:
    """Return a node as messages name it."""
    name = node.name or next(iter(node.output), "")
    domain = "" if node.domain in DOMAINS else f"{node.domain}."
    return f"node {brief(name)} ({brief(domain + node.op_type)[1:-1]})"


class Graph:
    """The nodes between one input and one output, by the tensors that they make.

    Attributes
    ----------
    input, output : str
        The names of the two tensors.
    """

    def __init__(self, model: Any) -> None:
        graph = model.graph
        self._opset = _opset(model)
        if len(graph.node) > MOST_NODES:
            raise ModelFileError(f"the graph has {len(graph.node)} nodes; expected at most {MOST_NODES}")
        if graph.sparse_initializer:
            raise ModelFileError("the graph has sparse initializers; expected dense ones")
        self._tensors: dict[str, Any] = {}
        self._producers: dict[str, Any] = {}
        self._arrays: dict[str, Array] = {}
        self._origins: dict[str, str] = {}
        for tensor in graph.initializer:
            self._add(self._tensors, tensor.name, tensor)
        for node in graph.node:
            value = _constant_of(node)
            if value is not None:
                self._add(self._tensors, node.output[0], value)
            else:
                for name in filter(None, node.output):
                    self._add(self._producers, name, node)
        inputs = [given for given in graph.input if given.name not in self._tensors]
        if len(inputs) != 1:
            raise ModelFileError(f"the graph has {len(inputs)} inputs{_names(inputs)}; expected one")
        self.input = inputs[0].name
        self.n_dimensions = len(inputs[0].type.tensor_type.shape.dim)
        self.output = _output(graph.output).name
        if self.input in self._producers:
            raise ModelFileError(f"{brief(self.input)} is an input of the graph, and made by a node as well")

    def _add(self, place: dict[str, Any], name: str, item: Any) -> None:
        if name in self._tensors or name in self._producers:
            raise ModelFileError(f"the graph has two tensors {brief(name)}; expected names that differ")
        place[name] = item

    def node(self, tensor: str) -> Any:
        """Return the node that makes a tensor, None for the input and for constants."""
        return self._producers.get(tensor)

    def origin(self, tensor: str) -> str:
        """Return the tensor that this one is a copy of, through Identity, and Dropout, which drops nothing."""
        if tensor in self._origins:
            return self._origins[tensor]
        given, seen = tensor, set()
        while (node := self._producers.get(tensor)) is not None and tensor not in seen:
            copies = node.op_type == "Identity" or (node.op_type == "Dropout" and tensor == node.output[0])
            if not copies or node.domain not in DOMAINS or not node.input:
                break
            if node.op_type == "Dropout" and not self._drops_nothing(node):
                raise ModelFileError(f"{label(node)} drops values as in training; expected a model for predictions")
            seen.add(tensor)
            tensor = node.input[0]
        self._origins[given] = tensor
        return tensor

    def _drops_nothing(self, node: Any) -> bool:
        if len(node.input) < 3 or not node.input[2]:
            return True
        mode = self.constant(node.input[2])
        return mode is not None and not mode.any()

    # ---- constants ----

    def constant(self, tensor: str) -> Array | None:
        """Return a constant tensor as an array; None for one that is computed. A transposed constant is one too."""
        tensor = self.origin(tensor)
        if tensor not in self._arrays:
            node = self._producers.get(tensor)
            if node is not None and node.op_type == "Transpose" and node.domain in DOMAINS and len(node.input) == 1:
                inner = self._tensors.get(self.origin(node.input[0]))
                order = {attribute.name: list(attribute.ints) for attribute in node.attribute}.get("perm", [1, 0])
                if inner is None or len(inner.dims) != 2 or sorted(order) != [0, 1]:
                    return None
                self._arrays[tensor] = _array(inner).transpose(order)
            elif tensor in self._tensors:
                self._arrays[tensor] = _array(self._tensors[tensor])
            else:
                return None
        return self._arrays[tensor]

    # ---- expressions ----

    def reading(self, tensor: str) -> tuple[Reading, str, dict[str, Any]] | None:
        """Return what the node that makes a tensor means, what comes in, and its constants; None for nothing."""
        operator = self._producers[tensor].op_type
        for reading in READINGS:
            if reading.expression.name == operator:
                found = self._match(reading.expression, tensor, {})
                if found is not None and "x" in found:
                    return reading, found.pop("x"), found
        return None

    def _match(self, item: Any, tensor: str, found: dict[str, Any]) -> dict[str, Any] | None:
        """Return `found` with what the holes of an expression hold, if it is what makes a tensor; else None."""
        tensor = self.origin(tensor)
        if item is X:
            is_constant = self.constant(tensor) is not None
            return None if is_constant or found.get("x", tensor) != tensor else found | {"x": tensor}
        if not isinstance(item, Op):
            array = self.constant(tensor)
            return None if array is None else _fits(item, array, found)
        node = self._producers.get(tensor)
        if node is None or node.op_type != item.name or node.output[0] != tensor:
            return None
        if node.domain != item.domain and {node.domain, item.domain} != set(DOMAINS):
            return None
        matched = self._match_attributes(item, node, found)
        if matched is None:
            return None
        inputs = self._inputs(node)
        if len(inputs) != len(item.inputs):
            return None
        orders = [item.inputs, item.inputs[::-1]] if item.name in COMMUTATIVE else [item.inputs]
        return next(filter(None, (self._match_all(order, inputs, matched) for order in orders)), None)

    def _match_all(self, items: Iterable[Any], tensors: list[Any], found: dict[str, Any]) -> dict[str, Any] | None:
        result: dict[str, Any] | None = found
        for item, tensor in zip(items, tensors, strict=True):
            if result is None:
                break
            if isinstance(tensor, str):
                result = self._match(item, tensor, result)
            else:
                result = None if isinstance(item, Op) or item is X else _fits(item, np.asarray(tensor), result)
        return result

    def _inputs(self, node: Any) -> list[Any]:
        """Return the names of a node's inputs; before opset 11 Clip has its limits as attributes, given as numbers."""
        names = list(node.input)
        while names and not names[-1]:
            names.pop()
        if node.op_type == "Clip" and self._opset < 11:
            given = {attribute.name: attribute.f for attribute in node.attribute}
            names += [given.get("min", -math.inf), given.get("max", math.inf)]
        return names

    def _match_attributes(self, item: Op, node: Any, found: dict[str, Any]) -> dict[str, Any] | None:
        if item.name == "Clip":
            return found
        given = {attribute.name: _attribute(attribute) for attribute in node.attribute}
        result: dict[str, Any] | None = found
        for name in item.attributes.keys() | given.keys():
            key = (node.op_type, name)
            if result is None or (name not in item.attributes and key not in DEFAULTS):
                return None
            expected = item.attributes.get(name, DEFAULTS.get(key))
            value = given.get(name, DEFAULTS.get(key))
            if expected is None:
                continue
            if name == "axis" and expected in (-1, 1):  # of rows they are the same
                value = expected if value in (-1, 1) else value
            elif name == "axes" and value == [1]:
                value = [-1]
            result = None if value is None else _fits(expected, value, result)
        return result


def _opset(model: Any) -> int:
    versions = [int(opset.version) for opset in model.opset_import if opset.domain in DOMAINS]
    newest = library().defs.onnx_opset_version()
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= newest:
        found = ", ".join(map(str, versions)) or "none"
        raise ModelFileError(
            f"the file's opset is {found}; expected one from {OLDEST_OPSET} to {newest}, the newest that the installed "
            "onnx knows"
        )
    return versions[0]


def _names(items: Iterable[Any]) -> str:
    names = ", ".join(brief(item.name) for item in list(items)[:10])
    return f" ({names})" if names else ""


def _output(outputs: Any) -> Any:
    """Return the output that is numbers: beside it classifiers have the label."""
    tensor = library().TensorProto
    real = (tensor.UNDEFINED, tensor.FLOAT, tensor.DOUBLE)
    numbers = [
        output
        for output in outputs
        if output.type.HasField("sequence_type") or output.type.tensor_type.elem_type in real
    ]
    if len(numbers) != 1:
        raise ModelFileError(f"the graph has {len(numbers)} outputs of real numbers{_names(numbers)}; expected one")
    return numbers[0]


def _constant_of(node: Any) -> Any:
    """Return the tensor of a node Constant, None for another node."""
    if node.op_type != "Constant" or node.domain not in DOMAINS:
        return None
    values = [attribute for attribute in node.attribute if attribute.name.startswith("value")]
    if len(node.output) != 1 or len(values) != 1 or values[0].name == "value_string":
        raise ModelFileError(f"{label(node)} has no value that is numbers; expected a tensor")
    value = values[0]
    if value.name == "value":
        return value.t
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if value.name not in kinds:
        raise ModelFileError(f"{label(node)} has a {brief(value.name)}; expected a tensor")
    return library().numpy_helper.from_array(np.asarray(_attribute(value), kinds[value.name]))


def _attribute(attribute: Any) -> Any:
    """Return the value of an attribute that is numbers or text, None for another."""
    kinds = library().AttributeProto
    if attribute.type in (kinds.FLOAT, kinds.INT):
        return np.float32(attribute.f) if attribute.type == kinds.FLOAT else attribute.i
    if attribute.type == kinds.STRING:
        return attribute.s.decode("utf-8", "replace")
    if attribute.type == kinds.FLOATS:
        return np.array(attribute.floats, np.float32)
    return list(attribute.ints) if attribute.type == kinds.INTS else None


def _fits(expected: Any, value: Any, found: dict[str, Any]) -> dict[str, Any] | None:
    """Return `found`, with a hole's value, where a constant or an attribute is what is expected; else None."""
    if isinstance(expected, Hole):
        if expected.name in found:
            return found if np.array_equal(found[expected.name], value) else None
        return found | {expected.name: np.asarray(value)}
    if isinstance(expected, str) or isinstance(value, str):
        return found if expected == value else None
    expected, value = np.asarray(expected), np.asarray(value)
    if value.size != expected.size or (expected.ndim > 0 and value.shape != expected.shape):
        return None
    with np.errstate(invalid="ignore"):
        near = np.isclose(value.reshape(expected.shape), expected, rtol=ROUNDING.get(value.itemsize, 0), atol=0)
    return found if near.all() else None


def _array(tensor: Any) -> Array:
    """Return a tensor of the file as an array, once its size is that of the bytes which are there."""
    name = f"tensor {brief(tensor.name)}"
    if tensor.data_location != tensor.DEFAULT or tensor.external_data:
        raise ModelFileError(
            f"{name} has its data in another file, which is not opened; save the model as a single file "
            "(torch.onnx.export: external_data=False)"
        )
    if tensor.data_type not in FIELDS:
        kinds = library().TensorProto.DataType
        known = tensor.data_type in kinds.values()
        kind = kinds.Name(tensor.data_type) if known else str(tensor.data_type)
        raise ModelFileError(f"{name} is of the type {kind}; expected FLOAT, DOUBLE, INT32, INT64 or BOOL")
    if tensor.HasField("segment") or any(size < 0 for size in tensor.dims) or len(tensor.dims) > 8:
        raise ModelFileError(f"{name} has the dimensions {brief(list(tensor.dims))}; expected a tensor as a whole")
    dtype, field = FIELDS[tensor.data_type]
    n = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        n_bytes = n * np.dtype(dtype).itemsize
        if len(tensor.raw_data) != n_bytes:
            raise ModelFileError(
                f"{name} has the dimensions {list(tensor.dims)}, {n_bytes} bytes, and the file has "
                f"{len(tensor.raw_data)} for it"
            )
        stored = np.frombuffer(tensor.raw_data, np.dtype(dtype).newbyteorder("<"))
        return stored.astype(dtype).reshape(tensor.dims)
    values = getattr(tensor, field)
    if len(values) != n:
        raise ModelFileError(f"{name} has the dimensions {list(tensor.dims)} and {len(values)} numbers")
    return np.array(values, dtype).reshape(tensor.dims)

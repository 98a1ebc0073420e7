"""State dicts of PyTorch: the layers in them, and a network's parameters by their names. PyTorch is not imported."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .. import losses
from ..core.arrays import plain_array
from ..losses import Loss
from ..strict_json import brief
from . import safetensors
from .parts import Part, build

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["load", "save"]

Array = npt.NDArray[Any]
Network = TypeVar("Network", bound="NeuralNetwork")

EXPECTED = "expected those of Linear, BatchNorm1d and LayerNorm"
OF_VECTORS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
STATISTICS = {"running_mean", "running_var"}


# ---- from PyTorch ----


def load(
    cls: type[Network],
    given: Mapping[str, Any] | str | os.PathLike[str],
    activation: Any,
    output_activation: Any,
    loss: str | Loss,
    seed: int | None,
) -> Network:
    """Return the network of a state dict; ``NeuralNetwork.from_torch_state_dict`` says what it may be."""
    chosen = losses.get(loss)
    if isinstance(given, (str, os.PathLike)):
        tensors: Mapping[str, Any] = safetensors.read(given)
        names = sorted(tensors, key=_natural)
    elif isinstance(given, Mapping):
        tensors, names = given, list(given)
    else:
        raise TypeError(f"state_dict is {type(given).__name__}; expected a mapping of names to tensors, or a path")
    modules: dict[str, dict[str, Array]] = {}
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"state_dict has the key {name!r}; expected strings")
        module, _, parameter = name.rpartition(".")
        modules.setdefault(module, {})[parameter] = _as_array(name, tensors[name])
    parts: list[Part] = []
    for module, arrays in modules.items():
        _add(parts, module, arrays)
    if not parts:
        raise ValueError("state_dict has no weight of two dimensions; expected one for each layer")
    if parts[-1].normalization:
        raise ValueError(f"{parts[-1].name} is the last layer, and normalised; expected that of hidden layers alone")
    if output_activation is None and not isinstance(activation, (list, tuple)):
        output_activation = chosen.link or "identity"
    dtype = _dtype(parts)
    return build(cls, parts, chosen, activation, output_activation=output_activation, dtype=dtype, seed=seed)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which numbers in names are sorted as numbers: 2.weight before 10.weight."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d{1,18})", name) if part]


def _as_array(name: str, value: Any) -> Array:
    """Return a tensor or an array as an array; half precision as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which NumPy does not have
            value = value.float()
        value = value.numpy()
    array = plain_array(name, value)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if name.endswith("num_batches_tracked"):
        return array
    if array.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{name} has dtype {array.dtype}; expected float32, float64, float16 or bfloat16")
    return array


def _add(parts: list[Part], module: str, arrays: dict[str, Array]) -> None:
    """Add what a module is: a new layer, or the normalisation of the last one."""
    place = f"{module}." if module else ""
    for name in arrays:
        if name not in OF_VECTORS:
            raise ValueError(f"{brief(place + name)} is no parameter that a network has here; {EXPECTED}")
    weight, bias = arrays.get("weight"), arrays.get("bias")
    if weight is not None and weight.ndim == 2:
        if extra := arrays.keys() - {"weight", "bias"}:
            raise ValueError(f"{brief(place + min(extra))} stands beside a matrix {place}weight; {EXPECTED}")
        if weight.size == 0:
            raise ValueError(f"{place}weight has shape {weight.shape}; expected (n_outputs, n_inputs), each >= 1")
        parts.append(Part(f"{place}weight", weight.T, _vector(f"{place}bias", bias, len(weight))))
        return
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"{place}weight has shape {weight.shape}; {EXPECTED}")
    found = {name: array for name, array in arrays.items() if name != "num_batches_tracked"}
    by_batches = found.keys() >= STATISTICS
    if not found or (found.keys() & STATISTICS and not by_batches) or not (by_batches or "weight" in found):
        raise ValueError(f"module {brief(module)} has {', '.join(sorted(arrays))} alone; {EXPECTED}")
    if not parts or parts[-1].normalization:
        raise ValueError(f"{place}{min(found)} normalises no sums: no matrix of weights is before it; {EXPECTED}")
    _normalize(parts[-1], place, found, by_batches)


def _normalize(part: Part, place: str, arrays: dict[str, Array], by_batches: bool) -> None:
    n = part.n_outputs
    vectors = {name: _vector(f"{place}{name}", array, n, part) for name, array in arrays.items()}
    gain, shift = vectors.get("weight"), vectors.get("bias")
    part.normalization = "batch" if by_batches else "layer"
    part.gain = np.ones(n, part.weights.dtype) if gain is None else gain
    part.shift = np.zeros(n, part.weights.dtype) if shift is None else shift
    part.mean, part.variance = vectors.get("running_mean"), vectors.get("running_var")


def _vector(name: str, array: Array | None, n: int, part: Part | None = None) -> Array | None:
    if array is not None and array.shape != (n,):
        after = "" if part is None else f", as {part.name} before it has outputs"
        raise ValueError(f"{name} has shape {array.shape}; expected ({n},){after}")
    return array


def _dtype(parts: list[Part]) -> np.dtype[Any]:
    """Return the dtype that all parameters have."""
    first = parts[0]
    for part in parts:
        arrays = (part.weights, part.biases, part.gain, part.shift, part.mean, part.variance)
        for array in arrays:
            if array is not None and array.dtype != first.weights.dtype:
                raise TypeError(
                    f"{first.name} is of {first.weights.dtype}, and what belongs to {part.name} of {array.dtype}; "
                    "expected one dtype"
                )
    dtype: np.dtype[Any] = first.weights.dtype
    return dtype


# ---- to PyTorch ----


def save(network: NeuralNetwork, path: str | os.PathLike[str], prefix: str) -> None:
    """Write the parameters to a safetensors file; ``NeuralNetwork.to_safetensors`` says how."""
    if not isinstance(prefix, str):
        raise TypeError(f"prefix is {prefix!r}; expected a string such as 'layers.'")
    for name, value in (
        ("bounds", network.bounds),
        ("scale_inputs", network.input_scaling),
        ("scale_targets", network.target_scaling),
    ):
        if value is not None:
            raise ValueError(
                f"the network has {name}, which PyTorch's layers would not compute; to_onnx and save keep it"
            )
    metadata = {
        "format": "pt",
        "activations": " ".join(layer.activation for layer in network.layers),
        "loss": network.loss,
    }
    safetensors.write(path, _tensors(network, prefix), metadata)


def _tensors(network: NeuralNetwork, prefix: str) -> dict[str, Array]:
    """Return the parameters by their names in an ``nn.Sequential``."""
    tensors: dict[str, Array] = {}
    module = 0
    for layer in network.layers:
        tensors[f"{prefix}{module}.weight"] = layer.weights.T
        if layer.biases is not None:
            tensors[f"{prefix}{module}.bias"] = layer.biases
        if layer.normalization is not None:
            module += 1
            found = {
                "weight": layer.gain,
                "bias": layer.shift,
                "running_mean": layer.running_mean,
                "running_var": layer.running_variance,
            }
            tensors |= {f"{prefix}{module}.{name}": array for name, array in found.items() if array is not None}
            if layer.normalization == "batch":
                tensors[f"{prefix}{module}.num_batches_tracked"] = np.array(0, np.int64)
        module += 2
    return tensors

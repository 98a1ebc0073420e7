"""The network in an ONNX graph: its steps from output to input, and the layers that they make."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from .. import losses, strict_json
from ..bounds import Bounds
from ..container import naming
from ..core.losses import links
from ..errors import ModelFileError
from ..losses import Loss
from ..strict_json import brief, check_keys
from . import expressions
from .onnx_export import KEY
from .onnx_graph import Graph, label, read
from .parts import Part, build

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["load"]

Array = npt.NDArray[Any]
Network = TypeVar("Network", bound="NeuralNetwork")

LOSSES = {
    "softmax": "cross_entropy",
    "sigmoid": "binary_cross_entropy",
    "exp": "poisson",
    "gaussian": "gaussian",
}

MOST_LAYERS = 1000  # as in a model file
MOST_NOTES = 1 << 20  # characters, as many as a model file's header may have
MOST_LOSS = 2500  # of them, 99 levels of 17 digits included
EXPECTED = (
    "expected Gemm, or MatMul and Add, with constant weights, a normalisation, an activation of scratchnn, or the "
    "scaling of inputs or outputs"
)


NOTES: dict[str, Callable[[Any], bool]] = {
    "loss": lambda value: value is None or (isinstance(value, str) and len(value) <= MOST_LOSS),
    "bounds": lambda value: value is None or (isinstance(value, list) and len(value) == 2 and all(map(_is_end, value))),
    "seed": lambda value: type(value) is int and 0 <= value < 1 << 64,
    "metadata": lambda value: isinstance(value, dict),
}


def _is_end(value: Any) -> bool:
    return value is None or type(value) in (int, float)


def load(cls: type[Network], path: str | os.PathLike[str], loss: str | Loss | None, seed: int | None) -> Network:
    """Return the network in the file `path`; ``NeuralNetwork.from_onnx`` says what it may be."""
    wanted = None if loss is None else losses.get(loss)
    with naming(path):
        model, n_bytes = read(path)
        notes = _notes(model)
        assembly = _Assembly(n_bytes)
        for step in _steps(Graph(model)):
            assembly.add(step)
        return assembly.finish(cls, wanted, seed, notes)


def _notes(model: Any) -> dict[str, Any]:
    """Return what ``to_onnx`` has kept beside the graph; nothing in a file of another exporter."""
    texts = [entry.value for entry in model.metadata_props if entry.key == KEY]
    if not texts:
        return {"loss": None, "bounds": None, "seed": None, "metadata": {}}
    if len(texts) > 1 or len(texts[0]) > MOST_NOTES:
        raise ModelFileError(f"the property {KEY!r} is there twice, or longer than {MOST_NOTES} characters")
    notes: dict[str, Any] = strict_json.decode(texts[0].encode())
    check_keys(notes, set(NOTES), f"the property {KEY!r}")
    for name, fits in NOTES.items():
        if not fits(notes[name]):
            raise ModelFileError(f"{name!r} of the property {KEY!r} is {brief(notes[name])}")
    return notes


# ---- steps ----


class Step(NamedTuple):
    """What a node, or several, do with the rows that come in."""

    kind: str
    name: str
    node: str
    constants: dict[str, Array]


def _steps(graph: Graph) -> list[Step]:
    """Return the steps from the input to the output."""
    steps: list[Step] = []
    tensor, seen = graph.origin(graph.output), set()
    while tensor != graph.input:
        node = graph.node(tensor)
        if node is None or tensor in seen:
            raise ModelFileError(f"the graph's output does not come from its input: {brief(tensor)} does not")
        seen.add(tensor)
        found = graph.reading(tensor)
        if found is None:
            raise ModelFileError(f"{label(node)} is no part of a network of dense layers; {EXPECTED}")
        reading, tensor, constants = found
        steps.append(Step(reading.kind, reading.name, label(node), constants))
    steps.reverse()
    if graph.n_dimensions > 2 and not (steps and steps[0].kind == "flatten"):
        raise ModelFileError(
            f"the graph's input has {graph.n_dimensions} dimensions; expected (n, n_inputs), or Flatten as the first "
            "node"
        )
    return steps


class _Assembly:
    """Layers out of steps: first the scaling of inputs, then layers, at last the way back of outputs."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes  # of the file, which has all weights once; what is left of them
        self.parts: list[Part] = []
        self.before = _Line()
        self.after = _Line()
        self.after_begun = ""
        self.quantiles: dict[str, Array] = {}
        self.gaussian: Array | None = None

    def add(self, step: Step) -> None:
        getattr(self, f"_add_{step.kind.lower()}")(step)

    @property
    def last(self) -> Part:
        return self.parts[-1]

    def _refuse(self, step: Step, expected: str) -> ModelFileError:
        place = f" after {self.last.name}" if self.parts else " before the first layer"
        return ModelFileError(f"{step.node} stands{place}; expected {expected}")

    # ---- layers ----

    def _add_linear(self, step: Step) -> None:
        weights = step.constants["weights"]
        if weights.ndim != 2 or weights.size == 0 or weights.dtype.kind != "f":
            raise ModelFileError(
                f"{step.node} has weights of shape {weights.shape} and dtype {weights.dtype}; expected a matrix of "
                "float32 or float64"
            )
        if step.constants.get("transposed", np.array(0)).any():
            weights = weights.T
        if self.after_begun:
            raise self._refuse(step, f"nothing that is no scaling of outputs, which {self.after_begun} has begun")
        if self.parts and weights.dtype != self.parts[0].weights.dtype:
            raise ModelFileError(
                f"{step.node} has weights of {weights.dtype}, the layer before it of {self.parts[0].weights.dtype}; "
                "expected one dtype"
            )
        if len(self.parts) == MOST_LAYERS:
            raise ModelFileError(f"{step.node} is one layer more than {MOST_LAYERS}")
        self.n_bytes -= weights.nbytes
        if self.n_bytes < 0:
            raise ModelFileError(f"{step.node} has the weights of another layer; expected its own")
        self.parts.append(Part(step.node, weights))
        biases = step.constants.get("vector")
        if biases is not None:
            self.last.biases = self._vector(step, biases)

    def _vector(self, step: Step, values: Array) -> Array:
        """Return a constant as a vector with an entry for each output of the last layer."""
        n = self.last.n_outputs
        if values.size not in (1, n) or values.ndim > 2 or (values.ndim and values.shape[-1] != values.size):
            raise ModelFileError(
                f"{step.node} has a constant of shape {values.shape}; expected one number for each of {n}"
            )
        if values.dtype.kind != "f":
            raise ModelFileError(f"{step.node} has a constant of dtype {values.dtype}; expected float32 or float64")
        return np.broadcast_to(values.reshape(-1), (n,))

    def _normalize(self, step: Step, kind: str) -> None:
        if not self.parts or self.last.activation or self.last.normalization or self.after_begun:
            raise self._refuse(step, "a normalisation between the sums of a layer and its activation")
        self.last.normalization = kind
        self.last.epsilon = float(step.constants["epsilon"])
        for name in ("gain", "shift", "mean", "variance"):
            if name in step.constants:
                setattr(self.last, name, self._vector(step, step.constants[name]))

    def _add_batch(self, step: Step) -> None:
        self._normalize(step, "batch")

    def _add_layer(self, step: Step) -> None:
        self._normalize(step, "layer")

    def _add_activation(self, step: Step) -> None:
        if not self.parts or self.last.activation or self.after_begun:
            raise self._refuse(step, "one activation for each layer, after its sums")
        alpha = step.constants.get("alpha")
        self.last.activation = step.name if alpha is None else f"{step.name}({self._number(alpha)!r})"

    def _number(self, value: Array) -> float:
        """Return a number of the file; for a network of float32 the shortest that rounds to it, such as 0.2."""
        short = value.dtype == np.float32 and self.last.weights.dtype == np.float32
        return float(str(value.reshape(-1)[0])) if short else float(value.reshape(-1)[0])

    def _add_quantiles(self, step: Step) -> None:
        self._add_activation(step)
        self.quantiles = step.constants

    def _add_gaussian(self, step: Step) -> None:
        self._add_activation(step)
        self.gaussian = step.constants["mask"]

    # ---- scaling ----

    def _line(self, step: Step) -> _Line:
        """Return the line that scales inputs or outputs, whichever it is now."""
        if not self.parts:
            return self.before
        self.after_begun = self.after_begun or step.node
        return self.after

    def _constant(self, step: Step) -> Array:
        values = step.constants["vector"]
        if self.parts:
            values = self._vector(step, values)
        elif values.ndim > 2 or (values.ndim and values.shape[-1] != values.size) or values.dtype.kind != "f":
            raise ModelFileError(
                f"{step.node} has a constant of shape {values.shape}; expected a number for each input"
            )
        return values.reshape(-1).astype(np.float64)

    def _add_add(self, step: Step) -> None:
        bare = self.parts and not (self.last.activation or self.last.normalization or self.after_begun)
        if bare and self.last.biases is None:
            self.last.biases = self._vector(step, step.constants["vector"])
        else:
            self._line(step).add(self._constant(step))

    def _add_sub(self, step: Step) -> None:
        self._line(step).add(-self._constant(step))

    def _add_mul(self, step: Step) -> None:
        self._line(step).multiply(self._constant(step))

    def _add_div(self, step: Step) -> None:
        self._line(step).divide(self._constant(step))

    def _add_scaler(self, step: Step) -> None:
        if self.parts:
            raise self._refuse(step, "a Scaler before the first layer alone")
        self.before.add(-step.constants["shift"].astype(np.float64).reshape(-1))
        self.before.multiply(step.constants["gain"].astype(np.float64).reshape(-1))

    def _add_max(self, step: Step) -> None:
        self._limit(step, 0)

    def _add_min(self, step: Step) -> None:
        self._limit(step, 1)

    def _limit(self, step: Step, end: int) -> None:
        limit = step.constants["vector"]
        if not self.after_begun or limit.size != 1 or self.after.limits[end] is not None:
            raise self._refuse(step, "an activation, or one limit of outputs that are scaled back")
        self.after.limits[end] = float(limit.reshape(-1)[0])

    # ---- what changes nothing ----

    def _add_cast(self, step: Step) -> None:
        if int(step.constants["vector"]) not in (1, 11):  # FLOAT, DOUBLE
            raise self._refuse(step, "a Cast to FLOAT or DOUBLE")
        if self.parts and not self.after_begun:
            self.after_begun = step.node

    def _add_flatten(self, step: Step) -> None:
        if self.parts or self.before.steps:
            raise self._refuse(step, "Flatten as the first node")

    def _add_reshape(self, step: Step) -> None:
        shape = step.constants["rows"].reshape(-1).tolist()
        if not self.parts or shape != [-1, self.last.n_outputs]:
            raise self._refuse(step, "Reshape to (-1, outputs of the last layer) alone")

    def _add_zipmap(self, step: Step) -> None:
        self.after_begun = step.node

    def _add_both(self, step: Step) -> None:
        if not self.parts or self.last.n_outputs != 1 or self.last.activation != "sigmoid" or self.after.steps:
            raise self._refuse(step, "Concat of 1 - p and p, where p is one sigmoid output")
        self.after_begun = step.node

    # ---- the network ----

    def finish(self, cls: type[Network], wanted: Loss | None, seed: int | None, notes: dict[str, Any]) -> Network:
        """Return the network, checked as a whole."""
        if not self.parts:
            raise ModelFileError("the graph has no layer; expected Gemm or MatMul with constant weights")
        for part in self.parts[:-1]:
            part.activation = part.activation or "identity"
            if part.activation in links() and part.activation not in ("sigmoid", "exp"):
                raise ModelFileError(
                    f"{part.activation} stands after {part.name}; expected it after the last layer alone"
                )
        if self.last.normalization:
            raise ModelFileError(f"{self.last.name} is the last layer, and normalised; expected that of hidden layers")
        loss = self._loss(wanted, notes)
        self._check_link(loss)
        dtype = self.parts[0].weights.dtype
        bounds = Bounds.parse(notes["bounds"], dtype)
        if bounds is not None:
            self._check_bounds(bounds)
        elif any(limit is not None for limit in self.after.limits):
            raise ModelFileError(
                "the graph's outputs have limits; expected them from scratchnn, which names the bounds"
            )
        network = build(
            cls,
            self.parts,
            loss,
            [part.activation for part in self.parts],
            scale_inputs=self.before.forwards(len(self.parts[0].weights)),
            scale_targets=None if bounds is not None else self._scaling_of_targets(loss),
            bounds=notes["bounds"],
            dtype=dtype,
            seed=notes["seed"] if seed is None else seed,
        )
        network.metadata = notes["metadata"]
        return network

    def _loss(self, wanted: Loss | None, notes: dict[str, Any]) -> Loss:
        last = self.last.activation
        if wanted is not None:
            if not last and wanted.link in ("softmax", "sigmoid", "exp"):
                last = wanted.link  # the file ends in the logits that the loss takes
            self.last.activation = last or "identity"
            return wanted
        self.last.activation = last or "identity"
        if notes["loss"] is not None:
            return losses.get(notes["loss"])
        if last == "quantiles":
            n = int(self.quantiles["rows"].reshape(-1)[-1])
            raise ModelFileError(f"the file ends in {n} quantiles of unknown levels; give loss='quantile(…)' with them")
        return losses.get(LOSSES.get(last, "mean_squared_error"))

    def _check_link(self, loss: Loss) -> None:
        """Refuse a loss that does not belong to the last activation, and links that are not the loss's."""
        last, n = self.last.activation, self.last.n_outputs
        if loss.link and loss.link != last:
            raise ModelFileError(
                f"the file ends in {last!r}, but the loss {str(loss)!r} needs the output activation {loss.link!r}"
            )
        if last in links() and last not in ("sigmoid", "exp") and loss.link != last:
            raise ModelFileError(f"the file ends in {last!r}, which the loss {str(loss)!r} does not go together with")
        if last == "gaussian" and not _equal(self.gaussian, expressions.gaussian(n)[1]["mask"]):
            raise ModelFileError(f"{self.last.name} ends in means and deviations in another order than one by one")
        if last == "quantiles":
            _, expected = expressions.quantiles(n, loss.outputs_per_target, self.last.weights.itemsize)
            if any(not _equal(self.quantiles.get(name), array) for name, array in expected.items()):
                raise ModelFileError(
                    f"the file's quantiles of {n} outputs are not those of the loss {str(loss)!r}; expected "
                    f"{loss.outputs_per_target} for each target"
                )

    def _check_bounds(self, bounds: Bounds) -> None:
        low, high = (None if np.isinf(limit) else limit for limit in bounds.limits)
        shift, scale = self.after.backwards(self.last.n_outputs) or (np.zeros(1), np.ones(1))
        if self.after.limits != [low, high] or (shift != bounds.shift).any() or (scale != bounds.scale).any():
            raise ModelFileError(
                f"the graph does not keep its outputs within the bounds {bounds!r} that the file names"
            )
        if self.last.activation != bounds.activation:
            raise ModelFileError(f"the file ends in {self.last.activation!r}, its bounds need {bounds.activation!r}")

    def _scaling_of_targets(self, loss: Loss) -> tuple[Array, Array] | None:
        found = self.after.backwards(self.last.n_outputs)
        if found is None:
            return None
        of_targets = found[0][:: loss.outputs_per_target], found[1][:: loss.outputs_per_target]
        if not all(map(np.array_equal, loss.of_outputs(*of_targets), found)):
            raise ModelFileError(f"the outputs of one target of the loss {str(loss)!r} are scaled differently")
        return of_targets


class _Line:
    """Steps ``x + v``, ``x - v``, ``x * v`` and ``x / v`` in a row, which are one shift and one scale."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Array]] = []
        self.limits: list[float | None] = [None, None]

    def add(self, values: Array) -> None:
        self.steps.append(("add", values))

    def multiply(self, values: Array) -> None:
        self.steps.append(("multiply", values))

    def divide(self, values: Array) -> None:
        self.steps.append(("divide", values))

    def forwards(self, n: int) -> tuple[Array, Array] | None:
        """Return (shift, scale) of ``(x - shift) * scale`` for n columns; None for no steps."""
        if not self.steps:
            return None
        shift, scale = np.zeros(n), np.ones(n)
        with np.errstate(all="ignore"):
            for kind, values in self.steps:
                if values.size not in (1, n):
                    raise ModelFileError(f"inputs are scaled by {values.size} numbers; the first layer has {n} inputs")
                if kind == "add":
                    shift = shift - values / scale
                else:
                    scale = scale * values if kind == "multiply" else scale / values
        return shift, scale

    def backwards(self, n: int) -> tuple[Array, Array] | None:
        """Return (shift, scale) of ``a / scale + shift`` for n columns; None for no steps."""
        if not self.steps:
            return None
        shift, scale = np.zeros(n), np.ones(n)
        with np.errstate(all="ignore"):
            for kind, values in self.steps:
                if kind == "add":
                    shift = shift + values
                elif kind == "multiply":
                    shift, scale = shift * values, scale / values
                else:
                    shift, scale = shift / values, scale * values
        return shift, scale


def _equal(found: Array | None, expected: Array) -> bool:
    return found is not None and np.array_equal(found.reshape(-1), expected)

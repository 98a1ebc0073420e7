"""A network and the preparation of its columns, together in one model file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ..callbacks.progress import duration
from ..columns import ClassTarget, ColumnPreparation, NumericColumn, TextColumn
from ..errors import ModelFileError
from ..report import (
    ClassificationReport,
    RegressionReport,
    classification_report,
    plain,
    regression_report,
)

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["architecture", "describe", "load_model", "metadata", "preparation_of", "score"]

Array = npt.NDArray[Any]

NAMES_SHOWN = 12


def metadata(preparation: ColumnPreparation) -> dict[str, Any]:
    """Return what a network needs to be told of its columns, for its model file."""
    target = preparation.target
    return {
        "task": preparation.task,
        "classes": list(target.classes) if isinstance(target, ClassTarget) else None,
        "preparation": preparation.to_dict(),
    }


def load_model(path: str) -> NeuralNetwork:
    """Return the network in the file `path`."""
    from ..network import NeuralNetwork

    if path == "-":
        raise ValueError("a model is read from a file, not from standard input")
    return NeuralNetwork.load(path)


def preparation_of(network: NeuralNetwork, path: str) -> ColumnPreparation:
    """Return the preparation kept with `network`, checked against it.

    Raises
    ------
    ModelFileError
        Naming `path`: there is none, or it is not what `scratchnn train` writes.
    """
    if "preparation" not in network.metadata:
        raise ModelFileError(
            f"{path!r} holds a network and no preparation of columns: it was saved from Python, "
            "not by 'scratchnn train'"
        )
    try:
        preparation = ColumnPreparation.from_dict(network.metadata["preparation"])
        if any(network.metadata.get(key) != value for key, value in metadata(preparation).items()):
            raise ValueError("task or classes contradict the preparation")
        shape = (preparation.n_inputs, preparation.n_outputs)
        if shape != (network.layer_sizes[0], network.layer_sizes[-1]):
            raise ValueError(
                f"the preparation is of {shape[0]} inputs and {shape[1]} outputs, the network of "
                f"{network.layer_sizes[0]} and {network.layer_sizes[-1]}"
            )
    except ValueError as error:
        raise ModelFileError(f"{path!r} is not a sound model: {error}") from None
    return preparation


def score(preparation: ColumnPreparation, outputs: Array, target: Array) -> ClassificationReport | RegressionReport:
    """Compare a network's outputs with the column that holds the target."""
    if isinstance(preparation.target, ClassTarget):
        return classification_report(
            preparation.target.codes(target),
            outputs.argmax(axis=1),
            preparation.target.classes,
            trivial_class=preparation.target.commonest,
        )
    return regression_report(
        target.astype(float),
        preparation.predictions(outputs),
        trivial_guess=preparation.target.mean,
    )


def describe(network: NeuralNetwork, path: str) -> str:
    """Return what a model file holds, a line for each matter."""
    lines = [
        ("model", f"{path} ({os.path.getsize(path):,} bytes)"),
        ("network", architecture(network)),
        ("loss", network.loss),
        ("optimizer", _optimizer(network)),
        ("training", _training(network)),
    ]
    if "preparation" in network.metadata:
        lines += _columns(preparation_of(network, path))
    return "\n".join(f"{name:<10}{text}" for name, text in lines)


def architecture(network: NeuralNetwork) -> str:
    """Return for example "64 -> 100 relu -> 10 softmax, 7,510 parameters, float32"."""
    layers = [str(network.layer_sizes[0])]
    layers += [f"{n} {layer.activation}" for n, layer in zip(network.layer_sizes[1:], network.layers, strict=True)]
    return f"{' -> '.join(layers)}, {network.n_parameters:,} parameters, {network.dtype}"


def _optimizer(network: NeuralNetwork) -> str:
    if network.optimizer is None:
        return "none yet"
    values = network.optimizer.hyperparameters().items()
    return f"{network.optimizer.name}, " + ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in values)


def _training(network: NeuralNetwork) -> str:
    history = network.history
    if not history.loss:
        return "none yet"
    text = (
        f"{len(history.loss)} epochs in {duration(history.seconds)} ({history.stopped}), "
        f"training loss {history.loss[-1]:.4g}"
    )
    if history.best_epoch is not None:
        text += f", lowest held-out loss {min(history.validation_loss):.4g} in epoch {history.best_epoch}"
    return text


def _columns(preparation: ColumnPreparation) -> list[tuple[str, str]]:
    target = preparation.target
    lines = [("task", f"{preparation.task} of {plain(target.name)}")]
    if isinstance(target, ClassTarget):
        lines.append(("classes", _listed([plain(label) for label in target.classes])))
    numbers = [plain(f.name) for f in preparation.features if isinstance(f, NumericColumn)]
    texts = [
        f"{plain(f.name)} ({len(f.categories)} {'category' if len(f.categories) == 1 else 'categories'})"
        for f in preparation.features
        if isinstance(f, TextColumn)
    ]
    lines += [(kind, _listed(names)) for kind, names in (("numbers", numbers), ("text", texts)) if names]
    return [
        *lines,
        ("missing", f"cells are {'filled in' if preparation.fill_missing else 'refused'}"),
    ]


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= NAMES_SHOWN + 1 else [*names[:NAMES_SHOWN], "…"]
    return f"{len(names)}: {', '.join(shown)}"

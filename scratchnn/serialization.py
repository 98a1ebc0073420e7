"""What a model file means: the state of a network, checked against fixed tables.

A file picks its activations, loss and optimizer from closed lists, and names no code, no path and
no address. The arrays that a network needs follow from the header alone, so they are compared
with those of the file before any is read. `container` knows the bytes, and `docs/model_file.md`
describes both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from . import container, losses, optimizers
from .architecture import check_outputs, parse_normalization
from .container import ArraySpec, Model, Path
from .core import activations
from .core.names import unknown
from .errors import ModelFileError
from .strict_json import brief, check_keys
from .validation import dropout_fits

if TYPE_CHECKING:
    from .network import NeuralNetwork

Network = TypeVar("Network", bound="NeuralNetwork")

__all__ = ["load", "save"]

MAX_LAYERS = 1000
MAX_NAME = 40  # characters of an activation, a parameter of 17 digits included
MAX_LOSS = 2500  # characters of a loss, 99 levels of 17 digits included
MAX_MESSAGE = 400  # characters of a message about either
MAX_COUNT = 1 << 53  # up to here a float64 counts exactly, in the kernels and in other languages
ITEM_TYPE = {"float32": "<f4", "float64": "<f8"}
SERIES = ("loss", "validation_loss")  # of the history: too long for the header, so kept as arrays


def save(network: NeuralNetwork, path: Path) -> None:
    """Write `network`, with all that it needs to go on training, to `path`, atomically.

    Raises
    ------
    ValueError
        The network holds what a file cannot: metadata that is not JSON, above all. Nothing was
        written.
    OSError
        The file cannot be written; an old one is as it was.
    """
    state, arrays = network.get_state()
    history = dict(state["history"])
    series = {f"history.{key}": np.array(history.pop(key), np.float64) for key in SERIES}
    model = state | {"history": history}
    _check_model(model)
    version = 1
    for key, (since, default) in ADDED.items():
        if model[key] == default(model):
            del model[key]
        else:
            version = max(version, since)
    container.write(path, model, arrays | {name: a for name, a in series.items() if a.size}, version)


def load(path: Path, cls: type[Network]) -> Network:
    """Return the network of class `cls` that `save` wrote to `path`, equal in every bit.

    Raises
    ------
    ModelFileError
        The file is not a model, is damaged, or is of a newer format.
    OSError
        The file cannot be opened or read.
    """
    model, arrays = container.read(path, _check)
    series = {key: arrays.pop(f"history.{key}", np.empty(0)).tolist() for key in SERIES}
    return cls.from_state(model | {"history": model["history"] | series}, arrays)


def _check(version: int, model: Model, specs: dict[str, ArraySpec]) -> None:
    """Refuse a model out of a file, or arrays that are not exactly those it needs; what it leaves out is filled in."""
    left_out = {key for key, (since, _) in ADDED.items() if since > version or key not in model}
    _check_model(model, left_out)
    model.update({key: ADDED[key][1](model) for key in left_out})
    expected = dict(_expected_arrays(model))
    for name, (dtype, shape, _) in specs.items():
        if name in (f"history.{key}" for key in SERIES):
            if dtype != "<f8" or len(shape) != 1:
                raise ModelFileError(f"array {name!r} has dtype {dtype} and shape {list(shape)}, not <f8 and [n]")
        elif name not in expected:
            raise ModelFileError(f"array {name!r} is no part of this network")
        elif (dtype, shape) != expected[name]:
            raise ModelFileError(
                f"array {name!r} has dtype {dtype} and shape {list(shape)}, the network needs "
                f"{expected[name][0]} and {list(expected[name][1])}"
            )
    if missing := expected.keys() - specs.keys():
        raise ModelFileError(f"array {min(missing)!r} is missing")


def _expected_arrays(model: Model) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield (name, (dtype, shape)) of all parameters and of the optimizer's state for them."""
    dtype = ITEM_TYPE[model["dtype"]]
    optimizer = model["optimizer"]
    states = optimizers.get(optimizer["name"]).states if optimizer else ()
    for suffix in ("", *(f".{state}" for state in states)):
        kinds = [*model["normalization"], None]
        for i, (shape, kind) in enumerate(zip(pairwise(model["layer_sizes"]), kinds, strict=True)):
            yield f"layers.{i}.weights{suffix}", (dtype, shape)
            names = ["biases"] if model["biases"] and kind != "batch" else []
            names += ["gain", "shift"] if kind else []
            names += ["running_mean", "running_variance"] if kind == "batch" and not suffix else []
            for name in names:
                yield f"layers.{i}.{name}{suffix}", (dtype, shape[1:])


# ---- the header's values ----


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _is_size(value: object) -> bool:
    return type(value) in (int, float) and 0 <= cast(float, value) < math.inf


def _is_sizes(value: object) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 1 + MAX_LAYERS
        and all(_is_count(size) and size > 0 for size in value)
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_kinds(value: object) -> bool:
    return isinstance(value, list) and all(kind is None or _is_name(kind) for kind in value)


def _is_rates(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_rate, value))


def _is_rate(value: object) -> bool:
    return type(value) in (int, float) and dropout_fits(cast(float, value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _is_loss(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LOSS


STOPPED = (
    "",
    "completed",
    "patience",
    "callback",
    "interrupted",
    "diverged",
    "converged",
    "line_search",
    "max_evaluations",
)

Rules = dict[str, tuple[Callable[[Any], bool], str]]
COUNT = (_is_count, "an integer from 0 to 2**53")
SIZE = (_is_size, "a number of at least 0")
MODEL_RULES: Rules = {
    "layer_sizes": (_is_sizes, f"a list of 2 to {1 + MAX_LAYERS} positive integers"),
    "activations": (_is_names, f"a list of names of at most {MAX_NAME} characters"),
    "loss": (_is_loss, f"a name of at most {MAX_LOSS} characters"),
    "biases": (lambda value: isinstance(value, bool), "true or false"),
    "dtype": (lambda value: value in tuple(ITEM_TYPE), " or ".join(map(repr, ITEM_TYPE))),
    "seed": (lambda value: type(value) is int and 0 <= value < 1 << 64, "an integer from 0 to 2**64 - 1"),
    "random_counter": COUNT,
    "steps": COUNT,
    "history": (lambda value: isinstance(value, dict), "an object"),
    "optimizer": (lambda value: value is None or isinstance(value, dict), "null or an object"),
    "metadata": (lambda value: isinstance(value, dict), "an object"),
    "normalization": (_is_kinds, "a list of names or null"),
    "dropout": (_is_rates, "a list of rates from 0 to below 1"),
    "input_dropout": (_is_rate, "a rate from 0 to below 1"),
    "input_noise": SIZE,
    "noise_counter": COUNT,
}
# Keys that a format version has added to the first, and what it means to leave them out, as files of a model do that
# can do without them.
ADDED: dict[str, tuple[int, Callable[[Model], Any]]] = {
    "normalization": (2, lambda model: [None] * (len(model["layer_sizes"]) - 2)),
    "dropout": (2, lambda model: [0.0] * (len(model["layer_sizes"]) - 2)),
    "input_dropout": (2, lambda model: 0.0),
    "input_noise": (2, lambda model: 0.0),
    "noise_counter": (2, lambda model: 0),
}
HISTORY_RULES: Rules = {
    "seconds": SIZE,
    "samples": COUNT,
    "stopped": (lambda value: value in STOPPED, f"one of {', '.join(map(repr, STOPPED))}"),
}


def _check_model(model: Model, left_out: Collection[str] = ()) -> None:
    """Raise ValueError for a model that is no network's state, but for keys that it leaves out."""
    rules = {key: rule for key, rule in MODEL_RULES.items() if key not in left_out}
    _check_rules(model, rules, "the model")
    _check_rules(model["history"], HISTORY_RULES, "the history")
    _check_functions(model["activations"], model["loss"], model["layer_sizes"])
    n_hidden = len(model["layer_sizes"]) - 2
    if "normalization" in rules:
        parse_normalization(model["normalization"], n_hidden)
    if "dropout" in rules and len(model["dropout"]) != n_hidden:
        raise ModelFileError(f"the model has {n_hidden} hidden layers and {len(model['dropout'])} rates of dropout")
    if model["optimizer"] is not None:
        _check_optimizer(model["optimizer"])


def _check_rules(values: Model, rules: Rules, place: str) -> None:
    check_keys(values, set(rules), place)
    for key, (allowed, expected) in rules.items():
        if not allowed(values[key]):
            raise ModelFileError(f"{key!r} of {place} must be {expected}, not {brief(values[key])}")


def _check_functions(names: list[str], loss: str, layer_sizes: list[int]) -> None:
    """Refuse activations that are unknown, too few, or not what the loss computes with, and outputs that it has not."""
    found = _canonical(losses.get, loss)
    link, n_layers = found.link, len(layer_sizes) - 1
    if len(names) != n_layers:
        raise ModelFileError(f"the model has {n_layers} layers and {len(names)} activations")
    check_outputs(layer_sizes[-1], found)
    for name in names[:-1] if link else names:
        _canonical(activations.get, name)  # "softmax" is only ever a link
    if link and names[-1] != link:
        raise ModelFileError(f"the last activation is {names[-1]!r}, the loss {brief(loss)} needs {link!r}")


def _canonical(get: Callable[[str], Any], name: str) -> Any:
    """Return what `get` finds under a name, which must be spelt as `save` spells it."""
    try:
        found = get(name)
    except ValueError as error:
        text = str(error)
        raise ModelFileError(text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 3]}...") from None
    if str(found) != name:
        raise ModelFileError(f"{brief(str(found))} is misspelt, as {brief(name)}")
    return found


def _check_optimizer(optimizer: Model) -> None:
    name = optimizer.get("name")
    cls = optimizers.Optimizer.registry.get(name) if isinstance(name, str) else None
    if not isinstance(name, str) or cls is None:
        raise ModelFileError(unknown("optimizer", name, optimizers.Optimizer.registry))
    defaults = cls().hyperparameters()
    check_keys(optimizer, {"name", *defaults}, "the optimizer")
    hyperparameters = {key: value for key, value in optimizer.items() if key != "name"}
    for key, value in hyperparameters.items():
        whole = type(defaults[key]) is int
        if type(value) is not int and (whole or type(value) is not float):
            expected = "an integer" if whole else "a number"
            raise ModelFileError(f"{key!r} of the optimizer must be {expected}, not {brief(value)}")
    cls(**hyperparameters)  # checks their ranges

"""What a model file means: the state of a network, checked against fixed tables.

A file picks its activations, loss and optimizer from closed lists, and names no code, no path and
no address. The arrays that a network needs follow from the header alone, so they are compared
with those of the file before any is read. `container` knows the bytes, and `docs/model_file.md`
describes both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from . import container, losses, optimizers
from .container import ArraySpec, Model, Path
from .core import activations, updates
from .core.names import name_and_parameter, unknown
from .errors import ModelFileError
from .strict_json import brief, check_keys

if TYPE_CHECKING:
    from .network import NeuralNetwork

Network = TypeVar("Network", bound="NeuralNetwork")

__all__ = ["load", "save"]

MAX_LAYERS = 1000
MAX_NAME = 40  # characters of an activation or loss, a parameter of 17 digits included
MAX_COUNT = 1 << 53  # up to here a float64 counts exactly, in the kernels and in other languages
ITEM_TYPE = {"float32": "<f4", "float64": "<f8"}
SERIES = {"loss": 1, "validation_loss": 1}  # of the history, too long for the header, with the version of the format

# Activations, losses and optimizers that a later version of the format has brought, with the version.
NAMES_SINCE = {"adamhat": 2}


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
    model = _spared(_checked_model(state | {"history": history}))
    arrays |= {name: a for name, a in series.items() if a.size}
    version = max(version for version, _ in _versions(model, arrays))
    container.write(path, model, arrays, version)


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
    model = _checked_model(model)
    series = {key: arrays.pop(f"history.{key}", np.empty(0)).tolist() for key in SERIES}
    return cls.from_state(model | {"history": model["history"] | series}, arrays)


def _check(version: int, model: Model, specs: dict[str, ArraySpec]) -> None:
    """Refuse a model out of a file, or arrays that are not exactly those it needs."""
    expected = dict(_expected_arrays(_checked_model(model)))
    for since, what in _versions(model, specs):
        if since > version:
            raise ModelFileError(f"{what!r} came with format version {since}; the file says it has version {version}")
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
        for i, shape in enumerate(pairwise(model["layer_sizes"])):
            yield f"layers.{i}.weights{suffix}", (dtype, shape)
            if model["biases"]:
                yield f"layers.{i}.biases{suffix}", (dtype, shape[1:])


# ---- the header's values ----


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= cast(float, value) < math.inf


def _is_sizes(value: object) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 1 + MAX_LAYERS
        and all(_is_count(size) and size > 0 for size in value)
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_ascending(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_count, value)) and value == sorted(set(value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


STOPPED = ("", "completed", "patience", "callback", "interrupted", "diverged")


class Rule(NamedTuple):
    """What the value of a key must be; and where a later version of the format has brought the key, which version, and
    what it means to leave it out: a file leaves it out where it says no more than that."""

    allowed: Callable[[Any], bool]
    expected: str
    since: int = 1
    absent: Any = None


COUNT = Rule(_is_count, "an integer from 0 to 2**53")
MODEL_RULES = {
    "layer_sizes": Rule(_is_sizes, f"a list of 2 to {1 + MAX_LAYERS} positive integers"),
    "activations": Rule(_is_names, f"a list of names of at most {MAX_NAME} characters"),
    "loss": Rule(_is_name, f"a name of at most {MAX_NAME} characters"),
    "biases": Rule(lambda value: isinstance(value, bool), "true or false"),
    "frozen": Rule(_is_ascending, "a list of integers in ascending order, from 0", since=2, absent=[]),
    "dtype": Rule(lambda value: value in tuple(ITEM_TYPE), " or ".join(map(repr, ITEM_TYPE))),
    "seed": Rule(lambda value: type(value) is int and 0 <= value < 1 << 64, "an integer from 0 to 2**64 - 1"),
    "random_counter": COUNT,
    "steps": COUNT,
    "history": Rule(lambda value: isinstance(value, dict), "an object"),
    "optimizer": Rule(lambda value: value is None or isinstance(value, dict), "null or an object"),
    "metadata": Rule(lambda value: isinstance(value, dict), "an object"),
}
HISTORY_RULES = {
    "seconds": Rule(_is_seconds, "a number of at least 0"),
    "samples": COUNT,
    "stopped": Rule(lambda value: value in STOPPED, f"one of {', '.join(map(repr, STOPPED))}"),
}


def _checked_model(model: Model) -> Model:
    """Return a model with all its keys; ValueError where it is no network's state."""
    model = _checked(model, MODEL_RULES, "the model")
    model["history"] = _checked(model["history"], HISTORY_RULES, "the history")
    n_layers = len(model["layer_sizes"]) - 1
    _check_functions(model["activations"], model["loss"], n_layers)
    if model["optimizer"] is not None:
        _check_optimizer(model["optimizer"])
    if model["frozen"] and model["frozen"][-1] >= n_layers:
        raise ModelFileError(f"layer {model['frozen'][-1]} is frozen; the model's layers are 0 ... {n_layers - 1}")
    return model


def _checked(values: Model, rules: dict[str, Rule], place: str) -> Model:
    values = {key: rule.absent for key, rule in rules.items() if rule.since > 1} | values
    check_keys(values, set(rules), place)
    for key, rule in rules.items():
        if not rule.allowed(values[key]):
            raise ModelFileError(f"{key!r} of {place} must be {rule.expected}, not {brief(values[key])}")
    return values


def _spared(model: Model) -> Model:
    """Return a checked model without what it goes without saying."""

    def spare(values: Model, rules: dict[str, Rule]) -> Model:
        return {key: value for key, value in values.items() if rules[key].since == 1 or value != rules[key].absent}

    return spare(model | {"history": spare(model["history"], HISTORY_RULES)}, MODEL_RULES)


def _versions(model: Model, arrays: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield (version of the format that brought it, name) for what a sound model has."""
    yield from ((MODEL_RULES[key].since, key) for key in model)
    yield from ((HISTORY_RULES[key].since, key) for key in model["history"])
    yield from ((SERIES[key], f"history.{key}") for key in SERIES if f"history.{key}" in arrays)
    optimizer = [model["optimizer"]["name"]] if model["optimizer"] else []
    for name in (*model["activations"], model["loss"], *optimizer):
        yield NAMES_SINCE.get(name_and_parameter(name)[0], 1), name


def _check_functions(names: list[str], loss: str, n_layers: int) -> None:
    """Refuse activations that are unknown, too few, or not what the loss computes with."""
    link = _canonical(losses.get, loss).link
    if len(names) != n_layers:
        raise ModelFileError(f"the model has {n_layers} layers and {len(names)} activations")
    for name in names[:-1] if link else names:
        _canonical(activations.get, name)  # "softmax" is only ever a link
    if link and names[-1] != link:
        raise ModelFileError(f"the last activation is {names[-1]!r}, the loss {loss!r} needs {link!r}")


def _canonical(get: Callable[[str], Any], name: str) -> Any:
    """Return what `get` finds under a name, which must be spelt as `save` spells it."""
    found = get(name)
    if str(found) != name:
        raise ModelFileError(f"{str(found)!r} is misspelt, as {name!r}")
    return found


def _check_optimizer(optimizer: Model) -> None:
    name = optimizer.get("name")
    cls = optimizers.Optimizer.registry.get(name) if isinstance(name, str) else None
    if not isinstance(name, str) or cls is None:
        raise ModelFileError(unknown("optimizer", name, optimizers.Optimizer.registry))
    check_keys(optimizer, {"name", *updates.specifications()[name][1]}, "the optimizer")
    hyperparameters = {key: value for key, value in optimizer.items() if key != "name"}
    for key, value in hyperparameters.items():
        if type(value) not in (int, float):
            raise ModelFileError(f"{key!r} of the optimizer must be a number, not {brief(value)}")
    cls(**hyperparameters)  # checks their ranges

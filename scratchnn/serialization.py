"""What a model file means: the state of a network, checked against fixed tables.

A file picks its activations, loss and optimizer from closed lists, and names no code, no path and
no address. The arrays that a network needs follow from the header alone, so they are compared
with those of the file before any is read. `container` knows the bytes, and `docs/model_file.md`
describes both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from . import container, losses, optimizers
from .architecture import check_outputs, check_scaling, parse_normalization
from .bounds import Bounds
from .container import ArraySpec, Model, Path
from .core import activations
from .core.names import unknown
from .errors import ModelFileError
from .losses import CustomLoss
from .scaling import GIVEN, RULES, Scaling
from .schedules import Schedule
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
# Series of the history, by format version: too long for the header, so kept as arrays.
SERIES: dict[int, tuple[str, ...]] = {1: ("loss", "validation_loss")}
SERIES[2] = (*SERIES[1], "validation_score", "learning_rate")
# The activations, losses and optimizers that format version 1 knows.
NAMES_OF_1 = re.compile(
    r"identity|sigmoid|tanh|relu|leaky_relu\(.+\)|elu\(.+\)|selu|softplus|silu|gelu|softsign|exp|hard_sigmoid|hard_tanh|"
    r"hard_silu|relu6|softmax|mean_squared_error|half_sum_squared_error|mean_absolute_error|huber\(.+\)|"
    r"binary_cross_entropy|cross_entropy|poisson|sgd|momentum|nesterov|rmsprop|adagrad|adam|adamw|nadam"
)


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
    if isinstance(state["loss"], CustomLoss):
        raise ValueError(
            f"the loss {network.loss!r} is a Python function, which a model file cannot hold; expected a loss of "
            "scratchnn.losses"
        )
    history = dict(state["history"])
    series = {key: np.array(history.pop(key), np.float64) for key in SERIES[2]}
    model = state | {"history": history}
    version = _lowest_version(model, [key for key, values in series.items() if values.size])
    model = {key: model[key] for key in MODEL_RULES[version]}
    _check_model(model, version)
    arrays |= {f"history.{key}": values for key, values in series.items() if values.size}
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
    series = {key: arrays.pop(f"history.{key}", np.empty(0)).tolist() for key in SERIES[2]}
    state = dict.fromkeys(MODEL_RULES[2]) | model | {"history": model["history"] | series}
    with container.naming(path):
        return cls.from_state(state, arrays)


def _lowest_version(model: Model, series: list[str]) -> int:
    """Return the lowest format version that can hold a model whose history has these series."""
    optimizer = model["optimizer"]
    names = [*model["activations"], model["loss"], *([optimizer["name"]] if optimizer else [])]
    holds = (
        set(series) <= set(SERIES[1])
        and model["history"]["stopped"] in STOPPED[1]
        and all(map(NAMES_OF_1.fullmatch, names))
        and not any(model[key] for key in MODEL_RULES[2].keys() - MODEL_RULES[1].keys())
    )
    return 1 if holds else 2


def _check(model: Model, specs: dict[str, ArraySpec], version: int) -> None:
    """Refuse a model out of a file, or arrays that are not exactly those it needs."""
    _check_model(model, version)
    expected = dict(_expected_arrays(model)) | dict(_expected_scalings(model, specs))
    for name, (dtype, shape, _) in specs.items():
        if name in (f"history.{key}" for key in SERIES[version]):
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
        kinds = model.get("normalization") or ()
        for i, (shape, kind) in enumerate(zip_longest(pairwise(model["layer_sizes"]), kinds)):
            yield f"layers.{i}.weights{suffix}", (dtype, shape)
            names = ["biases"] if model["biases"] and kind != "batch" else []
            names += ["gain", "shift"] if kind else []
            names += ["running_mean", "running_variance"] if kind == "batch" and not suffix else []
            for name in names:
                yield f"layers.{i}.{name}{suffix}", (dtype, shape[1:])


def _expected_scalings(model: Model, specs: dict[str, ArraySpec]) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield (name, (dtype, shape)) of what scales inputs and targets; of a rule only once it has been measured."""
    sizes = {"inputs": model["layer_sizes"][0], "targets": _n_targets(model)}
    for kind, n in sizes.items():
        rule, names = model.get(f"scale_{kind}"), (f"{kind}.shift", f"{kind}.scale")
        if rule == GIVEN or (rule is not None and any(name in specs for name in names)):
            yield from ((name, ("<f8", (n,))) for name in names)


def _n_targets(model: Model) -> int:
    n_outputs: int = model["layer_sizes"][-1]
    return n_outputs // losses.get(model["loss"]).outputs_per_target


# ---- the header's values ----


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _is_size(value: object) -> bool:
    return type(value) in (int, float) and 0 <= cast(float, value) < math.inf


def _is_ascending(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_count, value)) and value == sorted(set(value))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_sizes(value: object) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 1 + MAX_LAYERS
        and all(_is_count(size) and size > 0 for size in value)
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _is_kinds(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(kind is None or _is_name(kind) for kind in value))


def _is_rates(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_rate, value)))


def _is_rate(value: object) -> bool:
    return type(value) in (int, float) and dropout_fits(cast(float, value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _is_loss(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LOSS


def _is_rule(value: object) -> bool:
    return value is None or value in (*RULES, GIVEN)


def _is_bounds(value: object) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(end is None or type(end) in (int, float) for end in value)
    )


STOPPED: dict[int, tuple[str, ...]] = {1: ("", "completed", "patience", "callback", "interrupted", "diverged")}
STOPPED[2] = (*STOPPED[1], "max_steps", "max_seconds", "converged", "line_search", "max_evaluations")

Rules = dict[str, tuple[Callable[[Any], bool], str]]
COUNT = (_is_count, "an integer from 0 to 2**53")
NULL_OR_OBJECT = (lambda value: value is None or isinstance(value, dict), "null or an object")
RULE = (_is_rule, f"null, {', '.join(map(repr, RULES))} or {GIVEN!r}")
MODEL_RULES: dict[int, Rules] = {}  # by format version
MODEL_RULES[1] = {
    "layer_sizes": (_is_sizes, f"a list of 2 to {1 + MAX_LAYERS} positive integers"),
    "activations": (_is_names, f"a list of names of at most {MAX_NAME} characters"),
    "loss": (_is_loss, f"a name of at most {MAX_LOSS} characters"),
    "biases": (lambda value: isinstance(value, bool), "true or false"),
    "dtype": (lambda value: value in tuple(ITEM_TYPE), " or ".join(map(repr, ITEM_TYPE))),
    "seed": (lambda value: type(value) is int and 0 <= value < 1 << 64, "an integer from 0 to 2**64 - 1"),
    "random_counter": COUNT,
    "steps": COUNT,
    "history": (lambda value: isinstance(value, dict), "an object"),
    "optimizer": NULL_OR_OBJECT,
    "metadata": (lambda value: isinstance(value, dict), "an object"),
}
MODEL_RULES[2] = MODEL_RULES[1] | {
    "frozen": (_is_ascending, "a list of integers in ascending order, from 0"),
    "normalization": (_is_kinds, "null or a list of names and null"),
    "dropout": (_is_rates, "null or a list of rates: 0, or from 2**-16 to 1 - 2**-16"),
    "input_dropout": (_is_rate, "0 or a rate from 2**-16 to 1 - 2**-16"),
    "input_noise": (_is_size, "a number of at least 0"),
    "noise_counter": COUNT,
    "schedule": NULL_OR_OBJECT,
    "unfinished_epoch": NULL_OR_OBJECT,
    "scale_inputs": RULE,
    "scale_targets": RULE,
    "bounds": (_is_bounds, "null or a list of two numbers, of which one may be null"),
}
HISTORY_RULES: dict[int, Rules] = {
    version: {
        "seconds": (_is_size, "a number of at least 0"),
        "samples": COUNT,
        "stopped": (words.__contains__, f"one of {', '.join(map(repr, words))}"),
    }
    for version, words in STOPPED.items()
}
SCHEDULE_RULES: Rules = {
    "rule": (lambda value: isinstance(value, dict), "an object"),
    "from_step": COUNT,
    "from_epoch": COUNT,
}
UNFINISHED_RULES: Rules = {
    "n_samples": COUNT,
    "batch_size": (lambda value: _is_count(value) and value > 0, "an integer from 1 to 2**53"),
    "shuffle": (lambda value: isinstance(value, bool), "true or false"),
    "samples": COUNT,
    "loss": (_is_number, "a number"),
    "penalty": (_is_number, "a number"),
}


def _check_model(model: Model, version: int) -> None:
    """Raise ValueError for a model that is no network's state."""
    _check_rules(model, MODEL_RULES[version], "the model")
    _check_rules(model["history"], HISTORY_RULES[version], "the history")
    _check_functions(model["activations"], model["loss"], model["layer_sizes"])
    if version > 1:
        _check_scaling(model)
        n_hidden = len(model["layer_sizes"]) - 2
        parse_normalization(model["normalization"], n_hidden)
        if model["dropout"] is not None and len(model["dropout"]) != n_hidden:
            raise ModelFileError(f"the model has {n_hidden} hidden layers and {len(model['dropout'])} rates of dropout")
        if model["frozen"] and model["frozen"][-1] >= len(model["activations"]):
            layers = f"0 ... {len(model['activations']) - 1}"
            raise ModelFileError(f"layer {model['frozen'][-1]} is frozen; the model's layers are {layers}")
    if model["optimizer"] is not None:
        _check_optimizer(model["optimizer"])
    if model.get("schedule") is not None:
        _check_schedule(model["schedule"], model["steps"])
    if model.get("unfinished_epoch") is not None:
        _check_unfinished(model["unfinished_epoch"])


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


def _check_scaling(model: Model) -> None:
    """Refuse scalings and bounds that do not go together with the loss or the last activation."""
    bounds = Bounds.parse(model["bounds"], model["dtype"])
    rule = model["scale_targets"]
    check_scaling(None if rule is None else Scaling(rule), bounds, losses.get(model["loss"]))
    last = model["activations"][-1]
    if bounds is not None and last != bounds.activation:
        raise ModelFileError(f"the last activation is {last!r}, the bounds need {bounds.activation!r}")


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


def _check_schedule(schedule: Model, steps: int) -> None:
    _check_rules(schedule, SCHEDULE_RULES, "the schedule")
    if schedule["from_step"] > steps:
        raise ModelFileError(f"the schedule began after step {schedule['from_step']}, and there were {steps}")
    rule = schedule["rule"]
    try:
        found = Schedule.from_dict(rule)
    except TypeError as error:
        raise ModelFileError(str(error)) from None
    if found.to_dict() != rule:
        raise ModelFileError(f"the schedule {brief(rule)} leaves out what it has, which is {found!r}")


def _check_unfinished(epoch: Model) -> None:
    _check_rules(epoch, UNFINISHED_RULES, "the unfinished epoch")
    done, n_samples = epoch["samples"], epoch["n_samples"]
    if not 0 < done < n_samples or done % epoch["batch_size"]:
        raise ModelFileError(
            f"the unfinished epoch has done {done} of {n_samples} samples in batches of {epoch['batch_size']}"
        )

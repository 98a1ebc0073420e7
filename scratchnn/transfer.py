"""Transfer learning: new layers on layers that another training has taught."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from . import losses
from .architecture import one_for_each_layer, parse_activations
from .layers import Dense
from .losses import Loss
from .network import NeuralNetwork
from .validation import integer

__all__ = ["with_head"]

Network = TypeVar("Network", bound=NeuralNetwork)


def with_head(
    network: Network,
    head: int | Sequence[int],
    *,
    keep: int | None,
    freeze: bool,
    activation: Any,
    output_activation: Any,
    loss: str | Loss | None,
    weight_init: Any,
    bias_init: Any,
    seed: int | None,
) -> Network:
    """Return a network of the same class; ``NeuralNetwork.with_head`` says what each argument means."""
    kept, widths = _kept(network, keep), _widths(head)
    if not isinstance(freeze, (bool, np.bool_)):
        raise TypeError(f"freeze is {freeze!r}; expected True or False")
    chosen_loss = network._loss if loss is None else losses.get(loss)
    activation = kept[-1].activation if activation is None else activation
    names = parse_activations(activation, output_activation, len(widths), chosen_loss)
    weight_inits = one_for_each_layer("weight_init", weight_init, len(widths))
    bias_inits = one_for_each_layer("bias_init", "zeros" if bias_init is None else bias_init, len(widths))
    result = type(network).__new__(type(network))
    NeuralNetwork.__init__(
        result,
        [network.n_inputs, *(layer.n_outputs for layer in kept), *widths],
        activation=[*(layer.activation for layer in kept), *names],
        loss=chosen_loss,
        biases=network._biases,
        normalization=[*(layer.normalization for layer in kept), *[None] * len(widths)][: len(kept) + len(widths) - 1],
        weight_init=[*(layer.weights for layer in kept), *weight_inits],
        bias_init=[*(layer.biases for layer in kept), *bias_inits],
        dtype=network.dtype,
        seed=seed,
    )
    result._set_scaling(network._input_scaling, result._target_scaling)
    for ours, theirs in zip(result.layers, kept, strict=False):
        ours.trainable = theirs.trainable and not freeze
        ours.dropout = theirs.dropout
        for name in ("gain", "shift", "running_mean", "running_variance"):
            if getattr(theirs, name) is not None:
                setattr(ours, name, getattr(theirs, name))
    result.__dict__.update(copy.deepcopy(network._own_attributes()))
    return result


def _kept(network: NeuralNetwork, keep: int | None) -> tuple[Dense, ...]:
    n_layers = len(network.layers)
    if keep is None and n_layers == 1:
        raise ValueError("the network has one layer, so none below its head; keep=1 keeps it, with a head on top")
    kept = network.layers[: n_layers - 1 if keep is None else integer("keep", keep, 1, n_layers)]
    if kept[-1].activation == "softmax":
        raise ValueError(f"keep is {keep}, but layers[{len(kept) - 1}] is a softmax, which only an output can be")
    return kept


def _widths(head: int | Sequence[int]) -> list[int]:
    if isinstance(head, (str, bytes)) or not hasattr(head, "__iter__"):
        return [integer("head", head, 1)]
    widths = [integer(f"head[{i}]", width, 1) for i, width in enumerate(head)]
    if not widths:
        raise ValueError("head is empty; expected the number of outputs, or widths such as [16, 5]")
    return widths

"""What a network's constructor is told of its architecture, checked and completed."""

from __future__ import annotations

import itertools
import math
from typing import Any

from .bounds import Bounds
from .core import activations
from .core.losses import links
from .core.names import name_and_parameter, unknown
from .core.topology import KINDS
from .losses import Loss
from .scaling import Scaling
from .validation import dropout_rate, integer

__all__ = [
    "check_outputs",
    "check_scaling",
    "one_for_each_layer",
    "parse_activations",
    "parse_dropout",
    "parse_layer_sizes",
    "parse_normalization",
]

_KINDS = f"{', '.join(map(repr, KINDS))} or None"

# Beyond this no machine has the memory, and products of sizes would leave 64 bits.
_MOST_BYTES = 1 << 47


def parse_layer_sizes(layer_sizes: Any) -> tuple[int, ...]:
    """Return the sizes as integers >= 1, at least two of them, for which a machine may have the memory."""
    if isinstance(layer_sizes, (str, bytes)) or not hasattr(layer_sizes, "__iter__"):
        raise TypeError(f"layer_sizes is {layer_sizes!r}; expected a sequence of integers such as [2, 3, 1]")
    sizes = tuple(integer(f"layer_sizes[{i}]", size, 1) for i, size in enumerate(layer_sizes))
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes is {list(sizes)}; expected at least inputs and outputs, such as [2, 1]")
    if 8 * sum(math.prod(pair) for pair in itertools.pairwise(sizes)) > _MOST_BYTES:
        raise ValueError(f"layer_sizes {list(sizes)} need more memory than any machine has")
    return sizes


def check_outputs(n_outputs: int, loss: Loss) -> None:
    """Raise ValueError unless the outputs are those of a whole number of targets."""
    if n_outputs % loss.outputs_per_target:
        raise ValueError(
            f"the network has {n_outputs} output{'s' if n_outputs > 1 else ''}; the loss {loss.name!r} expects "
            f"{loss.outputs_per_target} for each target"
        )


def check_scaling(targets: Scaling | None, bounds: Bounds | None, loss: Loss) -> None:
    """Raise ValueError unless the loss goes together with targets that are scaled, or have bounds."""
    if targets is not None and bounds is not None:
        raise ValueError(
            "scale_targets and bounds are both given; bounds have a scaling of their own, give one of them"
        )
    if targets is not None and not loss.scales_targets:
        raise ValueError(
            f"scale_targets is given, but to the loss {str(loss)!r} targets mean what they are, classes, counts or "
            "probabilities; leave it out"
        )
    if bounds is not None:
        bounds.check_loss(loss)


def parse_activations(
    activation: Any,
    output_activation: Any,
    n_layers: int,
    loss: Loss,
    bounds: Bounds | None = None,
    targets_are_scaled: bool = False,
) -> list[str]:
    """Return every layer's activation by name; the last may be the link of a loss, or what bounds need."""
    if isinstance(activation, (str, activations.Activation)):
        hidden = str(activations.get(activation))
        names = [hidden] * (n_layers - 1)
        default = loss.link or ("sigmoid" if hidden == "sigmoid" and not targets_are_scaled else "identity")
        if bounds is not None:
            default = bounds.activation
    else:
        if not isinstance(activation, (list, tuple)):
            raise TypeError(f"activation is {activation!r}; expected a name, or a list with one for each layer")
        if output_activation is not None:
            raise ValueError("activation names every layer, the output's included; output_activation says it again")
        names = [name if name in links() else str(activations.get(name)) for name in activation]
        if len(names) != n_layers:
            raise ValueError(f"activation names {len(names)} activations; expected one for each of {n_layers} layers")
        default = names.pop()
    for name in names:
        if name in links():
            raise ValueError(f"{name} is an output activation; expected another for the hidden layers")
    output = default if output_activation is None else output_activation
    if output not in links():
        try:
            output = str(activations.get(output))
        except ValueError:
            known = (*activations.names(), *links())
            if isinstance(output, str) and name_and_parameter(output)[0] not in known:
                raise ValueError(unknown("output activation", output, known)) from None
            raise
    if bounds is not None and output != bounds.activation:
        raise ValueError(f"bounds need the output activation {bounds.activation!r}; {output!r} was given")
    if loss.link and output != loss.link:
        raise ValueError(f"the loss {loss.name!r} needs the output activation {loss.link!r}; {output!r} was given")
    if output in links() and loss.link != output:
        able = " or ".join(repr(cls.name) for cls in dict.fromkeys(Loss.registry.values()) if cls.link == output)
        raise ValueError(f"the output activation {output!r} needs the loss {able}; {str(loss)!r} was given")
    return [*names, output]


def parse_normalization(normalization: Any, n_hidden: int) -> list[str]:
    """Return how each layer is normalised, "" for not at all; an output layer is not."""
    if normalization is None or isinstance(normalization, str):
        if normalization is not None and n_hidden == 0:
            raise ValueError(f"normalization is {normalization!r}, but the network has no hidden layer; expected None")
        kinds = [normalization] * n_hidden
    elif not isinstance(normalization, (list, tuple)) or len(normalization) != n_hidden:
        expected = f"{_KINDS}, or a list with one for each of {n_hidden} hidden layer(s)"
        raise ValueError(f"normalization is {normalization!r}; expected {expected}")
    else:
        kinds = list(normalization)
    for kind in kinds:
        if kind is not None and not isinstance(kind, str):
            raise TypeError(f"normalization has {kind!r}; expected {_KINDS}")
        if kind is not None and kind not in KINDS:
            raise ValueError(unknown("normalization", kind, KINDS))
    return [*(kind or "" for kind in kinds), ""]


def parse_dropout(dropout: Any, n_hidden: int) -> list[float]:
    """Return the rate for each hidden layer's outputs."""
    if not isinstance(dropout, (list, tuple)):
        rate = dropout_rate("dropout", dropout)
        if rate > 0 and n_hidden == 0:
            raise ValueError(f"dropout is {dropout!r}, but the network has no hidden layer; expected 0")
        return [rate] * n_hidden
    if len(dropout) != n_hidden:
        raise ValueError(f"dropout has {len(dropout)} rates; expected one for each of {n_hidden} hidden layer(s)")
    return [dropout_rate(f"dropout[{i}]", rate) for i, rate in enumerate(dropout)]


def one_for_each_layer(name: str, initializer: Any, n_layers: int) -> list[Any]:
    """Return what a list gives each layer; a name, or None for the default, serves all."""
    if initializer is None or isinstance(initializer, str):
        return [initializer] * n_layers
    if not isinstance(initializer, (list, tuple)) or len(initializer) != n_layers:
        given = type(initializer).__name__
        raise ValueError(f"{name} is {given}; expected a name, or a list of {n_layers}, one for each layer")
    return list(initializer)

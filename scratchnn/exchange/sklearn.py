"""scikit-learn's multilayer perceptrons as networks, and networks as these."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from .. import losses
from .parts import Part, build

if TYPE_CHECKING:
    from ..network import NeuralNetwork

__all__ = ["load", "make"]

Array = npt.NDArray[Any]
Network = TypeVar("Network", bound="NeuralNetwork")

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}  # theirs: ours

# The losses that training with scikit-learn goes on with: the same up to a factor.
SQUARES = ("mean_squared_error", "half_sum_squared_error", "half_squared_error")
POISSON = ("poisson", "poisson_deviance")
LOG_LOSS = ("cross_entropy", "binary_cross_entropy", "summed_binary_cross_entropy")


# ---- from scikit-learn ----


def load(cls: type[Network], estimator: Any, seed: int | None) -> Network:
    """Return the network of a fitted estimator; ``NeuralNetwork.from_sklearn`` says which."""
    neural_network = _neural_network()
    from ..estimators import MLPClassifier, MLPRegressor

    theirs = (neural_network.MLPClassifier, neural_network.MLPRegressor)
    ours = (MLPClassifier, MLPRegressor)
    if not isinstance(estimator, (*theirs, *ours)):
        raise TypeError(
            f"estimator is {type(estimator).__name__}; expected a fitted MLPClassifier or MLPRegressor"
            + (", which is the last step of a Pipeline" if hasattr(estimator, "steps") else "")
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError(f"this {type(estimator).__name__} is not fitted; call its fit before")
    network = _copy(cls, estimator, seed) if isinstance(estimator, ours) else _from_theirs(cls, estimator, seed)
    classes = getattr(estimator, "classes_", None)
    network.metadata |= {
        "task": "regression" if classes is None else "classification",
        "classes": None if classes is None else np.asarray(classes).tolist(),
    }
    return network


def _copy(cls: type[Network], estimator: Any, seed: int | None) -> Network:
    state, arrays = estimator.network_.get_state()
    if seed is not None:
        state["seed"] = seed
    return cls.from_state(state, arrays)


def _from_theirs(cls: type[Network], estimator: Any, seed: int | None) -> Network:
    names = (f"coefs_[{i}]" for i in range(len(estimator.coefs_)))
    parts = list(map(Part, names, estimator.coefs_, estimator.intercepts_))
    if hasattr(estimator, "classes_"):
        loss = "cross_entropy" if estimator.out_activation_ == "softmax" else "summed_binary_cross_entropy"
    else:
        loss = {"squared_error": "half_squared_error", "poisson": "poisson_deviance"}[estimator.loss]
    chosen = losses.get(loss)
    hidden = [ACTIVATIONS[estimator.activation]] * (len(parts) - 1)
    dtype = parts[0].weights.dtype
    return build(cls, parts, chosen, [*hidden, chosen.link or "identity"], dtype=dtype, seed=seed)


# ---- to scikit-learn ----


def make(network: NeuralNetwork) -> Any:
    """Return a fitted estimator; ``NeuralNetwork.to_sklearn`` says which."""
    neural_network = _neural_network()
    activation = _check(network)
    sizes = network.layer_sizes
    weights = [layer.weights.copy() for layer in network.layers]
    biases = [np.array(layer.biases) for layer in network.layers]
    settings = {"hidden_layer_sizes": sizes[1:-1], "activation": activation}
    samples = np.zeros((2, network.n_inputs), network.dtype)
    link = network.layers[-1].activation
    if link not in ("softmax", "sigmoid"):
        return _fitted(_regressor(neural_network, link, settings), samples, _zeros(sizes[-1]), {}, weights, biases)
    estimator = neural_network.MLPClassifier(**settings)
    if link == "sigmoid" and sizes[-1] > 1:  # independent labels
        targets = np.array([[0] * sizes[-1], [1] * sizes[-1]])
        return _fitted(estimator, samples, targets, {"classes": np.arange(sizes[-1])}, weights, biases)
    classes, order = _classes(network, max(sizes[-1], 2))
    if link == "sigmoid":
        sign = 1 if order[0] == 0 else -1  # the output is the probability of the second class
        weights[-1], biases[-1] = sign * weights[-1], sign * biases[-1]
    else:
        weights[-1], biases[-1] = weights[-1][:, order], biases[-1][order]
        if sizes[-1] == 2:  # p = softmax(z)_1 = sigmoid(z_1 - z_0)
            weights[-1], biases[-1] = np.diff(weights[-1], axis=1), np.diff(biases[-1])
    return _fitted(estimator, samples, classes[[0, -1]], {"classes": classes}, weights, biases)


def _zeros(n_outputs: int) -> Array:
    return np.zeros(2 if n_outputs == 1 else (2, n_outputs))


def _regressor(neural_network: Any, link: str, settings: dict[str, Any]) -> Any:
    if link == "identity":
        return neural_network.MLPRegressor(**settings)
    if "loss" not in neural_network.MLPRegressor().get_params():
        _refuse("the output activation 'exp'; its version 1.7 and newer can")
    return neural_network.MLPRegressor(loss="poisson", **settings)


def _fitted(
    estimator: Any, X: Array, y: Array, arguments: dict[str, Any], weights: list[Array], biases: list[Array]
) -> Any:
    """Return an estimator that has been through scikit-learn's own start, with these parameters and without a past."""
    estimator.partial_fit(X, y, **arguments)
    for view, values in zip([*estimator.coefs_, *estimator.intercepts_], [*weights, *biases], strict=True):
        view[...] = values
    vars(estimator).pop("_optimizer", None)  # the next fit makes one
    estimator.loss_curve_, estimator.best_loss_ = [], np.inf
    estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0
    return estimator


def _classes(network: NeuralNetwork, n: int) -> tuple[Array, Array]:
    """Return the classes in scikit-learn's order, which is sorted, and the outputs that are theirs."""
    given = network.metadata.get("classes")
    if given is None:
        return np.arange(n), np.arange(n)
    kinds = {isinstance(label, str) for label in given} if isinstance(given, (list, tuple)) else set()
    labels = bool(kinds) and all(isinstance(label, (str, int, float)) for label in given)
    if not labels or len(kinds) > 1 or len(given) != n or len(set(given)) != n:
        raise ValueError(f"metadata['classes'] is {given!r}; expected {n} different labels, all numbers or all texts")
    if any(isinstance(label, float) and not label.is_integer() for label in given):
        _refuse("classes that are fractions")
    classes = np.array(given)
    order = np.argsort(classes)
    return classes[order], order


def _check(network: NeuralNetwork) -> str:
    """Return scikit-learn's name of the hidden layers' activation; ValueError for what it cannot express."""
    *hidden, last = network.layers
    for name, value in (
        ("bounds", network.bounds),
        ("scale_inputs", network.input_scaling),
        ("scale_targets", network.target_scaling),
    ):
        if value is not None:
            _refuse(name)
    for i, layer in enumerate(network.layers):
        if layer.normalization is not None:
            _refuse(f"normalization={layer.normalization!r}, of layers[{i}]")
        if layer.biases is None:
            _refuse(f"layers without biases, as layers[{i}]")
    theirs = {ours: name for name, ours in ACTIVATIONS.items()}
    for (i, layer), (_, after) in pairwise(enumerate(hidden)):
        if layer.activation != after.activation:
            _refuse(f"different activations, {layer.activation!r} of layers[{i}] and {after.activation!r} after it")
    if hidden and hidden[0].activation not in theirs:
        _refuse(f"the activation {hidden[0].activation!r}; it has {', '.join(map(repr, theirs))}")
    _check_output(network.loss, last.activation, network.n_outputs)
    return theirs[hidden[0].activation] if hidden else "relu"


def _check_output(loss: str, activation: str, n_outputs: int) -> None:
    expected = {
        "softmax": LOG_LOSS[:1],
        "sigmoid": LOG_LOSS[1:],
        "exp": POISSON,
        "identity": SQUARES,
    }
    if activation not in expected:
        _refuse(f"the output activation {activation!r}; it has softmax, sigmoid, exp and identity")
    if loss not in expected[activation]:
        _refuse(f"the loss {loss!r} of outputs with {activation!r}; it has {', '.join(expected[activation])}")
    if activation == "softmax" and n_outputs == 1:
        _refuse("softmax of a single output")


def _refuse(what: str) -> NoReturn:
    raise ValueError(f"scikit-learn cannot express {what}")


def _neural_network() -> Any:
    try:
        from sklearn import neural_network
    except ImportError as error:
        raise ImportError(
            'from_sklearn and to_sklearn need scikit-learn: pip install "scratchnn[sklearn]"', name="sklearn"
        ) from error
    return neural_network
